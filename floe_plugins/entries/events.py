"""Emit the events of plugins to observers: calls of their code, changes of state, retries, problems."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import type_name
from floe_plugins.core.state import Stage
from floe_plugins.errors import PluginError

if TYPE_CHECKING:
    # Without an observer, no event is made.
    from floe_plugins.core.event import PluginEvent
    from floe_plugins.core.report import HealthState

# How many events a subscriber may be behind before the oldest are dropped.
MAX_BACKLOG = 10_000

_lock = forkable_lock()

Observer = Callable[["PluginEvent"], object]


class Events:
    """The events of one registry. Without an observer, none is made. Safe from any thread."""

    def __init__(self) -> None:
        self._observers: tuple[Observer, ...] = ()

    @property
    def are_heard(self) -> bool:
        """Whether anyone listens."""
        return bool(self._observers)

    def emit(self, kind: str, ref: PluginRef | None, **facts: Any) -> None:
        """Give an event to all observers."""
        if self._observers:
            from floe_plugins.core.event import PluginEvent

            event = PluginEvent(kind=kind, ref=ref, **facts)
            for observer in self._observers:
                observer(event)

    def call(self, ref: PluginRef, stage: Stage, timeout: float | None = None) -> Watch:
        """Return a block within which code of a plugin runs on the thread that enters it."""
        return Watch(self, "call", ref, stage, timeout)

    def stage(self, stage: Stage) -> Watch:
        """Return a block within which all plugins that are asked for pass through a stage."""
        return Watch(self, "stage", None, stage, None)

    def overdue(self, ref: PluginRef, stage: Stage, reason: str) -> None:
        """Tell that a call of a plugin did not end in time, and that nobody waits for it any more."""
        self.emit("call_overdue", ref, stage=stage, reason=reason)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call ``observer`` with each event, on the thread on which it happens; return what ends that.

        It is called before the plugin's code runs, so it must be quick and must not raise.
        """
        with _lock:
            self._observers = (*self._observers, observer)

        return partial(self.ignore, observer)

    def ignore(self, observer: Observer) -> None:
        """Call an observer no more."""
        with _lock:
            self._observers = tuple(each for each in self._observers if each != observer)

    def subscribe(self, callback: Observer) -> Subscription:
        """Call ``callback`` with each event, in order, on a thread of its own.

        Raises:
            TypeError: it cannot be called, or is ``async def``: no event loop runs on that thread.
        """
        if not callable(callback):
            raise TypeError(f"a subscriber is called with each event, and one of type {type_name(callback)} cannot be")
        if any(map(iscoroutinefunction, (callback, getattr(type(callback), "__call__", None)))):  # noqa: B004 the method is wanted
            raise TypeError(
                "a subscriber is called on a thread without an event loop, and cannot be async def: have a function"
                " hand each event to your loop, such as by loop.call_soon_threadsafe"
            )
        return Subscription(self, callback)


class Watch:
    """Tells that code of a plugin runs, or that plugins pass through a stage, and that it has ended.

    An exception passes through untouched.
    """

    def __init__(self, events: Events, what: str, ref: PluginRef | None, stage: Stage, timeout: float | None) -> None:
        self._events = events
        self._what = what
        self._ref = ref
        self._stage = stage
        self._timeout = timeout
        self._begun = 0.0
        self._reason = ""
        self._health: HealthState | None = None

    def __enter__(self) -> None:
        self._begun = time.monotonic()
        self._emit("begun", timeout=self._timeout)

    def returned(self, value: object) -> None:
        """Take note of what the call has returned, as plain values: a status, or what is wrong with the result."""
        if isinstance(value, str):
            self._reason = value if self._stage is Stage.CHECK else f"it returned {value}"
        elif self._stage is Stage.CHECK and self._events.are_heard:
            from floe_plugins.core.report import HealthState, HealthStatus

            if isinstance(value, HealthStatus):
                self._health = value.state
                self._reason = "" if value.state is HealthState.HEALTHY else value.message

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        seconds = time.monotonic() - self._begun
        if error is not None:
            self._reason = _reason(error)
        if self._reason and self._health is None and self._ref is not None and self._stage is Stage.CHECK:
            from floe_plugins.core.report import HealthState

            self._health = HealthState.UNHEALTHY
        self._emit("ended", seconds=seconds, reason=self._reason, health=self._health)

    def _emit(self, moment: str, **facts: Any) -> None:
        if not self._events.are_heard:
            return
        if self._what == "call":
            facts["thread"] = threading.get_ident()
        self._events.emit(f"{self._what}_{moment}", self._ref, stage=self._stage, **facts)


