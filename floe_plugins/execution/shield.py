"""Run a request off the main thread, so that no signal interrupts this package's own changes of state.

Python runs signal handlers, and raises ``KeyboardInterrupt``, on the main thread alone, between any two instructions.
A request that the main thread makes therefore runs on a helper thread, while the main thread waits for it and makes
the calls that must run there. Requests of other threads run where they are.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from floe_plugins.execution.call import Call
from floe_plugins.execution.worker import Worker

R = TypeVar("R")


class InterruptedRequestError(Exception):
    """Raised within a request whose caller was interrupted."""

    def __init__(self) -> None:
        super().__init__("the request was interrupted")


class Request(Generic[R]):
    """One request of an application or a plugin.

    Attributes:
        caller: The worker of the plugin whose code made the request, if its own thread made it.
        is_interrupted: Whether the main thread was interrupted.
        is_in_event_loop: Whether an event loop runs on the calling thread, which so cannot run another one.
    """

    def __init__(self, work: Callable[[Request[R]], R]) -> None:
        self.caller = Worker.current()
        self.is_in_event_loop = _runs_event_loop()
        self.is_interrupted = False
        self._work = work
        self._is_shielded = False
        self._for_main: SimpleQueue[tuple[Worker, Call[Any]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._has_begun = False
        self._has_ended = False
        self._on_interrupt: Callable[[], object] | None = None
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> R:
        """Return what the work returns; blocks.

        Raises:
            KeyboardInterrupt: The main thread was interrupted. The work has been told, and has ended.
            BaseException: What the work raised.
        """
        if threading.current_thread() is not threading.main_thread():
            return self._work(self)
        try:
            self._start()
            self._serve()
        except BaseException:
            # A second interrupt leaves at once; the work then ends in the background.
            if self._interrupt():
                self._serve()
            raise
        if self._error is not None:
            raise self._error
        result: R = self._result
        return result

    def run_on_caller(self, worker: Worker, call: Call[Any]) -> None:
        """Make a call on the thread that made the request; returns when it is queued there, or done."""
        if self._is_shielded:
            self._for_main.put((worker, call))
        else:
            worker.run_in_caller_thread(call)

    def on_interrupt(self, function: Callable[[], object] | None) -> None:
        """Have ``function`` called when the main thread is interrupted; at once if it was already."""
        with self._lock:
            self._on_interrupt = function
        if self.is_interrupted and function is not None:
            function()

    def _start(self) -> None:
        self._is_shielded = True
        context = copy_context()
        thread = threading.Thread(target=context.run, args=(self._main,), name="floe request", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started
            self._is_shielded = False
            self._main()

    def _main(self) -> None:
        with self._lock:
            if self.is_interrupted:
                return
            self._has_begun = True
        try:
            self._result = self._work(self)
        except BaseException as error:  # noqa: BLE001 the caller gets it
            self._error = error
        finally:
            self._has_ended = True
            self._for_main.put(None)

    def _serve(self) -> None:
        """Make the calls that must run here, until the work has ended."""
        while not (self._has_ended and self._for_main.empty()):
            item = self._for_main.get()
            if item is None:
                return
            worker, call = item
            if self.is_interrupted:
                call.fail(InterruptedRequestError())
            else:
                worker.run_in_caller_thread(call)

    def _interrupt(self) -> bool:
        """Tell the work; return whether it is under way, or was."""
        with self._lock:
            self.is_interrupted = True
            has_begun, function = self._has_begun, self._on_interrupt
        if function is not None:
            function()
        return has_begun


def _runs_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001 as asyncio documents it
