"""What lifecycle and health ask of the registry, and what they say of calls that went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage
from floe_plugins.dependencies.resolver import Known
from floe_plugins.errors import PluginError, PluginTimeoutError
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.executor import TaskRun
from floe_plugins.hookspecs.base import PluginMetadata

_DEFAULTS = frozenset({PluginMetadata.startup, PluginMetadata.shutdown, PluginMetadata.health_check})


class Host(Known, Protocol):
    """What starting, stopping and checking ask of the registry."""

    @property
    def workers(self) -> int:
        """How many plugins may start or stop side by side; 1 means strictly one after another."""
        ...

    def load(self, entry: Entry) -> object:
        """Load a plugin, within its deadline; sets the entry's plugin, state and error.

        Raises:
            PluginError: it cannot be loaded, now or from an attempt before.
        """
        ...

    def configure(self, entry: Entry) -> None:
        """Validate a loaded plugin's configuration and hand it over; runs plugin code on the calling thread.

        Raises:
            PluginConfigurationError: it is wrong.
        """
        ...

    def review(self, errors: Mapping[PluginRef, PluginError]) -> None:
        """Look at what is wrong with the configuration of all plugins, before the first starts.

        Raises:
            PluginConfigurationError: nothing is to be started with it.
        """
        ...

    def redact(self, entry: Entry, said: Any) -> Any:
        """What a plugin said, in an error or a status, without the secrets of its configuration."""
        ...

    def hook(self, entry: Entry, name: str) -> Callable[[], Any]:
        """A loaded plugin's function for a lifecycle hook, the base's default if it has none."""
        ...

    def timeout(self, entry: Entry, stage: Stage) -> float | None:
        """The deadline of a stage in seconds; None for none."""
        ...


def timed_out(entry: Entry, run: TaskRun, stage: Stage, name: str) -> PluginTimeoutError:
    """The error of a call that did not end within its deadline."""
    seconds = run.task.timeout or 0.0
    began = run.call.began is not None
    return PluginTimeoutError(
        f"{name} did not end within {seconds:g} s"
        if began
        else f"{name} could not begin within {seconds:g} s: its thread is busy with an earlier call",
        ref=entry.ref,
        distribution=entry.distribution,
        hint=f"Find out what it waits for, or raise timeouts.{name}.",
        seconds=seconds,
        stage=str(stage),
    )


def busy(entry: Entry, seconds: float, cls: type[PluginError]) -> PluginError:
    """The error of a call that is not made because an overdue one still runs."""
    return cls(
        f"its thread is still busy with an earlier call, which is overdue and has been running for {seconds:.1f} s",
        ref=entry.ref,
        distribution=entry.distribution,
        hint="A thread cannot be ended from outside: wait, or restart the process.",
    )


def is_default(hook: object) -> bool:
    """Whether a hook is the base's own, which needs no thread and no deadline."""
    return getattr(hook, "__func__", None) in _DEFAULTS


def asks_for_caller(entry: Entry) -> bool:
    """Whether a plugin wants its lifecycle hooks on the thread that asks."""
    return entry.metadata is not None and entry.metadata.caller_thread
