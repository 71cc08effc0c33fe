"""Steps as a Dagster job with one op each, and where its runs are stored."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from floe_plugins.hookspecs.orchestrator import Schedule, Step
from floe_reference_orchestrator_dagster._steps import op_names

# Read when Dagster is imported and whenever it would send something.
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"

import dagster

if TYPE_CHECKING:
    # Dagster itself looks at annotations of functions that it calls, so none of those has any here.
    from dagster import DagsterInstance, Definitions, ExecutorDefinition, JobDefinition, OpDefinition

LOGGER = "floe_reference_orchestrator_dagster"
LOGS: dict[str, dict[str, Any]] = {"loggers": {"python": {"config": {}}}}

Guard = Callable[[Step], object]
ExecutorName = Literal["in_process", "multiprocess"]


def _run(step: Step) -> object:
    return step.run()


def job_of(
    steps: Sequence[Step],
    *,
    name: str,
    retry_delay: float,
    guard: Guard = _run,
    executor: ExecutorDefinition = dagster.in_process_executor,
) -> JobDefinition:
    """A job that runs the steps, by default one after another in one process.

    ``guard`` runs a step, and what it raises is the step's failure; ``retry_delay``
    seconds later a step that is to be retried runs again.
    """
    called = op_names(steps)
    ops = [_op(step, called[step.name], retry_delay, guard) for step in steps]
    graph = dagster.GraphDefinition(name=f"{name}_steps", node_defs=ops, dependencies=_dependencies(steps, called))
    python = dagster.LoggerDefinition(lambda _: logging.getLogger(LOGGER), description="Python's own logging")
    return graph.to_job(
        name=name,
        executor_def=executor,
        logger_defs={"python": python, "console": dagster.colored_console_logger},
    )


def definitions(  # noqa: PLR0913 all that an exported file says
    steps: Sequence[Step],
    schedules: Sequence[Schedule] = (),
    *,
    job: str = "floe",
    retry_delay: float = 0.0,
    executor: ExecutorName = "in_process",
    max_concurrent: int | None = None,
) -> Definitions:
    """What Dagster's own server loads: the job, and its schedules switched on."""
    runs = side_by_side(max_concurrent) if executor == "multiprocess" else dagster.in_process_executor
    made = job_of(steps, name=job, retry_delay=retry_delay, executor=runs)
    return dagster.Definitions(
        jobs=[made],
        schedules=[
            dagster.ScheduleDefinition(
                name=schedule.name,
                job=made,
                cron_schedule=schedule.cron,
                execution_timezone=schedule.timezone,
                default_status=dagster.DefaultScheduleStatus.RUNNING,
            )
            for schedule in schedules
        ],
    )


def stored_in(directory: Path) -> DagsterInstance:
    """Dagster with its storage in that directory, for runs in several processes; what steps print is left alone."""
    logs = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    # Otherwise each process of a step says on standard error that it has begun.
    quiet = {"python_log_level": "ERROR"}
    return dagster.DagsterInstance.local_temp(str(directory), overrides={"compute_logs": logs, "python_logs": quiet})


def side_by_side(max_concurrent: int | None, *, copies: bool = False) -> ExecutorDefinition:
    """Runs each step in a process of its own.

    With ``copies``, these are copies of a process that has imported Dagster, which takes longer than most else.
    """
    config: dict[str, Any] = {} if max_concurrent is None else {"max_concurrent": max_concurrent}
    if copies:
        config["start_method"] = {"forkserver": {"preload_modules": [__name__]}}
    return dagster.multiprocess_executor.configured(config)


def _dependencies(
    steps: Sequence[Step], called: Mapping[str, str]
) -> dict[str, Mapping[str, dagster.MultiDependencyDefinition]]:
    return {
        called[step.name]: {
            "after": dagster.MultiDependencyDefinition(
                [dagster.DependencyDefinition(called[need]) for need in sorted({*step.needs})]
            )
        }
        for step in steps
        if step.needs
    }


def _op(step: Step, name: str, retry_delay: float, guard: Guard) -> OpDefinition:
    def run_step(_context):  # type: ignore[no-untyped-def]
        try:
            guard(step)
        except SystemExit as error:
            # Dagster would let it end the whole process.
            message = f"the step called sys.exit({error.code!r})"
            raise RuntimeError(message) from error

    return dagster.op(
        name=name,
        description=f"Step {step.name!r}",
        ins={"after": dagster.In(dagster.Nothing)} if step.needs else {},
        out=dagster.Out(dagster.Nothing),
        retry_policy=dagster.RetryPolicy(max_retries=step.retries, delay=retry_delay) if step.retries else None,
    )(run_step)
