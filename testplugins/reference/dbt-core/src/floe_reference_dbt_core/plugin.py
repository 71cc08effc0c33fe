"""dbt-core in this process."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from floe_plugins import ComputePlugin, DBTPlugin, HealthState, HealthStatus, PluginError, UnsupportedOperationError
from floe_plugins.hookspecs.dbt import DbtCommand, DbtEvent, DbtManifest, DbtReport, DbtRun
from floe_reference_dbt_core import _running
from floe_reference_dbt_core._submitting import DbtProcess, turn

_TRIES = 5
_ARTIFACTS = ("manifest", "run_results", "semantic_manifest", "catalog", "sources")


class DbtConfig(BaseModel):
    """The dbt project and its settings."""

    compute: str | None = Field(default=None, description="Name of the compute plugin; the only one if not set")
    target: str = Field(default="dev", min_length=1, description="dbt target; the compute plugin has a schema for each")
    target_path: Path = Field(
        default=Path("target"), description="Directory of what dbt writes, relative to the project's directory"
    )
    vars: dict[str, Any] = Field(default_factory=dict, description="Variables of the dbt projects")


class DbtCore(DBTPlugin):
    """dbt projects, built in the database of a compute plugin.

    The compute plugin is asked to release its database before dbt opens it, and
    must not be used before dbt is done: two kinds of connection to one file
    exclude each other. Stopping waits for the command that is running, and cancels
    those that were submitted, each of which has a process of its own.
    """

    name = "core"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "dbt-core on the compute plugin's database"
    dependencies = ("compute",)
    config_schema = DbtConfig
    config: DbtConfig

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._own = threading.Lock()
        self._submitted: weakref.WeakSet[DbtProcess] = weakref.WeakSet()

    def startup(self) -> None:
        self._stopped.clear()

    def shutdown(self) -> None:
        self._stopped.set()
        submitted = [*self._submitted]
        for run in submitted:
            run.cancel()
        for run in submitted:
            with contextlib.suppress(Exception):
                run.result()
        # Held as long as a command of this plugin runs.
        with self._own:
            pass

    def health_check(self) -> HealthStatus:
        try:
            details: dict[str, object] = {"engine": importlib.metadata.version("dbt-core")}
            adapter = self._output()["type"]
            details["adapter"] = f"{adapter} {importlib.metadata.version(f'dbt-{adapter}')}"
        except importlib.metadata.PackageNotFoundError as error:
            return HealthStatus(HealthState.UNHEALTHY, f"{error.name} is not installed")
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, f"the compute plugin cannot serve dbt: {error}")
        details["busy"] = _running.LOCK.locked()
        return HealthStatus(HealthState.HEALTHY, "a command is running" if details["busy"] else "ready", details)

    def parse(self, project: Path) -> DbtManifest:
        from floe_reference_dbt_core._reading import manifest_of

        with self._turn():
            return manifest_of(self._invoke("parse", project).result)

    def build(
        self,
        project: Path,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        full_refresh: bool = False,  # noqa: FBT001, FBT002 the contract's own signature
    ) -> DbtReport:
        options = [*_each("--select", select), *_each("--exclude", exclude)]
        return self._report("build", project, [*options, "--full-refresh"] if full_refresh else options)

    def test(self, project: Path, select: Sequence[str] = ()) -> DbtReport:
        return self._report("test", project, _each("--select", select))

    def submit(self, project: Path, command: DbtCommand, on_event: Callable[[DbtEvent], None] | None = None) -> DbtRun:
        if command.verb == "retry" and (command.select or command.exclude or command.full_refresh):
            raise ValueError("'retry' takes what the last command was given: expected no selection")
        if self._stopped.is_set():
            raise PluginError("dbt runs no command any more: the plugin is being stopped")
        options = [*_each("--select", command.select), *_each("--exclude", command.exclude)]
        options += ["--full-refresh"] if command.full_refresh else []
        options += ["--threads", str(command.threads)] if command.threads is not None else []
        own = {name: str(_running.revealed(value)) for name, value in command.environment.items()}
        args, output = [command.verb, *options, *self._places(project)], self._output()
        run = DbtProcess(args, output, {**os.environ, **own}, self._alone(output), on_event)
        self._submitted.add(run)
        return run

    def _alone(self, output: Mapping[str, Any]) -> Callable[[threading.Event], contextlib.AbstractContextManager[None]]:
        """What a command enters that has a process of its own: a server lets any number in, a file only one."""

        @contextlib.contextmanager
        def file(cancelled: threading.Event) -> Iterator[None]:
            with turn(output["path"], cancelled), contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(self._compute().lease())
                except UnsupportedOperationError:
                    self._compute().release()
                yield

        return file if output["type"] == "duckdb" else lambda _: contextlib.nullcontext()

    def artifacts(self, project: Path) -> Mapping[str, Path]:
        places = {name: self._target(project) / f"{name}.json" for name in _ARTIFACTS}
        return {name: place for name, place in places.items() if place.is_file()}

    def _report(self, command: str, project: Path, options: Sequence[str]) -> DbtReport:
        from floe_reference_dbt_core._reading import report_of

        path = self._output().get("path", "")
        with self._turn(), _running.lock_of(path):
            began = time.perf_counter()
            done = self._invoke_on_database(command, project, options)
            return report_of(done.result.results, ok=done.success, seconds=time.perf_counter() - began)

    def _invoke_on_database(self, command: str, project: Path, options: Sequence[str]) -> Any:
        for _ in range(_TRIES - 1):
            self._compute().release()
            # Whatever asks the compute plugin in between, be it for its health, opens the database again.
            with contextlib.suppress(_running.DatabaseInUseError):
                return self._invoke(command, project, *options)
        self._compute().release()
        return self._invoke(command, project, *options)

    def _invoke(self, command: str, project: Path, *options: str) -> Any:
        return _running.invoke([command, *options, *self._places(project)], self._output())

    def _places(self, project: Path) -> tuple[str, ...]:
        project = project.absolute()
        if not (project / "dbt_project.yml").is_file():
            message = f"{project} is no dbt project: expected a file dbt_project.yml in it"
            raise ValueError(message)
        target = str(self._target(project))
        places = ("--project-dir", str(project), "--target-path", target, "--log-path", target)
        variables = ("--vars", json.dumps(self.config.vars)) if self.config.vars else ()
        return (*places, *variables)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        with self._own, _running.LOCK:
            if self._stopped.is_set():
                raise PluginError("dbt runs no command any more: the plugin is being stopped")
            yield

    def _compute(self) -> ComputePlugin:
        if self.config.compute is None:
            return self.registry.one(ComputePlugin)
        return self.registry.get(ComputePlugin, self.config.compute)

    def _output(self) -> Mapping[str, Any]:
        return self._compute().dbt_profile(self.config.target)

    def _target(self, project: Path) -> Path:
        return project.absolute() / self.config.target_path


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
