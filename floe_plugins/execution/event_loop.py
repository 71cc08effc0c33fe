"""The event loop of one plugin's thread, for hooks that are ``async def``."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from floe_plugins.execution.background_errors import BackgroundErrors, report_elsewhere, start_reporter
from floe_plugins.execution.call import Call

T = TypeVar("T")

# Seconds that tasks which a plugin left running have to end once they are cancelled.
CANCEL_GRACE = 5.0


class _DaemonExecutor(ThreadPoolExecutor):
    """One daemon thread per job.

    The standard executor's threads are joined at the interpreter's exit: one
    ``asyncio.to_thread`` that hangs would keep the process from ending.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        call: Call[T] = Call(partial(fn, *args, **kwargs))
        call.run_alone("floe to_thread")
        return call


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _discard(awaitable: Awaitable[object]) -> None:
    # Otherwise Python warns of a coroutine that was never awaited.
    if asyncio.iscoroutine(awaitable):
        awaitable.close()


class EventLoop:
    """One thread's event loop. Between calls, ``idle`` runs the tasks that were left in it.

    What they raise and nobody asks for goes to ``background``.
    """

    def __init__(self, background: BackgroundErrors) -> None:
        self._background = background
        self._loop = asyncio.new_event_loop()
        self._thread = threading.get_ident()
        self._loop.set_exception_handler(self._report)
        start_reporter()
        self._loop.set_default_executor(_DaemonExecutor(1))

    def _report(self, loop: object, context: Mapping[str, Any]) -> None:
        # The collector finds tasks whose error nobody asked for, on any thread.
        report = partial(self._background.handle_loop_exception, loop, context)
        if threading.get_ident() == self._thread:
            report()
        else:
            report_elsewhere(report)

    def run(self, awaitable: Awaitable[T], begin: Callable[[Callable[[], None]], bool] = lambda _: True) -> T:
        """Wait for ``awaitable`` on this thread.

        ``begin`` is given what cancels it from any thread, and says whether to go on.

        Raises:
            CancelledError: it was cancelled, or ``begin`` returned false.
            RuntimeError: a coroutine of this loop is waiting for this very call.
        """
        if self._loop.is_running():
            _discard(awaitable)
            raise RuntimeError("an async hook cannot run inside another one of the same plugin")
        task = self._loop.create_task(_await(awaitable))
        if not begin(lambda: self._soon(task.cancel)):
            _discard(awaitable)
            task.cancel()
        try:
            return self._complete(task)
        finally:
            task.cancel()

    def _complete(self, task: asyncio.Task[T]) -> T:
        while True:
            try:
                return self._loop.run_until_complete(task)
            except SystemExit as error:
                # Whichever task raised it, it leaves through the loop.
                if task.done() and (task.cancelled() or task.exception() is error):
                    raise
                self._log_exit_attempt(error)

    def future(self) -> asyncio.Future[None]:
        """Return a future that ``idle`` waits for and ``wake`` ends."""
        return self._loop.create_future()

    def idle(self, future: asyncio.Future[None]) -> None:
        """Run the tasks that there are until ``wake(future)`` is called."""
        try:
            self._loop.run_until_complete(future)
        except BaseException as error:  # noqa: BLE001 a task that was left running must not end the thread
            self._log_exit_attempt(error)

    def _log_exit_attempt(self, error: BaseException) -> None:
        self._background.log_error("a background task tried to end the thread", error)

    def wake(self, future: asyncio.Future[None]) -> None:
        """End ``idle``. Safe from any thread, and may be repeated."""

        def end() -> None:
            if not future.done():
                future.set_result(None)

        self._soon(end)

    def _soon(self, function: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """Cancel the tasks that are left, wait up to ``CANCEL_GRACE`` seconds for them, and close the loop."""
        try:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self._loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_GRACE))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
