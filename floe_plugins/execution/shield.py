"""Run a request off the main thread, so that no signal interrupts this package's own changes of state.

Python runs signal handlers, and raises ``KeyboardInterrupt``, on the main thread alone, between any two instructions.
A request that the main thread makes therefore runs on a helper thread, while the main thread waits for it and makes
the calls that must run there. Requests of other threads run where they are. What waits in an event loop makes its
requests on a thread that has a ``Proxy`` of it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from floe_plugins.execution.call import Call, Site
from floe_plugins.execution.worker import Worker

R = TypeVar("R")


class InterruptedRequestError(Exception):
    """Raised within a request whose caller was interrupted."""

    def __init__(self) -> None:
        super().__init__("the request was interrupted")


# A signal that arrives just before a thread blocks does not wake it.
_SIGNAL_INTERVAL = 0.5


_local = threading.local()


class Proxy:
    """Stands for code that waits in an event loop, on the thread that makes its requests.

    Attributes:
        worker: The worker of the plugin whose code waits, if it is one.
        interrupted: Ends when that code is cancelled.
        undo: Undoes the last request that has come to its end.
    """

    def __init__(self, call_soon: Callable[..., object]) -> None:
        self.worker = Worker.current()
        self.interrupted: Future[None] = Future()
        self.undo: Callable[[], object] | None = None
        self._call_soon = call_soon

    def run(self, function: Callable[[], R]) -> R:
        """Call a function, whose requests are those of the waiting code."""
        _local.proxy = self
        try:
            return function()
        finally:
            del _local.proxy

    def run_on_caller(self, worker: Worker, call: Call[Any], interrupted: Future[None]) -> None:
        """Have a call made on the thread of the event loop, unless its request is interrupted before."""

        def make() -> None:
            if interrupted.done():
                call.fail(InterruptedRequestError())
            else:
                worker.run_in_caller_thread(call)

        try:
            self._call_soon(make)
        except RuntimeError as error:  # the loop is closed
            call.fail(error)


class Request(Generic[R]):
    """One request of an application or a plugin.

    >>> Request(lambda request: request.caller is None).run()
    True

    Attributes:
        caller: The worker of the plugin whose code made the request, if its own thread made it.
        interrupted: Ends when the main thread is interrupted, or the code that waits in an event loop is cancelled.
        is_in_event_loop: Whether an event loop runs on the calling thread, which so cannot run another one.
    """

    def __init__(
        self,
        work: Callable[[Request[R]], R],
        undo: Callable[[], object] | None = None,
        *,
        is_left_behind: bool = False,
    ) -> None:
        proxy: Proxy | None = getattr(_local, "proxy", None)
        self.caller = Worker.current() if proxy is None else proxy.worker
        self.is_in_event_loop = proxy is not None or _runs_event_loop()
        # What cleans up after an interrupt is not interrupted by it.
        self.interrupted: Future[None] = Future() if proxy is None or proxy.interrupted.done() else proxy.interrupted
        self._proxy = proxy
        self._undo = undo
        self._work = work
        # Whether an interrupted request goes on alone: it keeps its result for whoever asks next.
        self._is_left_behind = is_left_behind
        self._is_shielded = False
        self._for_main: SimpleQueue[tuple[Worker, Call[Any]] | None] = SimpleQueue()

    def run(self) -> R:
        """Return what the work returns; blocks.

        Raises:
            KeyboardInterrupt: The main thread was interrupted, or the waiting code cancelled. The work was interrupted,
                and has ended, unless it is left behind.
            BaseException: What the work raised.
        """
        if self._proxy is not None:
            return self._run_for(self._proxy)
        if threading.current_thread() is not threading.main_thread():
            return self._work(self)
        call: Call[R] = Call(partial(self._work, self))
        call.add_done_callback(lambda _: self._for_main.put(None))
        try:
            self._start(call)
            self._serve(call)
        except BaseException:
            # A second interrupt leaves at once; the work then ends in the background.
            self.interrupted.set_result(None)
            if not call.cancel() and not self._is_left_behind:
                self._serve(call)
            raise
        return call.result()

    def _run_for(self, proxy: Proxy) -> R:
        try:
            result = self._work(self)
        except InterruptedRequestError:
            raise KeyboardInterrupt from None
        proxy.undo = self._undo
        return result

    def run_on_caller(self, worker: Worker, call: Call[Any]) -> None:
        """Make a call on the thread that made the request; returns when it is queued there, or done."""
        if self._proxy is not None:
            self._proxy.run_on_caller(worker, call, self.interrupted)
        elif self._is_shielded:
            self._for_main.put((worker, call))
        else:
            worker.run_in_caller_thread(call)

    def _start(self, call: Call[R]) -> None:
        self._is_shielded = True
        try:
            call.run_alone("floe request")
        except RuntimeError:  # no thread can be started
            self._is_shielded = False
            call.run(Site())

    def _serve(self, work: Call[R]) -> None:
        """Make the calls that must run here, until the work has ended."""
        while not (work.done() and self._for_main.empty()):
            try:
                item = self._for_main.get(timeout=_SIGNAL_INTERVAL)
            except Empty:
                continue
            if item is None:
                return
            worker, call = item
            if self.interrupted.done():
                call.fail(InterruptedRequestError())
                continue
            try:
                worker.run_in_caller_thread(call)
            except BaseException:
                call.conclude()
                raise


def _runs_event_loop() -> bool:
    # Another thread may be importing asyncio just now; then no loop runs yet.
    running_loop = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    return running_loop is not None and running_loop() is not None
