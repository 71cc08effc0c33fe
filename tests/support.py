"""What several tests use: plugins that implement nothing, a maker of plugins, and a generous deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from floe_plugins import LifecycleReport, Outcome, PluginRegistry, SecretsPlugin, StoragePlugin


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


class Lab:
    """Makes plugins that write down what happens to them, and registries to run them."""

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
        registry = PluginRegistry(options.pop("config", None), autoload="none", environ={}, **options)
        self.registries.append(registry)
        registry.register(*plugins)
        return registry

    def hang(self, _plugin: Any = None) -> None:
        """Hang as far as the test is concerned."""
        self.forever.wait()

    @staticmethod
    def fail(_plugin: Any) -> None:
        """Fail as a service does that is not there."""
        raise ConnectionError("refused")

    @staticmethod
    def of(report: LifecycleReport, name: str) -> Outcome:
        """The outcome of a plugin."""
        return next(outcome for outcome in report.outcomes if outcome.ref.name == name)

    @staticmethod
    def names(report: LifecycleReport) -> list[str]:
        """The names of the plugins, in the report's order."""
        return [outcome.ref.name for outcome in report.outcomes]


# For what never takes long; what must not be waited for never ends by itself.
SOON = 30.0
