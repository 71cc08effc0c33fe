"""One call of a function on a plugin's thread, and what waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from concurrent import futures
from contextlib import nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from floe_plugins.execution import boundary, threads

T = TypeVar("T")


def _call(function: Callable[[], Any], _begin: object) -> Any:
    return function()


def _ignore(*_facts: object) -> None:
    pass


class Watch(Protocol):
    """Called when a call begins and ends, on the thread that makes it. It must be quick, and raise nothing."""

    def __enter__(self) -> object: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object, /) -> None: ...
    def returned(self, value: object, /) -> None:
        """Take note of what the call has returned, as plain values; it ends next."""


class Site(NamedTuple):
    """The thread's part of a call; by default that of a thread which runs this package's own functions only.

    Attributes:
        run: Calls a function and awaits what it returns.
        redact: Masks the plugin's secrets in a text.
        log_error: Logs what fails while nobody waits for it.
        leave: Called when the call has ended, before anybody who waits for it goes on.
    """

    run: Callable[[Callable[[], Any], Callable[[Callable[[], None]], bool]], Any] = _call
    redact: boundary.Redact = str
    log_error: Callable[[str, BaseException], object] = _ignore
    leave: Callable[[Any], object] = _ignore


class Call(futures.Future[T]):
    """A call handed to a worker. Times are of ``time.monotonic``; all methods are safe from any thread.

    With ``convert``, the function is plugin code: ``convert`` turns its result into plain values, and an exception
    becomes a ``ForeignError``, both on the plugin's thread, as part of the call. Without, it is this package's code.

    ``watch`` is entered while the function runs, and told how it ends: by plain values, or an error that may be shown.

    Attributes:
        began: When the function was entered, None before.
        ended: When it was left, None before.
        detached: Whether nobody waits for it any more.
    """

    def __init__(
        self,
        function: Callable[[], T | Awaitable[T]],
        *,
        convert: Callable[[Any], T] | None = None,
        on_late_end: Callable[[], object] | None = None,
        watch: Watch | None = None,
    ) -> None:
        super().__init__()
        self.began: float | None = None
        self.ended: float | None = None
        self.detached = False
        self._function = function
        self._convert = convert
        self._on_late_end = on_late_end
        self._watch = watch
        self._context = copy_context()
        self._lock = threading.Lock()
        self._cancel: Callable[[], None] | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the call has ended, at most ``timeout`` seconds; return whether it has."""
        limit = None if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        return bool(futures.wait([self], limit).done)

    def detach(self, *, cancel_unstarted: bool = True) -> bool:
        """Stop waiting for the call; False if it had already ended. Does not block.

        A coroutine is cancelled. What has not begun never will, unless ``cancel_unstarted`` is False. When it ends
        after all, ``on_late_end`` is called on the worker's thread.
        """
        with self._lock:
            if self.ended is not None:
                return False
            self.detached = True
            if cancel_unstarted:
                self.cancel()
            cancel = self._cancel
        if cancel is not None:
            cancel()
        return True

    def fail(self, error: BaseException) -> None:
        """End a call that cannot begin; who waits for it gets ``error``."""
        if not self.done() and self.set_running_or_notify_cancel():
            self._finish(lambda _: None, error)

    def abandon(self, error: BaseException, site: Site) -> None:
        """End a call, whatever has become of it: the thread that was to make it has died of ``error``."""
        if not self.running():
            self.fail(error)
        elif self._convert is None:
            self._finish(site.leave, error)
        else:
            self._finish(site.leave, boundary.describe(error, site.redact))

    def run_alone(self, name: str) -> None:
        """Make the call on a new thread of this name, which makes no other one.

        Raises:
            RuntimeError: No thread can be started.
        """
        site = Site()
        threads.start(partial(self.run, site), name, lambda error: self.abandon(error, site))

    def conclude(self) -> None:
        """Note that a begun call has ended: a signal can come after its function returned and before that is noted."""
        with self._lock:
            if self.began is not None and self.ended is None:
                self.ended = time.monotonic()

    def run(self, site: Site) -> None:
        """Make the call on this thread, unless it was cancelled; for workers.

        Raises:
            KeyboardInterrupt: On the main thread alone: there it is a signal's.
        """
        with self._lock:
            if self.set_running_or_notify_cancel():
                self.began = time.monotonic()
        if self.began is None:
            site.leave(self)
            return
        value: Any = None
        failure: BaseException | None = None
        interrupt: KeyboardInterrupt | None = None
        try:
            with self._watch or nullcontext():
                value = self._value(site)
                if self._watch is not None:
                    self._watch.returned(value)
        except BaseException as error:  # noqa: BLE001 the caller gets it
            is_described = self._convert is not None and type(error) is boundary.ForeignError
            raised = cast("boundary.ForeignError", error).exception if is_described else error
            # Not by isinstance, which asks the error for its class.
            if issubclass(type(raised), KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                interrupt = cast("KeyboardInterrupt", raised)
            failure = error if is_described or self._convert is None else boundary.describe(error, site.redact)
        late = self._finish(site.leave, failure, value)
        if late is not None:
            try:
                self._context.run(site.run, late, lambda _: True)
            except BaseException as error:  # noqa: BLE001 nobody waits for it; the thread must live on
                site.log_error("cleaning up after a call that ended too late failed", error)
        if interrupt is not None:
            raise interrupt

    def _value(self, site: Site) -> Any:
        """Make the call; what plugin code raises becomes a ``ForeignError``."""
        if self._convert is None:
            return self._context.run(site.run, self._function, self._begin_awaiting)
        try:
            return self._convert(self._context.run(site.run, self._function, self._begin_awaiting))
        except BaseException as error:  # noqa: BLE001 plugin code may raise anything
            described = boundary.describe(error, site.redact)
        # Outside of the block, so that the foreign exception does not become this one's context.
        raise described

    def _begin_awaiting(self, cancel: Callable[[], None]) -> bool:
        with self._lock:
            self._cancel = cancel
            return not self.detached

    def _finish(
        self, leave: Callable[[Any], object], error: BaseException | None, value: Any = None
    ) -> Callable[[], object] | None:
        """Tell everyone who waits; return the clean-up that is left to do."""
        with self._lock:
            self.ended = time.monotonic()
            self._cancel = None
            late = self._on_late_end if self.detached else None
        leave(self)
        if error is None:
            self.set_result(value)
        else:
            self.set_exception(error)
        return late
