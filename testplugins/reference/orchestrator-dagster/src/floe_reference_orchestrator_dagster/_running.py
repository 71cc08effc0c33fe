"""Run a job in this process, and report the steps of a run, wherever it was."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster

from floe_plugins.hookspecs.orchestrator import RunReport, Step, StepResult, StepState
from floe_reference_orchestrator_dagster._steps import op_names
from floe_reference_orchestrator_dagster.definitions import LOGGER, LOGS, stored_in

if TYPE_CHECKING:
    from dagster import DagsterEvent, EventLogEntry, JobDefinition


def run(job: JobDefinition, steps: Sequence[Step]) -> RunReport:
    """Run a job made of ``steps`` and wait for its end."""
    began = time.perf_counter()
    # One for each run: nothing is kept, and runs in other threads do not meet in it.
    with dagster.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, raise_on_error=False, run_config=LOGS)
        entries = instance.all_logs(done.run_id)
    return _report(entries, steps, time.perf_counter() - began)


def report_of(directory: Path, steps: Sequence[Step], seconds: float) -> RunReport:
    """The report of the run that other processes have stored in a directory; its log goes to Python's."""
    with stored_in(directory) as instance:
        entries = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    logger = logging.getLogger(LOGGER)
    for entry in entries:
        event = entry.dagster_event
        kind = "" if event is None else event.event_type_value
        logger.log(int(entry.level), "%s - %s - %s", entry.step_key or entry.job_name, kind, entry.message)
    return _report(entries, steps, seconds)


def _report(entries: Sequence[EventLogEntry], steps: Sequence[Step], seconds: float) -> RunReport:
    called = op_names(steps)
    results = {
        step.name: _result(step.name, [entry for entry in entries if entry.step_key == called[step.name]])
        for step in steps
    }
    return RunReport(steps=results, seconds=seconds)


def _result(name: str, entries: Iterable[EventLogEntry]) -> StepResult:
    began: float | None = None
    attempts = 0
    crash = ""
    for entry in entries:
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_start:
            began = entry.timestamp
        if event.is_engine_event and event.engine_event_data.error is not None:
            crash = event.message or ""
        if event.is_step_start or event.is_step_restarted:
            attempts += 1
        if began is not None and (event.is_step_success or event.is_step_failure):
            state = StepState.SUCCEEDED if event.is_step_success else StepState.FAILED
            return StepResult(name, state, entry.timestamp - began, attempts, _error(event, crash))
    return StepResult(name, StepState.SKIPPED, attempts=0, error="a step that it needs did not succeed")


def _error(event: DagsterEvent, crash: str) -> str:
    if not event.is_step_failure:
        return ""
    error = event.step_failure_data.error
    if error is None:
        return event.message or "failed"
    if error.cls_name == "ChildProcessCrashException":
        # Without a message; how the process ended was said before.
        return crash or "the process of the step ended before the step had"
    # The step's own error is what Dagster's speaks of.
    return (error.cause or error).message.strip()
