"""One call of a function on a plugin's thread, and what waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from typing import Any, Generic, NamedTuple, TypeVar, cast

from floe_plugins.execution import boundary

T = TypeVar("T")


class Site(NamedTuple):
    """Where a call is made.

    Attributes:
        run: Calls a function and awaits what it returns.
        redact: Masks the plugin's secrets in a text.
        log_error: Logs what fails while nobody waits for it.
        leave: Called when the call has ended, before anybody who waits for it goes on.
    """

    run: Callable[[Callable[[], Any], Callable[[Callable[[], None]], bool]], Any]
    redact: boundary.Redact
    log_error: Callable[[str, BaseException], object]
    leave: Callable[[Any], object]


class Call(Generic[T]):
    """A call handed to a worker. Times are of ``time.monotonic``; all methods are safe from any thread.

    With ``convert``, the function is plugin code: ``convert`` turns its result into plain values, and an exception
    becomes a ``ForeignError``, both on the plugin's thread, as part of the call. Without, it is this package's code.

    ``watch`` is entered while the function runs.

    Attributes:
        began: When the function was entered, None before.
        ended: When it was left, None before.
        detached: Whether nobody waits for it any more.
        cancelled: Whether it will never begin.
        error: What the function raised, if it has ended that way; a ``ForeignError`` of plugin code.
    """

    def __init__(
        self,
        function: Callable[[], T | Awaitable[T]],
        *,
        convert: Callable[[Any], T] | None = None,
        on_late_end: Callable[[], object] | None = None,
        watch: AbstractContextManager[object] | None = None,
    ) -> None:
        self.began: float | None = None
        self.ended: float | None = None
        self.detached = False
        self.cancelled = False
        self._function = function
        self._convert = convert
        self._on_late_end = on_late_end
        self._watch = watch or nullcontext()
        self._context = copy_context()
        self._lock = threading.Lock()
        self._open = threading.Lock()  # held until the call has ended
        self._open.acquire()
        self._cancel: Callable[[], None] | None = None
        self._callbacks: list[Callable[[Call[T]], object]] = []
        self._value: Any = None
        self.error: BaseException | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the call has ended, at most ``timeout`` seconds; return whether it has."""
        if not self._open.acquire(timeout=-1 if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)):
            return False
        self._open.release()
        return True

    def result(self) -> T:
        """Return what the function returned, once ``wait`` said that it has ended.

        Raises:
            BaseException: What the function raised; a ``ForeignError`` of plugin code.
        """
        if self.error is not None:
            raise self.error
        return cast("T", self._value)

    def add_done_callback(self, callback: Callable[[Call[T]], object]) -> None:
        """Have ``callback(call)`` run when the call has ended: on the worker's thread, or now if it has already."""
        with self._lock:
            if self.ended is None:
                self._callbacks.append(callback)
                return
        callback(self)

    def detach(self, *, cancel_unstarted: bool = True) -> bool:
        """Stop waiting for the call; False if it had already ended.

        A coroutine is cancelled. What has not begun never will, unless ``cancel_unstarted`` is False. When it ends
        after all, ``on_late_end`` is called on the worker's thread.
        """
        with self._lock:
            if self.ended is not None:
                return False
            self.detached = True
            self.cancelled = cancel_unstarted and self.began is None
            cancel = self._cancel
        if cancel is not None:
            cancel()
        return True

    def fail(self, error: BaseException) -> None:
        """End a call that cannot begin."""
        self.error = error
        self._finish(lambda _: None)

    def run(self, site: Site) -> None:
        """Make the call on this thread, unless it was cancelled; for workers.

        Raises:
            KeyboardInterrupt: On the main thread alone: there it is a signal's.
        """
        with self._lock:
            if self.cancelled:
                site.leave(self)
                return
            self.began = time.monotonic()
        interrupt: KeyboardInterrupt | None = None
        try:
            with self._watch:
                value = self._context.run(site.run, self._function, self._begin_awaiting)
                self._value = value if self._convert is None else self._convert(value)
        except BaseException as error:  # noqa: BLE001 the caller gets it
            # Not by isinstance, which asks the error for its class.
            if issubclass(type(error), KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                interrupt = cast("KeyboardInterrupt", error)
            self.error = error if self._convert is None else boundary.describe(error, site.redact)
        late = self._finish(site.leave)
        if late is not None:
            try:
                self._context.run(site.run, late, lambda _: True)
            except BaseException as error:  # noqa: BLE001 nobody waits for it; the thread must live on
                site.log_error("cleaning up after a call that ended too late failed", error)
        if interrupt is not None:
            raise interrupt

    def _begin_awaiting(self, cancel: Callable[[], None]) -> bool:
        with self._lock:
            self._cancel = cancel
            return not self.detached

    def _finish(self, leave: Callable[[Any], object]) -> Callable[[], object] | None:
        """Tell everyone who waits; return the clean-up that is left to do."""
        with self._lock:
            self.ended = time.monotonic()
            self._cancel = None
            callbacks, self._callbacks = self._callbacks, []  # breaks reference cycles; collecting them is slow
            late = self._on_late_end if self.detached else None
        leave(self)
        self._open.release()
        for callback in callbacks:
            callback(self)
        return late
