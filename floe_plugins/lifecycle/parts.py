"""The parts of one registry that starting, stopping and checking work with."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import attrs

from floe_plugins.core.report import Outcome, OutcomeState
from floe_plugins.core.safe_text import type_name
from floe_plugins.core.state import Stage
from floe_plugins.core.timeouts import TIMEOUT_OF_STAGE
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import PluginTimeoutError
from floe_plugins.execution.executor import Task
from floe_plugins.hookspecs.base import PluginMetadata
from floe_plugins.lifecycle.coordinator import Coordinator
from floe_plugins.loading.configurer import Configurer
from floe_plugins.loading.loader import Loader
from floe_plugins.loading.registration import Registration

_DEFAULTS = frozenset({PluginMetadata.startup, PluginMetadata.shutdown, PluginMetadata.health_check})


@attrs.frozen(eq=False)
class Parts:
    """The parts that starting, stopping and checking share."""

    store: EntryStore
    registration: Registration
    loader: Loader
    configurer: Configurer
    coordinator: Coordinator

    @property
    def workers(self) -> int:
        """The number of plugins that may start or stop side by side; 1 means strictly one after another."""
        return self.store.configuration.workers or 16

    def hook(self, entry: Entry, name: str) -> Callable[[], Any]:
        """Return a loaded plugin's function for a lifecycle hook: its own, or the base's default."""
        return self.registration.manager(entry.ref.type).implementation(self.loader.load(entry), name)

    def hook_task(self, entry: Entry, stage: Stage, *, timeout: float | None = None, **options: Any) -> Task:
        """Return the task of calling a plugin's ``startup`` or ``shutdown`` in its own thread, or as it asks for.

        Args:
            entry: The plugin.
            stage: ``Stage.START`` or ``Stage.STOP``.
            timeout: The seconds that are left, if they are not all that the stage may take.
            options: Further fields of the ``Task``.
        """
        hook = self.hook(entry, "startup" if stage is Stage.START else "shutdown")
        total = self.store.timeout(entry, stage)
        told = None if entry.runs_on_caller else total
        return Task(
            worker=entry.worker,
            function=self.coordinator.in_plugin_context(entry.ref, hook),
            convert=wrong_result,
            timeout=total if timeout is None else timeout,
            shown_timeout=total,
            inline=is_default(hook),
            caller_thread=entry.runs_on_caller,
            watch=None if is_default(hook) else self.store.events.call(entry.ref, stage, told),
            **options,
        )

    def timed_out(self, entry: Entry, task: Task, stage: Stage) -> PluginTimeoutError:
        """Return the error of a call that did not end within its deadline, and tell the subscribers of it."""
        name = TIMEOUT_OF_STAGE[stage]
        seconds = task.shown_timeout or task.timeout or 0.0
        if task.seconds < (task.timeout or 0.0):
            message = f"{name} did not end within the time that the whole {name} may take (timeouts.{name}_total)"
        elif not task.has_begun:
            message = f"{name} could not begin within {seconds:g} s: its thread is busy with an earlier call"
        else:
            message = f"{name} did not end within {seconds:g} s"
        self.store.events.overdue(entry.ref, stage, message)
        return entry.timed_out(stage, seconds, message, f"Find out what it waits for, or raise timeouts.{name}.")


def wrong_result(value: object) -> str | None:
    """Return what is wrong with the result of ``startup`` or ``shutdown``; None for None.

    >>> wrong_result(False), wrong_result(None)
    ('an object of type bool, and must return None', None)
    """
    if value is None:
        return None
    if type(value) in {types.GeneratorType, types.AsyncGeneratorType}:
        return f"a {type_name(value)}: it contains a yield, and nothing of it has run"
    return f"an object of type {type_name(value)}, and must return None"


def outcome_of(entry: Entry, stage: Stage, state: OutcomeState, message: str = "", **facts: Any) -> Outcome:
    """Return the outcome of an entry's plugin."""
    return Outcome(
        ref=entry.ref,
        stage=stage,
        state=state,
        message=message,
        distribution=entry.distribution,
        required=entry.required,
        **facts,
    )


def is_default(hook: object) -> bool:
    """Whether a hook is the base's own, which needs no thread and no deadline."""
    return getattr(hook, "__func__", None) in _DEFAULTS
