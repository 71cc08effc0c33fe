"""Load and configure plugins before any of them starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import type_name
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import StartPlan
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.execution.executor import Driver, Executor, Task, completed
from floe_plugins.execution.worker import Worker
from floe_plugins.lifecycle.coordinator import Operation
from floe_plugins.lifecycle.parts import Parts
from floe_plugins.loading.loader import SupersededError


@attrs.define(eq=False)
class Loading(Driver[PluginRef, None]):
    """Loads plugins wave after wave, side by side.

    Attributes:
        errors: Why plugins could not be loaded.
        is_superseded: Whether an entry was replaced while it was being loaded.
    """

    _parts: Parts
    _operation: Operation
    errors: dict[PluginRef, PluginError] = attrs.field(factory=dict, init=False)
    is_superseded: bool = attrs.field(default=False, init=False)
    _wave: Mapping[PluginRef, Entry] = attrs.field(factory=dict, init=False)

    def load(self, entries: Sequence[Entry]) -> None:
        """Load the entries that are not loaded yet."""
        self._wave = {entry.ref: entry for entry in entries if entry.plugin is None}
        if self._wave:
            Executor(tuple(self._wave), {}, self, request=self._operation.request, workers=self._parts.workers).run()

    def begin(self, node: PluginRef) -> Task | Future[None]:
        """Load the plugin on a thread of its own; the loader keeps the deadline itself."""
        entry = self._wave[node]
        is_nested = self._operation.owner is not None or self._operation.request.caller is not None
        return Task(
            worker=Worker(f"load {node}"),
            function=self._parts.coordinator.in_plugin_context(node, lambda: self._parts.loader.load(entry)),
            shown_timeout=self._parts.store.timeout(entry, Stage.LOAD),
            # Plugin code may hold import locks that the loads need: they stay on its thread.
            inline=self._parts.workers == 1 or is_nested,
        )

    def ended(self, node: PluginRef, task: Task) -> Task | Future[None]:
        """Keep the error, if there is one."""
        task.worker.close()
        error = task.error
        if isinstance(error, SupersededError):
            self.is_superseded = True
        elif isinstance(error, PluginError):
            self.errors[node] = error
        elif error is not None and not task.has_begun and not task.inline:
            # No thread can be started: here, the loader finds that out, and it is the plugin's failure.
            return Task(worker=task.worker, function=task.function, inline=True)
        elif error is not None:
            raise error
        return completed(None)


def configure(parts: Parts, operation: Operation, plan: StartPlan) -> dict[PluginRef, PluginError]:
    """Validate the configuration of all plugins that are to start; return the errors.

    Each on its own thread, at most for its deadline, several side by side. Those that are configured or started already
    are not validated again.
    """
    pending = {
        ref: entry
        for ref, entry in plan.entries.items()
        if entry.plugin is not None
        and entry.state not in {PluginState.CONFIGURED, PluginState.STARTED}
        and not parts.coordinator.is_running(ref)
    }
    needed = {ref: entry for ref, entry in pending.items() if parts.configurer.is_needed(entry)}
    for ref, entry in pending.items():
        if ref not in needed:  # as for most: none of its code runs
            entry.configure_seconds = 0.0
            parts.coordinator.configured(entry)
    driver = _Configuring(parts, needed)
    sequence = [ref for ref in plan.order if ref in needed]
    Executor(sequence, {}, driver, request=operation.request, workers=parts.workers).run()
    return driver.errors


@attrs.define(eq=False)
class _Configuring(Driver[PluginRef, None]):
    _parts: Parts
    _pending: Mapping[PluginRef, Entry]
    errors: dict[PluginRef, PluginError] = attrs.field(factory=dict, init=False)

    def begin(self, node: PluginRef) -> Task | Future[None]:
        entry = self._pending[node]
        if entry.worker.overdue is not None:
            message = "its thread is busy with an earlier call that takes too long"
            hint = "A thread cannot be ended from outside: wait, or restart the process."
            return self._note(entry, 0.0, entry.timed_out(Stage.CONFIGURE, 0.0, message, hint))
        return Task(
            worker=entry.worker,
            function=self._parts.coordinator.in_plugin_context(node, lambda: self._parts.configurer.configure(entry)),
            timeout=self._parts.store.timeout(entry, Stage.CONFIGURE),
        )

    def ended(self, node: PluginRef, task: Task) -> Task | Future[None]:
        entry, error = self._pending[node], task.error
        if error is not None and not isinstance(error, PluginError):
            error = _unexpected(entry, error)
        return self._note(entry, task.seconds, error)

    def overdue(self, node: PluginRef, task: Task) -> Task | Future[None]:
        entry = self._pending[node]
        return self._note(entry, task.seconds, self._parts.timed_out(entry, task, Stage.CONFIGURE))

    def _note(self, entry: Entry, seconds: float, error: PluginError | None) -> Future[None]:
        entry.configure_seconds = seconds
        self._parts.coordinator.configured(entry, error)
        if error is not None:
            self.errors[entry.ref] = error
        return completed(None)


def _unexpected(entry: Entry, error: BaseException) -> PluginError:
    # The error's own text may repeat a value of the configuration.
    message = f"validating its configuration failed with {type_name(error)}"
    return entry.failure(PluginConfigurationError, message, hint="Tell the plugin's author.")
