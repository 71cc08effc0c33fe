"""Run a job in this process and report its steps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import dagster

from floe_plugins.hookspecs.orchestrator import RunReport, Step, StepResult, StepState
from floe_reference_orchestrator_dagster._steps import op_names
from floe_reference_orchestrator_dagster.definitions import LOGS

if TYPE_CHECKING:
    from dagster import DagsterEvent, EventLogEntry, JobDefinition


def run(job: JobDefinition, steps: Sequence[Step]) -> RunReport:
    """Run a job made of ``steps`` and wait for its end."""
    began = time.perf_counter()
    # One for each run: nothing is kept, and runs in other threads do not meet in it.
    with dagster.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, raise_on_error=False, run_config=LOGS)
        entries = instance.all_logs(done.run_id)
    seconds = time.perf_counter() - began
    called = op_names(steps)
    results = {
        step.name: _result(step.name, [entry for entry in entries if entry.step_key == called[step.name]])
        for step in steps
    }
    return RunReport(steps=results, seconds=seconds)


def _result(name: str, entries: Iterable[EventLogEntry]) -> StepResult:
    began: float | None = None
    attempts = 0
    for entry in entries:
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_start:
            began = entry.timestamp
        if event.is_step_start or event.is_step_restarted:
            attempts += 1
        if began is not None and (event.is_step_success or event.is_step_failure):
            state = StepState.SUCCEEDED if event.is_step_success else StepState.FAILED
            return StepResult(name, state, entry.timestamp - began, attempts, _error(event))
    return StepResult(name, StepState.SKIPPED, attempts=0, error="a step that it needs did not succeed")


def _error(event: DagsterEvent) -> str:
    if not event.is_step_failure:
        return ""
    error = event.step_failure_data.error
    if error is None:
        return event.message or "failed"
    # The step's own error is what Dagster's speaks of.
    return (error.cause or error).message.strip()
