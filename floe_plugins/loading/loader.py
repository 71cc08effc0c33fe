"""Load each candidate once, on its own thread, under a deadline, whoever asks for it."""

from __future__ import annotations

import threading
import time
from typing import Any

import attrs

from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import describe_error
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import PluginError, PluginLoadError, PluginTimeoutError
from floe_plugins.execution import threads
from floe_plugins.execution.shield import Request
from floe_plugins.hookspecs.base import PluginMetadata
from floe_plugins.loading.importer import CheckedPlugin
from floe_plugins.loading.registration import Registration, metadata_differences


class SupersededError(Exception):
    """The entry was replaced while its plugin was being loaded; ask the store for the new one."""


@attrs.define(eq=False)
class _Load:
    """A load under way: the thread that runs it, and an event that is set when it ends."""

    ref: PluginRef
    thread: int | None = None
    done: threading.Event = attrs.field(factory=threading.Event)


@attrs.define(eq=False)
class Loader:
    """Makes plugins of entries, exactly once under any number of threads.

    A failure is kept in the entry, and raised to whoever asks later. A load that takes too long is left behind: its
    import goes on, and its entry has failed.
    """

    store: EntryStore
    registration: Registration
    _lock: Any = attrs.field(factory=forkable_lock, init=False)
    _loads: dict[PluginRef, _Load] = attrs.field(factory=dict, init=False)
    _waits: dict[int, _Load] = attrs.field(factory=dict, init=False)

    def load(self, entry: Entry) -> PluginMetadata:
        """Return the entry's plugin, loaded for the first who asks; the others wait for it.

        Runs on the plugin's own thread, or on the calling one while that loads another plugin: there it may hold
        import locks that this load needs.

        Raises:
            PluginError: Loading failed, now or before.
            SupersededError: The entry was replaced.
            KeyboardInterrupt: The waiting main thread was interrupted; the load goes on.
        """
        if entry.plugin is not None:
            return entry.plugin
        return Request(lambda _: self._load(entry), is_left_behind=True).run()

    def forget_loads(self) -> None:
        """Forget the loads under way, whose threads a forked child does not have."""
        self._loads, self._waits = {}, {}

    def _load(self, entry: Entry) -> PluginMetadata:
        while True:
            with self._lock:
                if entry.plugin is not None:
                    return entry.plugin
                if entry.error is not None:
                    raise entry.error.with_traceback(None)
                under_way = self._loads.get(entry.ref)
                if under_way is None:
                    mine = self._loads[entry.ref] = _Load(entry.ref)
                    break
                self._raise_on_cycle(entry, under_way)
                self._waits[threading.get_ident()] = under_way
            self._wait(entry, under_way)
        try:
            return self._run(entry, mine)
        finally:
            with self._lock:
                del self._loads[entry.ref]
            mine.done.set()

    def _raise_on_cycle(self, entry: Entry, load: _Load) -> None:
        me = threading.get_ident()
        cycle = [load]
        while cycle[-1].thread != me:
            following = self._waits.get(cycle[-1].thread or 0)
            if following is None or following in cycle:
                return
            cycle.append(following)
        asking = ", ".join(sorted({str(each.ref) for each in cycle}))
        raise entry.failure(
            PluginLoadError,
            f"it is being loaded, and was asked for by what it waits for ({asking})",
            hint="Ask the registry for another plugin in startup() or later, not while modules are imported.",
        )

    def _wait(self, entry: Entry, load: _Load) -> None:
        seconds = self.store.timeout(entry, Stage.LOAD)
        try:
            if not load.done.wait(seconds):
                raise self._overdue(entry, seconds)
        finally:
            with self._lock:
                self._waits.pop(threading.get_ident(), None)

    def _run(self, entry: Entry, load: _Load) -> PluginMetadata:
        begun = time.perf_counter()
        # No other entry of the ref is loaded before this load ends: what is current now is not loaded elsewhere.
        if not self.store.is_current(entry):
            raise SupersededError
        try:
            checked = self._build(entry, load)
        except PluginError as error:
            with self.store.lock:
                entry.load_seconds = time.perf_counter() - begun
                entry.error, entry.state = error, PluginState.FAILED
            self.store.emit_state(entry)
            raise
        differences = metadata_differences(entry)
        plugin: PluginMetadata = checked.plugin
        # Under the store's lock: no refresh comes between the look at the entry and its change.
        with self.store.lock:
            if self.store.is_current(entry):
                entry.warnings.extend(differences)
                entry.load_seconds = time.perf_counter() - begun
                entry.plugin, entry.state = plugin, PluginState.LOADED
                self.registration.update(entry)
                return plugin
        self.registration.remove(entry.ref)
        raise SupersededError

    def _build(self, entry: Entry, load: _Load) -> CheckedPlugin:
        seconds = self.store.timeout(entry, Stage.LOAD)

        me = threading.get_ident()
        with self._lock:
            loads_another = any(each.thread == me for each in self._loads.values())

        def build() -> CheckedPlugin:
            load.thread = threading.get_ident()
            try:
                with self.store.events.call(entry.ref, Stage.LOAD, seconds):
                    return self.registration.build(entry)
            finally:
                load.thread = None  # another thread may get the same number

        if loads_another or entry.worker.is_current_thread:
            return build()
        if entry.worker.overdue is not None:
            raise self._overdue(entry, seconds)
        call = entry.worker.submit(build)
        if not call.wait(seconds) and call.detach():
            overdue = self._overdue(entry, seconds)
            self.store.events.overdue(entry.ref, Stage.LOAD, overdue.message)
            raise overdue
        error = call.exception()
        if error is not None and not isinstance(error, PluginError):
            message = f"loading failed with {describe_error(error)}"
            raise entry.failure(PluginLoadError, message, hint=threads.hint(error)) from error
        return call.result()

    def _overdue(self, entry: Entry, seconds: float) -> PluginTimeoutError:
        message = f"loading did not end within {seconds:g} s; its import goes on and keeps the module locked"
        hint = "Disable the plugin, raise timeouts.load, or restart the process to try again."
        return entry.timed_out(Stage.LOAD, seconds, message, hint)
