"""Loads and configures plugins before any of them starts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import StartPlan
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.executor import Executor, Task, TaskRun
from floe_plugins.execution.worker import Worker
from floe_plugins.lifecycle.coordinator import Coordinator, Operation
from floe_plugins.lifecycle.supervision import Host, timed_out


class Loading:
    """Loads wave after wave, side by side; ``errors`` says what went wrong."""

    def __init__(self, host: Host, coordinator: Coordinator, operation: Operation) -> None:
        self._host = host
        self._coordinator = coordinator
        # Plugin code may hold import locks that the loads need: they stay on its thread.
        self._here = host.workers == 1 or operation.owner is not None or Worker.current() is not None
        self.errors: dict[PluginRef, PluginError] = {}

    def load(self, entries: Sequence[Entry]) -> None:
        """Load the entries that are not loaded yet; failures go to ``errors``."""
        wave = {entry.ref: entry for entry in entries if entry.plugin is None}
        if wave:
            self._wave = wave
            executor: Executor[PluginRef, bool] = Executor(
                tuple(wave), {}, self, workers=self._host.workers, result=bool
            )
            executor.run()

    def begin(self, ref: PluginRef) -> Task:
        """Load the plugin on a thread of its own."""
        entry = self._wave[ref]
        return Task(
            worker=Worker(f"load {ref}"),
            function=self._coordinator.in_plugin_context(ref, lambda: self._host.load(entry)),
            limit=self._host.timeout(entry, Stage.LOAD),
            caller_thread=self._here,
        )

    def ended(self, ref: PluginRef, run: TaskRun) -> bool:
        """Keep the error, if there is one."""
        error = run.call.error
        run.task.worker.close()
        if isinstance(error, PluginError):
            self.errors[ref] = error
        elif error is not None:
            raise error
        return error is None

    def overdue(self, _ref: PluginRef, _attempt: TaskRun) -> bool:
        """Never called: the loader keeps the deadline itself."""
        return False

    def interrupted(self, _ref: PluginRef, _attempt: TaskRun) -> None:
        """The load goes on by itself."""


def configure(host: Host, coordinator: Coordinator, plan: StartPlan) -> dict[PluginRef, PluginError]:
    """Validate the configuration of all that are to start; what is wrong with each."""
    todo = {
        ref: entry
        for ref, entry in plan.entries.items()
        if entry.plugin is not None
        and entry.state not in {PluginState.CONFIGURED, PluginState.STARTED}
        and not coordinator.is_running(ref)
    }
    configurer = _Configurer(host, coordinator, todo)
    # Without a schema no plugin code runs, and a thread is not worth its while.
    for ref in [ref for ref, entry in todo.items() if getattr(type(entry.plugin), "config_schema", None) is None]:
        configurer.caller_thread(ref)
    executor: Executor[PluginRef, bool] = Executor(
        [ref for ref in plan.order if ref in todo and ref not in configurer.done],
        {},
        configurer,
        workers=host.workers,
        result=bool,
    )
    executor.run()
    return configurer.errors


class _Configurer:
    def __init__(self, host: Host, coordinator: Coordinator, todo: Mapping[PluginRef, Entry]) -> None:
        self._host = host
        self._coordinator = coordinator
        self._todo = todo
        self.done: set[PluginRef] = set()
        self.errors: dict[PluginRef, PluginError] = {}

    def caller_thread(self, ref: PluginRef) -> None:
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
            function=self._coordinator.in_plugin_context(ref, lambda: self._host.configure(entry)),
            timeout=self._host.timeout(entry, Stage.CONFIGURE),
        )

    def ended(self, ref: PluginRef, run: TaskRun) -> bool:
        entry, error = self._todo[ref], run.call.error
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is not None and not isinstance(error, PluginError):
            error = _unexpected(entry, error)
        return self._done(entry, run.seconds, error)

    def overdue(self, ref: PluginRef, run: TaskRun) -> bool:
        entry = self._todo[ref]
        return self._done(entry, run.seconds, timed_out(entry, run, Stage.CONFIGURE, "configure"))

    def _done(self, entry: Entry, seconds: float, error: PluginError | None) -> bool:
        entry.configure_seconds = seconds
        self._coordinator.configured(entry, error)
        if error is not None:
            self.errors[entry.ref] = error
        return error is None

    def interrupted(self, _ref: PluginRef, _attempt: TaskRun) -> None:
        """Nothing was changed."""


def _unexpected(entry: Entry, error: BaseException) -> PluginError:
    # The error's own text may repeat a value of the configuration.
    return PluginConfigurationError(
        f"validating its configuration failed with {type(error).__name__}",
        ref=entry.ref,
        distribution=entry.distribution,
        hint="Tell the plugin's author.",
    )
