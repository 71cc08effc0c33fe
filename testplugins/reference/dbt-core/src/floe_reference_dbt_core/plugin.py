"""dbt-core in this process."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from floe_plugins import ComputePlugin, DBTPlugin, HealthState, HealthStatus, PluginError
from floe_plugins.hookspecs.dbt import DbtManifest, DbtReport
from floe_reference_dbt_core import _running

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
    exclude each other. Stopping waits for the command that is running.
    """

    name = "core"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "dbt-core in this process, on the compute plugin's database"
    dependencies = ("compute",)
    config_schema = DbtConfig
    config: DbtConfig

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._own = threading.Lock()

    def startup(self) -> None:
        self._stopped.clear()

    def shutdown(self) -> None:
        self._stopped.set()
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

    def artifacts(self, project: Path) -> Mapping[str, Path]:
        places = {name: self._target(project) / f"{name}.json" for name in _ARTIFACTS}
        return {name: place for name, place in places.items() if place.is_file()}

    def _report(self, command: str, project: Path, options: Sequence[str]) -> DbtReport:
        from floe_reference_dbt_core._reading import report_of

        with self._turn():
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
        project = project.absolute()
        if not (project / "dbt_project.yml").is_file():
            message = f"{project} is no dbt project: expected a file dbt_project.yml in it"
            raise ValueError(message)
        target = str(self._target(project))
        places = ("--project-dir", str(project), "--target-path", target, "--log-path", target)
        variables = ("--vars", json.dumps(self.config.vars)) if self.config.vars else ()
        return _running.invoke([command, *options, *places, *variables], self._output())

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
