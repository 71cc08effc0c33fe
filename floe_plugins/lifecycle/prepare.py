"""Loads and configures plugins before any of them starts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import Plan
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.executor import Attempt, Schedule, Task
from floe_plugins.execution.worker import Worker
from floe_plugins.lifecycle.coordinator import Operation, Operations
from floe_plugins.lifecycle.supervision import Host, timed_out


class Loading:
    """Loads wave after wave, side by side; ``errors`` says what went wrong."""

    def __init__(self, host: Host, operations: Operations, operation: Operation) -> None:
        self._host = host
        self._operations = operations
        # Plugin code may hold import locks that the loads need: they stay on its thread.
        self._here = host.workers == 1 or operation.owner is not None or Worker.current() is not None
        self.errors: dict[PluginRef, PluginError] = {}

    def load(self, entries: Sequence[Entry]) -> None:
        """Load the entries that are not loaded yet; failures go to ``errors``."""
        wave = {entry.ref: entry for entry in entries if entry.plugin is None}
        if wave:
            self._wave = wave
            schedule: Schedule[PluginRef, bool] = Schedule(
                tuple(wave), {}, self, workers=self._host.workers, result=bool
            )
            schedule.run()

    def begin(self, ref: PluginRef) -> Task:
        """Load the plugin on a thread of its own."""
        entry = self._wave[ref]
        return Task(
            worker=Worker(f"load {ref}"),
            function=self._operations.within(ref, lambda: self._host.load(entry)),
            limit=self._host.timeout(entry, Stage.LOAD),
            here=self._here,
        )

    def ended(self, ref: PluginRef, attempt: Attempt) -> bool:
        """Keep the error, if there is one."""
        error = attempt.call.error
        attempt.task.worker.close()
        if isinstance(error, PluginError):
            self.errors[ref] = error
        elif error is not None:
            raise error
        return error is None

    def overdue(self, _ref: PluginRef, _attempt: Attempt) -> bool:
        """Never called: the loader keeps the deadline itself."""
        return False

    def interrupted(self, _ref: PluginRef, _attempt: Attempt) -> None:
        """The load goes on by itself."""


def configure(host: Host, operations: Operations, plan: Plan) -> dict[PluginRef, PluginError]:
    """Validate the configuration of all that are to start; what is wrong with each."""
    todo = {
        ref: entry
        for ref, entry in plan.entries.items()
        if entry.plugin is not None
        and entry.state not in {PluginState.CONFIGURED, PluginState.STARTED}
        and not operations.is_running(ref)
    }
    configurer = _Configurer(host, operations, todo)
    # Without a schema no plugin code runs, and a thread is not worth its while.
    for ref in [ref for ref, entry in todo.items() if getattr(type(entry.plugin), "config_schema", None) is None]:
        configurer.here(ref)
    schedule: Schedule[PluginRef, bool] = Schedule(
        [ref for ref in plan.order if ref in todo and ref not in configurer.done],
        {},
        configurer,
        workers=host.workers,
        result=bool,
    )
    schedule.run()
    return configurer.faults


class _Configurer:
    def __init__(self, host: Host, operations: Operations, todo: Mapping[PluginRef, Entry]) -> None:
        self._host = host
        self._operations = operations
        self._todo = todo
        self.done: set[PluginRef] = set()
        self.faults: dict[PluginRef, PluginError] = {}

    def here(self, ref: PluginRef) -> None:
        """Configure on this thread a plugin none of whose code that runs."""
        entry, begun, error = self._todo[ref], time.monotonic(), None
        try:
            self._host.configure(entry)
        except PluginError as fault:
            error = fault
        self._done(entry, time.monotonic() - begun, error)
        self.done.add(ref)

    def begin(self, ref: PluginRef) -> Task:
        entry = self._todo[ref]
        return Task(
            worker=entry.worker,
            function=self._operations.within(ref, lambda: self._host.configure(entry)),
            timeout=self._host.timeout(entry, Stage.CONFIGURE),
        )

    def ended(self, ref: PluginRef, attempt: Attempt) -> bool:
        entry, error = self._todo[ref], attempt.call.error
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is not None and not isinstance(error, PluginError):
            error = _unexpected(entry, error)
        return self._done(entry, attempt.seconds, error)

    def overdue(self, ref: PluginRef, attempt: Attempt) -> bool:
        entry = self._todo[ref]
        return self._done(entry, attempt.seconds, timed_out(entry, attempt, Stage.CONFIGURE, "configure"))

    def _done(self, entry: Entry, seconds: float, error: PluginError | None) -> bool:
        entry.configure_seconds = seconds
        self._operations.configured(entry, error)
        if error is not None:
            self.faults[entry.ref] = error
        return error is None

    def interrupted(self, _ref: PluginRef, _attempt: Attempt) -> None:
        """Nothing was changed."""


def _unexpected(entry: Entry, error: BaseException) -> PluginError:
    # The error's own text may repeat a value of the configuration.
    return PluginConfigurationError(
        f"validating its configuration failed with {type(error).__name__}",
        ref=entry.ref,
        distribution=entry.distribution,
        hint="Tell the plugin's author.",
    )
