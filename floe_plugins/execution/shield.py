"""Run a request off the main thread, so that no signal interrupts this package's own changes of state.

Python runs signal handlers, and raises ``KeyboardInterrupt``, on the main thread alone, between any two instructions.
A request that the main thread makes therefore runs on a helper thread, while the main thread waits for it and makes
the calls that must run there. Requests of other threads run where they are.
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


class Request(Generic[R]):
    """One request of an application or a plugin.

    Attributes:
        caller: The worker of the plugin whose code made the request, if its own thread made it.
        interrupted: Ends when the main thread is interrupted.
        is_in_event_loop: Whether an event loop runs on the calling thread, which so cannot run another one.
    """

    def __init__(self, work: Callable[[Request[R]], R]) -> None:
        self.caller = Worker.current()
        self.is_in_event_loop = _runs_event_loop()
        self.interrupted: Future[None] = Future()
        self._work = work
        self._is_shielded = False
        self._for_main: SimpleQueue[tuple[Worker, Call[Any]] | None] = SimpleQueue()

    def run(self) -> R:
        """Return what the work returns; blocks.

        Raises:
            KeyboardInterrupt: The main thread was interrupted. The work has been told, and has ended.
            BaseException: What the work raised.
        """
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
            if not call.cancel():
                self._serve(call)
            raise
        return call.result()

    def run_on_caller(self, worker: Worker, call: Call[Any]) -> None:
        """Make a call on the thread that made the request; returns when it is queued there, or done."""
        if self._is_shielded:
            self._for_main.put((worker, call))
        else:
            worker.run_in_caller_thread(call)

    def _start(self, call: Call[R]) -> None:
        self._is_shielded = True
        thread = threading.Thread(target=call.run, args=(Site(),), name="floe request", daemon=True)
        try:
            thread.start()
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
            else:
                worker.run_in_caller_thread(call)


def _runs_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001 as asyncio documents it
