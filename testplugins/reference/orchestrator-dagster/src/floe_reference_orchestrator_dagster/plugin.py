"""Steps run by Dagster, in this process."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from floe_plugins import HealthState, HealthStatus, OrchestratorPlugin, PluginError
from floe_plugins.hookspecs.orchestrator import Plan, RunReport, Schedule, Step
from floe_reference_orchestrator_dagster import _steps

if TYPE_CHECKING:
    from dagster import JobDefinition

# What steps raise stands in the report; who wants Dagster's own account of it adds a handler.
logging.getLogger("floe_reference_orchestrator_dagster").addHandler(logging.NullHandler())


class DagsterConfig(BaseModel):
    """The name of a plan in Dagster, and its retries."""

    job: str = Field(
        default="floe",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the job in Dagster, and in what is exported",
    )
    retry_delay: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Seconds before a step that raised is tried again"
    )


class DagsterOrchestrator(OrchestratorPlugin):
    """Steps as ops of a Dagster job, one after another on the thread that calls ``run``.

    Nothing is kept of a run but its report. Once the plugin is being stopped no
    further step begins: those of a run under way fail, and stopping waits for
    the step that is running.
    """

    name = "dagster"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Steps run by Dagster, in this process"
    config_schema = DagsterConfig
    config: DagsterConfig

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._stopping = False

    def startup(self) -> None:
        self._stopping = False

    def shutdown(self) -> None:
        with self._changed:
            self._stopping = True
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
        return Plan(tuple(steps), self._job(steps))

    def run(self, plan: Plan, select: Sequence[str] = ()) -> RunReport:
        from dagster import JobDefinition

        from floe_reference_orchestrator_dagster import _running

        if not isinstance(plan.native, JobDefinition):
            message = "the plan was built by another orchestrator: expected one that this plugin's build() gave"
            raise ValueError(message)  # noqa: TRY004 it is a plan, but not one of ours
        steps = _steps.selected(plan.steps, select) if select else plan.steps
        with self._counted():
            return _running.run(self._job(steps) if select else plan.native, steps)

    def export(self, plan: Plan, directory: Path, schedules: Sequence[Schedule] = ()) -> Path:
        from dagster import DagsterError

        from floe_reference_orchestrator_dagster import _exporting
        from floe_reference_orchestrator_dagster.definitions import definitions

        job, delay = self.config.job, self.config.retry_delay
        text = _exporting.source_of(plan.steps, schedules, job=job, retry_delay=delay)
        try:
            definitions(plan.steps, schedules, job=job, retry_delay=delay)
        except DagsterError as error:
            message = f"Dagster refuses a schedule: {error}"
            raise ValueError(message) from error
        directory.mkdir(parents=True, exist_ok=True)
        return _written(directory / "definitions.py", text)

    def _job(self, steps: Sequence[Step]) -> JobDefinition:
        from floe_reference_orchestrator_dagster.definitions import job_of

        return job_of(steps, name=self.config.job, retry_delay=self.config.retry_delay, guard=self._guarded)

    def _guarded(self, step: Step) -> None:
        if self._stopping:
            from dagster import Failure

            raise Failure("not begun: the orchestrator is being stopped", allow_retries=False)
        step.run()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            if self._stopping:
                raise PluginError("nothing runs any more: the orchestrator is being stopped")
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
