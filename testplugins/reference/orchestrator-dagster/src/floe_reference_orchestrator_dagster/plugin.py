"""Steps run by Dagster, in this process or in a process each."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, Field

from floe_plugins import HealthState, HealthStatus, OrchestratorPlugin, PluginError, UnsupportedOperationError
from floe_plugins.hookspecs.orchestrator import Plan, Run, RunReport, Schedule, Step
from floe_plugins.hookspecs.running import InThread
from floe_reference_orchestrator_dagster import _processes, _steps
from floe_reference_orchestrator_dagster._processes import ProcessRun

if TYPE_CHECKING:
    from dagster import JobDefinition

# What steps raise stands in the report; who wants Dagster's own account of it adds a handler.
logging.getLogger("floe_reference_orchestrator_dagster").addHandler(logging.NullHandler())


class DagsterConfig(BaseModel):
    """The name of a plan in Dagster, where its steps run, and its retries."""

    job: str = Field(
        default="floe",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the job in Dagster, and in what is exported",
    )
    executor: Literal["in_process", "multiprocess"] = Field(
        default="in_process",
        description="in_process: one step after another in this process; multiprocess: side by side, in a process each",
    )
    max_concurrent: int | None = Field(
        default=None, ge=1, description="Steps that run side by side, by default as many as the machine has cores"
    )
    retry_delay: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Seconds before a step that raised is tried again"
    )


class _Prepared(NamedTuple):
    call: Callable[[], RunReport]
    cancel: Callable[[], object]


class DagsterOrchestrator(OrchestratorPlugin):
    """Steps as ops of a Dagster job, one after another in this process, or side by side in a process each.

    Nothing is kept of a run but its report. Once the plugin is being stopped no
    further step begins: those of a run under way fail, and stopping waits for
    the steps that are running.
    """

    name = "dagster"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Steps run by Dagster, in this process or in a process each"
    config_schema = DagsterConfig
    config: DagsterConfig

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._stopping = False
        self._processes: set[ProcessRun] = set()

    def startup(self) -> None:
        self._stopping = False

    def shutdown(self) -> None:
        with self._changed:
            self._stopping = True
            for run in self._processes:
                run.stop()
            self._changed.wait_for(lambda: not self._running)

    def health_check(self) -> HealthStatus:
        try:
            engine = importlib.metadata.version("dagster")
        except importlib.metadata.PackageNotFoundError:
            return HealthStatus(HealthState.UNHEALTHY, "Dagster is not installed")
        details = {"engine": engine, "running": self._running}
        return HealthStatus(HealthState.HEALTHY, f"{self._running} plans are running", details)

    def build(self, steps: Sequence[Step]) -> Plan:
        _steps.check(steps)
        if self.config.executor == "multiprocess":
            if sys.platform == "win32":
                message = "on Windows, the processes of steps cannot be ended reliably"
                raise UnsupportedOperationError(message, hint="Set plugins.orchestrator.dagster.executor to in_process")
            _processes.check(steps)
        return Plan(tuple(steps), self._job(steps))

    def run(self, plan: Plan, select: Sequence[str] = ()) -> RunReport:
        return self._prepared(plan, select).call()

    def submit(self, plan: Plan, select: Sequence[str] = ()) -> Run:
        prepared = self._prepared(plan, select)
        self._refuse_when_stopping()
        return InThread(prepared.call, "a run of orchestrator:dagster", prepared.cancel)

    def export(self, plan: Plan, directory: Path, schedules: Sequence[Schedule] = ()) -> Path:
        from dagster import DagsterError

        from floe_reference_orchestrator_dagster import _exporting
        from floe_reference_orchestrator_dagster.definitions import definitions

        text = _exporting.source_of(plan.steps, schedules, self.config.model_dump())
        try:
            definitions(plan.steps, schedules, **self.config.model_dump())
        except DagsterError as error:
            message = f"Dagster refuses a schedule: {error}"
            raise ValueError(message) from error
        directory.mkdir(parents=True, exist_ok=True)
        return _written(directory / "definitions.py", text)

    def _prepared(self, plan: Plan, select: Sequence[str]) -> _Prepared:
        from dagster import JobDefinition

        if not isinstance(plan.native, JobDefinition):
            message = "the plan was built by another orchestrator: expected one that this plugin's build() gave"
            raise ValueError(message)  # noqa: TRY004 it is a plan, but not one of ours
        steps = _steps.selected(plan.steps, select) if select else plan.steps
        if self.config.executor == "in_process":
            cancelled = threading.Event()
            return _Prepared(lambda: self._run_here(steps, cancelled), cancelled.set)
        run = ProcessRun(
            steps,
            job=self.config.job,
            retry_delay=self.config.retry_delay,
            max_concurrent=self.config.max_concurrent,
        )
        return _Prepared(lambda: self._run_apart(run), run.cancel)

    def _run_here(self, steps: Sequence[Step], cancelled: threading.Event) -> RunReport:
        from floe_reference_orchestrator_dagster import _running

        with self._counted():
            return _running.run(self._job(steps, cancelled), steps)

    def _run_apart(self, run: ProcessRun) -> RunReport:
        with self._counted():
            with self._changed:
                self._processes.add(run)
                if self._stopping:
                    run.stop()
            try:
                return run.run()
            finally:
                with self._changed:
                    self._processes.remove(run)

    def _job(self, steps: Sequence[Step], cancelled: threading.Event | None = None) -> JobDefinition:
        from floe_reference_orchestrator_dagster.definitions import job_of

        def guarded(step: Step) -> None:
            if self._stopping or (cancelled is not None and cancelled.is_set()):
                from dagster import Failure

                why = "the orchestrator is being stopped" if self._stopping else "the run was cancelled"
                raise Failure(f"not begun: {why}", allow_retries=False)
            step.run()

        return job_of(steps, name=self.config.job, retry_delay=self.config.retry_delay, guard=guarded)

    def _refuse_when_stopping(self) -> None:
        if self._stopping:
            raise PluginError("nothing runs any more: the orchestrator is being stopped")

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._refuse_when_stopping()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


def _written(place: Path, text: str) -> Path:
    # A server that watches the file must not see half of it.
    unfinished = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        return unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)
