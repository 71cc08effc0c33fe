"""One plugin's thread: calls run one after another, and nobody waits for them longer than agreed."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from floe_plugins.execution.background_errors import BackgroundErrors

if TYPE_CHECKING:
    from floe_plugins.execution.event_loop import EventLoop

T = TypeVar("T")

_local = threading.local()


class DeadlineError(TimeoutError):
    """The call did not end in time.

    Attributes:
        seconds: what it was given.
        began: whether it had begun; if not, it never will.
    """

    def __init__(self, seconds: float, *, began: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds
        self.began = began


class BusyError(RuntimeError):
    """An earlier call is overdue and still running.

    Attributes:
        seconds: how long it has been running.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"an earlier call that is overdue has been running for {seconds:.1f} s")
        self.seconds = seconds


class Call(Generic[T]):
    """A call handed to a worker. Times are of ``time.monotonic``; all methods are safe from any thread.

    Attributes:
        began: when the function was entered, None before.
        ended: when it was left, None before.
        abandoned: whether nobody waits for it any more.
        withdrawn: whether it will never begin.
    """

    def __init__(
        self, function: Callable[[], T | Awaitable[T]], on_late_result: Callable[[T], object] | None = None
    ) -> None:
        self.began: float | None = None
        self.ended: float | None = None
        self.detached = False
        self.cancelled = False
        self._function = function
        self._on_late_result = on_late_result
        self._context = copy_context()
        self._lock = threading.Lock()
        self._open = threading.Lock()  # held until the call has ended
        self._open.acquire()
        self._cancel: Callable[[], None] | None = None
        self._callbacks: list[Callable[[Call[T]], object]] = []
        self._value: Any = None
        self._error: BaseException | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the call has ended, at most ``timeout`` seconds; whether it has."""
        if not self._open.acquire(timeout=-1 if timeout is None else max(timeout, 0.0)):
            return False
        self._open.release()
        return True

    def result(self) -> T:
        """What the function returned, once ``wait`` said that it has ended.

        Raises:
            BaseException: what the function raised.
        """
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    @property
    def error(self) -> BaseException | None:
        """What the function raised, if it has ended that way."""
        return self._error

    def when_done(self, callback: Callable[[Call[T]], object]) -> None:
        """Have ``callback(call)`` run when the call has ended: on the worker's thread, or now if it has already."""
        with self._lock:
            if self.ended is None:
                self._callbacks.append(callback)
                return
        callback(self)

    def detach(self, *, cancel_unstarted: bool = True) -> bool:
        """Stop waiting for the call; False if it had already ended.

        A coroutine is cancelled. What has not begun never will, unless ``withdraw``
        is False; what ends later goes to the call's ``late``.
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

    def _run(self, runner: _Runner) -> None:
        with self._lock:
            if self.cancelled:
                runner.pending.discard(self)
                return
            self.began = time.monotonic()
        try:
            self._value = self._context.run(runner.run_to_completion, self._function, self._begin_awaiting)
        except BaseException as error:  # noqa: BLE001 the caller gets it
            self._error = error
        self._end(runner)

    def _begin_awaiting(self, cancel: Callable[[], None]) -> bool:
        with self._lock:
            self._cancel = cancel
            return not self.detached

    def _end(self, runner: _Runner) -> None:
        with self._lock:
            self.ended = time.monotonic()
            self._cancel = None
            callbacks, detached = self._callbacks, self.detached
            self._callbacks = []  # they may lead back here, and garbage in circles is dear
        if detached and self._on_late_result is not None and self._error is None:
            on_late_result, value = self._on_late_result, self._value
            try:
                self._context.run(runner.run_to_completion, lambda: on_late_result(value))
            except BaseException as error:  # noqa: BLE001 nobody waits for it; the thread must live on
                runner.background.log_error(f"undoing what came too late failed for {runner.background.name}", error)
        runner.pending.discard(self)
        self._open.release()
        for callback in callbacks:
            callback(self)


class _Runner:
    """What the thread itself holds. It must not hold the Worker, whose end is the thread's."""

    def __init__(self, background: BackgroundErrors) -> None:
        self.background = background
        self.jobs: SimpleQueue[Call[Any] | None] = SimpleQueue()
        self.pending: set[Call[Any]] = set()  # queued or running; whoever waited for a call finds it gone from here
        self.current: Call[Any] | None = None
        self.ended = False
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self._loop: EventLoop | None = None
        self._wake: Any = None

    def put(self, job: Call[Any] | None) -> None:
        if job is not None:
            self.pending.add(job)
        self.jobs.put(job)
        # Read after the job is in the queue, as `_next` looks into the queue after setting it.
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            loop.wake(wake)

    def run_to_completion(self, function: Callable[[], Any], begin: Callable[[Any], bool] = lambda _: True) -> Any:
        value = function()
        if not hasattr(type(value), "__await__"):
            return value
        if self._loop is None:
            from floe_plugins.execution.event_loop import EventLoop

            self._loop = EventLoop(self.background)
        return self._loop.run(value, begin)

    def main(self, worker: weakref.ref[Worker]) -> None:
        _local.worker = worker
        try:
            while True:
                self.current = self._next()
                if self.current is not None:
                    self.current._run(self)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] halves of one thing
                    self.current = None
                elif self._may_end():
                    break
        finally:
            self.close_loop()

    def close_loop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.close()

    def _may_end(self) -> bool:
        with self.lock:
            self.ended = self.jobs.empty()
        return self.ended

    def _next(self) -> Call[Any] | None:
        loop = self._loop
        if loop is None:
            return self.jobs.get()
        while True:
            self._wake = wake = loop.future()
            try:
                return self.jobs.get_nowait()
            except Empty:
                loop.idle(wake)
            finally:
                self._wake = None