def _reason(error: BaseException) -> str:
    """Return why a call failed; only errors of this package have a text that may be shown."""
    if isinstance(error, PluginError):
        return error.message
    from floe_plugins.execution.boundary import ForeignError  # discovery needs none of it

    return str(error) if type(error) is ForeignError else type_name(error)


class Subscription:
    """Hands events to a callback that may raise, or block, without anybody else waiting for it. Calling it ends it.

    ``registry.subscribe`` makes one. What the callback raises is logged as a warning. The thread is a daemon, and ends
    with the subscription or with the registry. It may be called, and waited for, from any thread.
    """

    def __init__(self, events: Events, callback: Callable[[Any], object]) -> None:
        self._callback = callback
        self._backlog: deque[PluginEvent] = deque(maxlen=MAX_BACKLOG)
        self._changed = threading.Condition(forkable_lock())
        self._given = 0
        self._done = 0
        self._ended = False
        self._no_more = False
        # Not held: this thread would keep them alive, and once they are gone nothing happens any more.
        self._events = weakref.ref(events, self._end_after_the_last)
        try:
            self._thread = self._start()
            events.observe(self._put)  # last: where no thread can be started, no observer is left behind
        except BaseException:  # where it is a signal's, the thread has begun, and nobody else can end it
            self()
            raise

    def __call__(self) -> None:
        """Hand out nothing from now on. A callback that runs at this moment is not waited for. May be repeated."""
        events = self._events()
        if events is not None:
            events.ignore(self._put)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the callback has been given all that has happened so far; return whether it has.

        At most ``timeout`` seconds; without one, until then. Call it before the process ends, so that the last events
        are not lost. On the thread of the callback it returns False at once: it would wait for itself.
        """
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            self._start_again()
            given = self._given
            self._changed.wait_for(lambda: self._ended or self._done >= given, timeout)
            return self._done >= given

    def _start(self) -> threading.Thread:
        from floe_plugins.execution import threads  # few registries have subscribers

        return threads.start(self._run, "floe events", self._died)

    def _start_again(self) -> None:
        """Start the thread in a forked child, which does not have it; its parent hands out what happened before."""
        if not (self._thread.is_alive() or self._ended or self._no_more):
            self._backlog.clear()
            self._done = self._given
            with suppress(RuntimeError):  # no thread can be started now; the next event tries again
                self._thread = self._start()

    def _end_after_the_last(self, _gone: object) -> None:
        with self._changed:
            self._no_more = True
            self._changed.notify_all()

    def _put(self, event: PluginEvent) -> None:
        with self._changed:
            self._start_again()
            self._backlog.append(event)
            self._given += 1
            self._changed.notify_all()

    def _died(self, error: BaseException) -> None:
        log("error", "the thread that hands events to a subscriber died of %s", type_name(error))
        self()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._backlog or self._no_more)
                if self._ended or not self._backlog:
                    return
                event = self._backlog.popleft()
                # Those that were dropped, since the callback is too far behind, are done with as well.
                number = self._given - len(self._backlog)
            self._call(event)
            with self._changed:
                self._done = number
                self._changed.notify_all()

    def _call(self, event: PluginEvent) -> None:
        try:
            self._callback(event)
        except BaseException as error:  # noqa: BLE001 it is the subscriber's own
            log("warning", "a subscriber of plugin events raised %s", type_name(error))
