"""Shared by the tests: plugins that implement nothing, the lab, child interpreters and a generous timeout."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from floe_plugins import (
    LifecycleReport,
    Outcome,
    OutcomeState,
    PluginRef,
    PluginRegistry,
    PluginType,
    SecretsPlugin,
    Stage,
    StoragePlugin,
)
from floe_plugins.configuration.redaction.redactor import Redactor
from floe_plugins.entries.entry import Entry

# Seconds to wait for what takes no time; a test that passes never waits this long.
SOON = 30.0


def new_registry(config: Any = None, **options: Any) -> PluginRegistry:
    """A registry that finds no installed plugin and reads no environment variable."""
    return PluginRegistry(config, autoload="none", environ={}, **options)


def entry_of(registry: PluginRegistry, name: str) -> Entry:
    """What a registry keeps of the secrets plugin of that name."""
    return registry._store.entry(PluginRef(PluginType.SECRETS, name))


def redactor_of(model: object) -> Redactor:
    """The redactor of the secrets of a validated model."""
    return Redactor.of_values((model,), type(model))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until other threads have made a condition true, while the event loop goes on."""

    async def wait() -> None:
        while not condition():  # noqa: ASYNC110 other threads set no asyncio.Event
            await asyncio.sleep(0)

    await asyncio.wait_for(wait(), SOON)


# Coverage has a lock of its own: a signal or a fork while it is held leaves it held for ever.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}


def child_environ(*directories: Path | str, **variables: str) -> dict[str, str]:
    """The environment of a child interpreter that can import this module and what is in the directories."""
    own = ("FLOE_", "PYTEST_ADDOPTS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    path = [*map(str, directories), str(Path(__file__).parent), inherited.get("PYTHONPATH", "")]
    return inherited | {"PYTHONPATH": os.pathsep.join(filter(None, path))} | variables


def run_code(code: str, *, check: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a child interpreter."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(
        command, env=child_environ(**variables), capture_output=True, text=True, timeout=60, check=check
    )


def write_distribution(site: Path, distribution: str, entry_points: str, **modules: str) -> None:
    """Write an installed distribution of version 1.0 with its entry points and modules."""
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    _write_modules(site, modules)


def write_project(directory: Path, group: str, *, dependencies: Sequence[str] = (), **modules: str) -> Path:
    """Write a project; the class ``Plugin`` of each module is the plugin of the module's name."""
    directory.mkdir()
    _write_modules(directory, modules)
    entry_points = "\n".join(f'{name} = "{name}:Plugin"' for name in modules)
    text = f"""
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "{"-".join(["acme", *modules]).replace("_", "-")}"
        version = "1.0"
        dependencies = {list(dependencies)}
        [tool.hatch.build.targets.wheel]
        only-include = {[f"{name}.py" for name in modules]}
        [project.entry-points."{group}"]
    """
    (directory / "pyproject.toml").write_text(textwrap.dedent(text) + entry_points, encoding="utf-8")
    return directory


def _write_modules(directory: Path, modules: Mapping[str, str]) -> None:
    for name, code in modules.items():
        (directory / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")


def start_outcome(name: str, began: float | None, seconds: float, *waited_for: str, **facts: Any) -> Outcome:
    """The outcome of starting a compute plugin."""
    return Outcome(
        ref=PluginRef.parse(f"compute:{name}"),
        stage=Stage.START,
        began=began,
        seconds=seconds,
        waited_for=tuple(PluginRef.parse(f"compute:{each}") for each in waited_for),
        **{"state": OutcomeState.SUCCEEDED, **facts},
    )


class Secrets(SecretsPlugin):
    version = "1.0"
    floe_api_version = "1.0"

    def get_secret(self, key: str) -> Any: ...
    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: Any) -> None: ...


class Storage(StoragePlugin):
    version = "1.0"
    floe_api_version = "1.0"

    def uri(self, path: str) -> Any: ...
    def open(self, path: str, mode: Any = "rb") -> Any: ...
    def list(self, prefix: str = "") -> Any: ...
    def delete(self, path: str) -> Any: ...
    def filesystem(self) -> Any: ...
    def properties(self, consumer: str) -> Any: ...


def named(name: str, base: type[Any] = Secrets, /, **attributes: Any) -> type[Any]:
    """A plugin class with this name and these class attributes."""
    return type("Named", (base,), {"name": name, **attributes})


class Lab:
    """Makes plugins that record their calls in ``log``, and registries to run them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.forever = threading.Event()
        self.registries: list[PluginRegistry] = []
        self.storage = Storage

    def plugin(
        self,
        name: str,
        startup: Callable[[Any], Any] | None = None,
        shutdown: Callable[[Any], Any] | None = None,
        *,
        base: type[Any] = Secrets,
        **attributes: Any,
    ) -> type[Any]:
        def start(plugin: Any) -> Any:
            self.log.append(f"+{name}")
            return startup(plugin) if startup else None

        def stop(plugin: Any) -> Any:
            self.log.append(f"-{name}")
            return shutdown(plugin) if shutdown else None

        return type(name, (base,), {"name": name, "startup": start, "shutdown": stop, **attributes})

    def registry(self, *plugins: Any, **options: Any) -> PluginRegistry:
        registry = new_registry(**options)
        self.registries.append(registry)
        registry.register(*plugins)
        return registry

    def hang(self, _plugin: Any = None) -> None:
        """Block until the test ends."""
        self.forever.wait()

    @staticmethod
    def fail(_plugin: Any) -> None:
        """Fail as a service that is down does."""
        raise ConnectionError("refused")

    @staticmethod
    def of(report: LifecycleReport, name: str) -> Outcome:
        """The outcome of a plugin."""
        return next(outcome for outcome in report.outcomes if outcome.ref.name == name)

    @staticmethod
    def names(report: LifecycleReport) -> list[str]:
        """The names of the plugins, in the report's order."""
        return [outcome.ref.name for outcome in report.outcomes]