class Worker:
    """One daemon thread for one plugin, started at the first call and named after it.

    Calls run on it one after another, each in a copy of its caller's context;
    what they await runs on an event loop of the thread's own, which goes on
    between calls. The thread never keeps the interpreter from exiting, and ends
    with ``close`` or with the Worker itself. Safe from any thread.

    Attributes:
        background: logs what fails while nobody waits for it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.background = BackgroundErrors(name)
        self._lock = threading.Lock()
        self._runner: _Runner | None = None
        self._here: _Runner | None = None

    @staticmethod
    def current() -> Worker | None:
        """The worker on whose thread this is called."""
        worker = getattr(_local, "worker", None)
        return worker() if worker is not None else None

    @property
    def busy(self) -> bool:
        """Whether a call is running or waiting."""
        runner = self._runner
        return runner is not None and bool(runner.pending)

    @property
    def overdue(self) -> float | None:
        """For how many seconds the running call has run, if nobody waits for it any more."""
        runner = self._runner
        call = runner.current if runner is not None else None
        if call is None or not call.detached or call.began is None:
            return None
        return time.monotonic() - call.began

    def call(
        self,
        function: Callable[[], T | Awaitable[T]],
        *,
        timeout: float | None,
        on_late_result: Callable[[T], object] | None = None,
    ) -> T:
        """What ``function`` returns on the worker's thread, waited for at most ``timeout`` seconds.

        On the worker's own thread it runs at once, without a deadline. A
        ``function`` that ends after its deadline has ``late(result)`` called on
        the worker's thread.

        Raises:
            DeadlineError: the time is over.
            BusyError: an earlier overdue call still runs.
            BaseException: what ``function`` raised.
        """
        if self.is_current_thread:
            return cast("T", self._own_or_here().run_to_completion(function))
        overdue = self.overdue
        if overdue is not None:
            raise BusyError(overdue)
        call = self.submit(function, on_late_result=on_late_result)
        try:
            ended = call.wait(timeout)
        except BaseException:
            call.detach()  # KeyboardInterrupt: nobody will wait for it
            raise
        if not ended and timeout is not None and call.detach():
            raise DeadlineError(timeout, began=call.began is not None)
        return call.result()

    def submit(
        self, function: Callable[[], T | Awaitable[T]], *, on_late_result: Callable[[T], object] | None = None
    ) -> Call[T]:
        """Queue ``function`` behind what the worker has to do, without waiting."""
        call: Call[T] = Call(function, on_late_result)
        self.enqueue(call)
        return call

    def enqueue(self, call: Call[Any]) -> None:
        """Queue a call behind what the worker has to do, without waiting."""
        with self._lock:
            runner = self._runner
            if runner is not None and runner.thread is not None and runner.thread.is_alive():
                with runner.lock:  # so that a thread about to end sees the job or is seen to have ended
                    if not runner.ended:
                        runner.put(call)
                        return
            self._runner = runner = _Runner(self.background)
            runner.put(call)
            runner.thread = threading.Thread(target=runner.main, args=(weakref.ref(self),), name=self.name, daemon=True)
            runner.thread.start()

    def run_in_caller_thread(self, function: Callable[[], T | Awaitable[T]]) -> Call[T]:
        """Run ``function`` on the calling thread, awaited there if need be, without a deadline; the ended call."""
        call: Call[T] = Call(function)
        self.run_call_in_caller_thread(call)
        return call

    def run_call_in_caller_thread(self, call: Call[Any]) -> None:
        """Run a call on the calling thread, without a deadline."""
        call._run(self._own_or_here())  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] halves of one thing

    @property
    def is_current_thread(self) -> bool:
        """Whether this is the worker's own thread."""
        runner = self._runner
        return runner is not None and runner.thread is threading.current_thread()

    def _own_or_here(self) -> _Runner:
        if self.is_current_thread and self._runner is not None:
            return self._runner
        if self._here is None:
            self._here = _Runner(self.background)
        return self._here

    def close(self) -> None:
        """End the thread after what is queued, without waiting for it; a later call starts a new one."""
        runner = self._runner
        if runner is not None:
            runner.put(None)
        if self._here is not None:
            self._here.close_loop()

    def __del__(self) -> None:
        # No lock here: garbage is collected at any point of any thread, also while it holds one.
        runner = self._runner
        if runner is not None:
            runner.put(None)
