"""One plugin's thread: calls run one after another, and nobody waits for them longer than agreed."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from floe_plugins.core.locks import forkable_lock
from floe_plugins.execution import threads
from floe_plugins.execution.background_errors import BackgroundErrors
from floe_plugins.execution.call import Call, Site

if TYPE_CHECKING:
    from floe_plugins.execution.event_loop import EventLoop

T = TypeVar("T")

_local = threading.local()


class _Runner:
    """The part that the thread holds. It must not hold the ``Worker``: the thread ends when that is collected."""

    def __init__(self, background: BackgroundErrors) -> None:
        self.background = background
        self.jobs: SimpleQueue[Call[Any] | None] = SimpleQueue()
        self.pending: set[Call[Any]] = set()  # queued or running
        self.current: Call[Any] | None = None
        self.ended = False
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.site = Site(self.run_to_completion, background.redact, background.log_error, self.pending.discard)
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

    def run_to_completion(self, function: Callable[[], Any], begin: Callable[[Any], bool]) -> Any:
        value = function()
        if not hasattr(type(value), "__await__"):
            return value
        if self._loop is None:
            from floe_plugins.execution.event_loop import EventLoop

            self._loop = EventLoop(self.background)
        return self._loop.run(value, begin)

    def main(self, worker: weakref.ref[Worker]) -> None:
        self.thread = threading.current_thread()
        _local.worker = worker
        try:
            while True:
                self.current = self._next()
                if self.current is not None:
                    self.current.run(self.site)
                    self.current = None
                elif self._may_end():
                    break
        finally:
            self.close_loop()

    def died(self, error: BaseException) -> None:
        """Fail all calls: this package's own code on the thread raised, as a trace function of the plugin can."""
        with self.lock:
            self.ended = True
        self.current = None
        self.background.log_error("its thread died", error)
        for call in [*self.pending]:
            call.abandon(error, self.site)

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

    Calls run on it one after another, each in a copy of its caller's context; coroutines run on an event loop of the
    thread's own, which goes on between calls. The thread never keeps the interpreter from exiting, and ends with
    ``close`` or when the ``Worker`` is collected. Safe from any thread.

    >>> worker = Worker("compute:duckdb")
    >>> call = worker.submit(lambda: 6 * 7)
    >>> call.wait(5), call.result()
    (True, 42)
    >>> worker.close()

    Attributes:
        background: Logs what fails while nobody waits for it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.background = BackgroundErrors(name)
        self._lock = forkable_lock()
        self._runner: _Runner | None = None
        self._caller_runner: _Runner | None = None

    @staticmethod
    def current() -> Worker | None:
        """Return the worker on whose thread this is called; None on any other thread, and once it was collected."""
        worker = getattr(_local, "worker", None)
        return worker() if worker is not None else None

    @property
    def busy(self) -> bool:
        """Whether a call is running or waiting."""
        runner = self._runner
        return runner is not None and bool(runner.pending)

    @property
    def overdue(self) -> float | None:
        """Seconds that the running call has run, if nobody waits for it any more; else None."""
        runner = self._runner
        call = runner.current if runner is not None else None
        if call is None or not call.detached or call.began is None:
            return None
        return time.monotonic() - call.began

    @property
    def is_current_thread(self) -> bool:
        """Whether this is the worker's own thread."""
        runner = self._runner
        return runner is not None and runner.thread is threading.current_thread()

    def submit(self, function: Callable[[], T | Awaitable[T]]) -> Call[T]:
        """Queue a function of this package behind the worker's other calls, without waiting."""
        call: Call[T] = Call(function)
        self.enqueue(call)
        return call

    def enqueue(self, call: Call[Any]) -> None:
        """Queue a call behind the worker's other calls, without waiting.

        Where no thread can be started, the call ends with the error at once.
        """
        with self._lock:
            runner = self._runner
            if runner is not None and runner.thread is not None and runner.thread.is_alive():
                with runner.lock:  # so that a thread about to end sees the job or is seen to have ended
                    if not runner.ended:
                        runner.put(call)
                        return
            self._runner = runner = _Runner(self.background)
            runner.put(call)
            try:
                runner.thread = threads.start(partial(runner.main, weakref.ref(self)), self.name, runner.died)
            except RuntimeError as error:
                self._runner = None
                failure = error
            else:
                return
        call.fail(failure)

    def run_in_caller_thread(self, call: Call[Any]) -> None:
        """Make a call on the calling thread, without a deadline; on the worker's own thread, at once.

        Raises:
            KeyboardInterrupt: On the main thread.
        """
        if self.is_current_thread and self._runner is not None:
            call.run(self._runner.site)
            return
        if self._caller_runner is None:
            self._caller_runner = _Runner(self.background)
        call.run(self._caller_runner.site)

    def close(self) -> None:
        """End the thread after its queued calls, without waiting for it; a later call starts a new one."""
        runner = self._runner
        if runner is not None:
            runner.put(None)
        if self._caller_runner is not None:
            self._caller_runner.close_loop()

    def forget_thread(self) -> None:
        """Forget the thread, which a forked child does not have; a later call starts one."""
        self._runner = self._caller_runner = None

    def __del__(self) -> None:
        # No lock here: the collector runs at any point of any thread, also of one that holds it.
        runner = self._runner
        if runner is not None:
            runner.put(None)
