"""Loads each candidate once, on its own thread, under a deadline, whoever asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.errors import PluginError, PluginLoadError, PluginTimeoutError
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.worker import BusyError, DeadlineError
from floe_plugins.hookspecs.base import PluginMetadata


@attrs.define(eq=False)
class _PendingLoad:
    """One load under way: which thread runs it, and when it ends."""

    ref: PluginRef
    thread: int | None = None
    done: threading.Event = attrs.field(factory=threading.Event)


@attrs.define(eq=False)
class Loader:
    """Makes plugins of entries, exactly once under any number of threads.

    Attributes:
        build: makes the checked plugin; runs plugin code.
        admit: takes a checked plugin in, before anyone sees it; raises PluginError.
        timeout: the deadline of an entry's load, in seconds; None for none.
    """

    build: Callable[[Entry], PluginMetadata]
    admit: Callable[[Entry, PluginMetadata], None]
    timeout: Callable[[Entry], float | None]
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _loads: dict[PluginRef, _PendingLoad] = attrs.field(factory=dict, init=False)
    _waits: dict[int, _PendingLoad] = attrs.field(factory=dict, init=False)
    _here: threading.local = attrs.field(factory=threading.local, init=False)

    def load(self, entry: Entry) -> PluginMetadata:
        """The entry's plugin, loaded by the first who asks; the others wait for it.

        Runs on the plugin's own thread, or on the calling one while that loads
        another plugin: there it may hold import locks that this load needs.

        Raises:
            PluginError: loading failed, now or before.
        """
        while True:
            with self._lock:
                if entry.plugin is not None:
                    return entry.plugin
                if entry.error is not None:
                    raise entry.error.with_traceback(None)
                under_way = self._loads.get(entry.ref)
                if under_way is None:
                    mine = self._loads[entry.ref] = _PendingLoad(entry.ref)
                    break
                self._raise_on_cycle(entry, under_way)
                self._waits[threading.get_ident()] = under_way
            self._wait(entry, under_way)
        return self._run(entry, mine)

    def _raise_on_cycle(self, entry: Entry, load: _PendingLoad) -> None:
        me = threading.get_ident()
        circle = [load]
        while circle[-1].thread != me:
            following = self._waits.get(circle[-1].thread or 0)
            if following is None or following in circle:
                return
            circle.append(following)
        asking = ", ".join(sorted({str(each.ref) for each in circle}))
        raise PluginLoadError(
            f"it is being loaded, and was asked for by what it waits for ({asking})",
            ref=entry.ref,
            distribution=entry.distribution,
            hint="Ask the registry for another plugin in startup() or later, not while modules are imported.",
        )

    def _wait(self, entry: Entry, load: _PendingLoad) -> None:
        seconds = self.timeout(entry)
        try:
            if not load.done.wait(seconds):
                raise self._overdue(entry, seconds)
        finally:
            with self._lock:
                self._waits.pop(threading.get_ident(), None)

    def _run(self, entry: Entry, load: _PendingLoad) -> PluginMetadata:
        begun = time.perf_counter()
        try:
            plugin = self._build(entry, load)
            self.admit(entry, plugin)
        except PluginError as error:
            self._end(load, entry, error=error, seconds=time.perf_counter() - begun)
            raise
        except BaseException:
            self._end(load, entry)
            raise
        self._end(load, entry, plugin=plugin, seconds=time.perf_counter() - begun)
        return plugin

    def _build(self, entry: Entry, load: _PendingLoad) -> PluginMetadata:
        def build() -> PluginMetadata:
            load.thread = threading.get_ident()
            with self._nested():
                return self.build(entry)

        if getattr(self._here, "depth", 0):
            return build()
        seconds = self.timeout(entry)
        try:
            return entry.worker.call(build, timeout=seconds)
        except (DeadlineError, BusyError):
            pass
        raise self._overdue(entry, seconds)

    def _end(
        self,
        load: _PendingLoad,
        entry: Entry,
        *,
        plugin: PluginMetadata | None = None,
        error: PluginError | None = None,
        seconds: float = 0.0,
    ) -> None:
        with self._lock:
            self._loads.pop(entry.ref, None)
            entry.load_seconds = seconds
            if plugin is not None:
                entry.plugin, entry.state = plugin, PluginState.LOADED
            elif error is not None:
                entry.error, entry.state = error, PluginState.FAILED
        load.done.set()

    @contextmanager
    def _nested(self) -> Generator[None, None, None]:
        self._here.depth = getattr(self._here, "depth", 0) + 1
        try:
            yield
        finally:
            self._here.depth -= 1

    def _overdue(self, entry: Entry, seconds: float | None) -> PluginTimeoutError:
        return PluginTimeoutError(
            f"loading did not end within {seconds:g} s; its import goes on and keeps the module locked",
            ref=entry.ref,
            distribution=entry.distribution,
            seconds=seconds or 0.0,
            stage="load",
            hint="Disable the plugin, raise timeouts.load, or restart the process to try again.",
        )


def forget(entry: Entry) -> None:
    """Let a failed load be tried again."""
    if entry.plugin is None:
        entry.error, entry.state = None, PluginState.DISCOVERED
