"""Shared by the tests: plugins that implement nothing, the lab, child interpreters and a generous timeout."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from floe_plugins import LifecycleReport, Outcome, PluginRegistry, SecretsPlugin, StoragePlugin

# Seconds to wait for what takes no time; a test that passes never waits this long.
SOON = 30.0


def new_registry(config: Any = None, **options: Any) -> PluginRegistry:
    """A registry that finds no installed plugin and reads no environment variable."""
    return PluginRegistry(config, autoload="none", environ={}, **options)


def child_environ(*directories: Path | str, **variables: str) -> dict[str, str]:
    """The environment of a child interpreter that can import this module and what is in the directories."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLOE_")}
    path = [*map(str, directories), str(Path(__file__).parent), inherited.get("PYTHONPATH", "")]
    return inherited | {"PYTHONPATH": os.pathsep.join(filter(None, path))} | variables


def run_code(code: str, *, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Run code in a child interpreter."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=child_environ(), capture_output=True, text=True, timeout=60, check=check)


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
