"""Tell those who listen what happens to plugins: calls of their code, changes of state, retries, problems."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import type_name
from floe_plugins.core.state import Stage

if TYPE_CHECKING:
    # Without anyone who listens, no event is made.
    from floe_plugins.core.event import PluginEvent

# How many events a subscriber may be behind before the oldest are dropped.
MAX_BACKLOG = 10_000

_lock = forkable_lock()

Observer = Callable[["PluginEvent"], object]


class Events:
    """The events of one registry. Without anyone who listens, nothing is made. Safe from any thread."""

    def __init__(self) -> None:
        self._observers: tuple[Observer, ...] = ()

    def emit(self, kind: str, ref: PluginRef | None, **facts: Any) -> None:
        """Give an event to all who listen."""
        if self._observers:
            from floe_plugins.core.event import PluginEvent

            event = PluginEvent(kind=kind, ref=ref, **facts)
            for observer in self._observers:
                observer(event)

    def call(self, ref: PluginRef, stage: Stage, timeout: float | None = None) -> Watch:
        """Return a block within which code of a plugin runs on the thread that enters it."""
        return Watch(self, ref, stage, timeout)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call ``observer`` with each event, on the thread on which it happens; return what ends that.

        It is called before the plugin's code runs, so it must be quick and must not raise.
        """
        with _lock:
            self._observers = (*self._observers, observer)

        def end() -> None:
            with _lock:
                self._observers = tuple(each for each in self._observers if each is not observer)

        return end

    def subscribe(self, callback: Observer) -> Callable[[], None]:
        """Call ``callback`` with each event, in order, on a thread of its own; return what ends that."""
        return _Subscription(self, callback).end


class Watch:
    """Tells that code of a plugin runs, and that it has ended. An exception passes through untouched."""

    def __init__(self, events: Events, ref: PluginRef, stage: Stage, timeout: float | None) -> None:
        self._events = events
        self._ref = ref
        self._stage = stage
        self._timeout = timeout
        self._begun = 0.0

    def __enter__(self) -> None:
        self._begun = time.monotonic()
        self._events.emit(
            "call_begun", self._ref, stage=self._stage, timeout=self._timeout, thread=threading.get_ident()
        )

    def __exit__(self, *_exception: object) -> None:
        seconds = time.monotonic() - self._begun
        self._events.emit("call_ended", self._ref, stage=self._stage, seconds=seconds, thread=threading.get_ident())


class _Subscription:
    """Hands events to a callback that may raise, or block, without anybody else waiting for it."""

    def __init__(self, events: Events, callback: Observer) -> None:
        self._callback = callback
        self._backlog: deque[PluginEvent] = deque(maxlen=MAX_BACKLOG)
        self._waiting = threading.Semaphore(0)
        self._ended = False
        self._end = events.observe(self._put)
        threading.Thread(target=self._run, name="floe events", daemon=True).start()

    def end(self) -> None:
        """Hand out nothing from now on."""
        self._ended = True
        self._end()
        self._waiting.release()

    def _put(self, event: PluginEvent) -> None:
        self._backlog.append(event)
        self._waiting.release()

    def _run(self) -> None:
        while True:
            self._waiting.acquire()
            if self._ended:
                return
            with suppress(IndexError):  # it was dropped, since the callback is too far behind
                self._call(self._backlog.popleft())

    def _call(self, event: PluginEvent) -> None:
        try:
            self._callback(event)
        except BaseException as error:  # noqa: BLE001 it is the subscriber's own
            log("warning", "a subscriber of plugin events raised %s", type_name(error))
