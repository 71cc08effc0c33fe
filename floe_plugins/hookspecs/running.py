"""Work that goes on while its caller does something else: a query of an engine, or a run of a plan."""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar, cast

from floe_plugins.errors import CancelledOperationError, PluginTimeoutError, UnsupportedOperationError

_T = TypeVar("_T")


class RunState(str, Enum):
    """Whether the work goes on, and how it ended. A state other than ``RUNNING`` is final."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Running(ABC, Generic[_T]):
    """Work that was begun, and what it comes to. Its methods are thread-safe.

    It goes on whether or not anybody waits for it: who gives up on it calls ``cancel``.

    >>> from floe_plugins.hookspecs import InThread, Running
    >>> def wait_for(work: Running[int]) -> int:
    ...     try:
    ...         return work.result(timeout=60)
    ...     except TimeoutError:
    ...         work.cancel()
    ...         raise
    >>> wait_for(InThread(lambda: 42, "the answer"))
    42
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """The engine's name for this work, as in its logs; unique."""

    @property
    @abstractmethod
    def state(self) -> RunState:
        """The state now. Does not wait."""

    @abstractmethod
    def cancel(self) -> None:
        """End the work. Returns at once; does nothing if the work has ended.

        Raises:
            UnsupportedOperationError: the engine cannot end work that it has begun.
        """

    @abstractmethod
    def result(self, timeout: float | None = None) -> _T:
        """Return what the work comes to. Waits for it, at most ``timeout`` seconds.

        Raises:
            CancelledOperationError: the work was cancelled.
            PluginTimeoutError: the work took longer than it was allowed when it was begun.
            TimeoutError: ``timeout`` has passed; the work goes on.
            Exception: any other error with which the work has ended.
        """


class InThread(Running[_T]):
    """A function that runs on a thread of its own, for engines that can only be waited for.

    >>> work = InThread(lambda: 6 * 7, "the answer")
    >>> work.result(), work.state.value
    (42, 'succeeded')

    Args:
        call: what to run.
        label: what it is, for messages.
        interrupt: makes ``call`` return soon, called once at most. Without it, the work cannot be cancelled.
        timeout: the number of seconds after which the work has failed. Without ``interrupt``, the function runs on.
    """

    def __init__(
        self,
        call: Callable[[], _T],
        label: str,
        interrupt: Callable[[], object] | None = None,
        timeout: float | None = None,
    ) -> None:
        self._id = str(uuid.uuid4())
        self._label = label
        self._interrupt = interrupt
        self._state = RunState.RUNNING
        self._value: _T | None = None
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._timer: threading.Timer | None = None
        if timeout is not None:
            self._timer = threading.Timer(timeout, self._expire, [timeout])
            self._timer.daemon = True
            self._timer.start()
        # A daemon: what cannot be interrupted must not keep the process from exiting.
        threading.Thread(target=self._run, args=[call], name=f"floe {label}", daemon=True).start()

    @property
    def id(self) -> str:
        """A random name: a UUID as text."""
        return self._id

    @property
    def state(self) -> RunState:
        """The state now; after its timeout ``FAILED``, even if the function runs on."""
        return self._state

    def cancel(self) -> None:
        """Call ``interrupt``, unless the work has ended. Returns when that has returned, not when the function has.

        Raises:
            UnsupportedOperationError: there is no ``interrupt``.
            Exception: what ``interrupt`` raises.
        """
        if self._ended.is_set():
            return
        if self._interrupt is None:
            message = f"{self._label} cannot be cancelled"
            raise UnsupportedOperationError(message, hint="Wait for its end, or give it a timeout when it is submitted")
        self._stop(RunState.CANCELLED, CancelledOperationError(f"{self._label} was cancelled"))

    def result(self, timeout: float | None = None) -> _T:
        """Return what the function returned, or raise what it raised; any number of callers gets the same.

        Waits for at most ``timeout`` seconds, without one until the end.

        Raises:
            CancelledOperationError: it was cancelled.
            PluginTimeoutError: the timeout with which it was begun has passed.
            TimeoutError: ``timeout`` has passed; the function runs on.
            BaseException: what the function raised.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"{self._label} has not ended within {timeout:g} seconds, and goes on")
        if self._error is not None:
            raise self._error
        return cast("_T", self._value)

    def _run(self, call: Callable[[], _T]) -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 raised to whoever asks for the result
            self._end(RunState.FAILED, error=error)
        else:
            self._end(RunState.SUCCEEDED, value)

    def _expire(self, seconds: float) -> None:
        message = f"{self._label} did not end within {seconds:g} seconds"
        self._stop(RunState.FAILED, PluginTimeoutError(message, seconds=seconds))

    def _stop(self, state: RunState, error: BaseException) -> None:
        if self._end(state, error=error) and self._interrupt is not None:
            self._interrupt()

    def _end(self, state: RunState, value: _T | None = None, error: BaseException | None = None) -> bool:
        """Note the end, unless there was one before; return whether this is it."""
        with self._lock:
            if self._ended.is_set():
                return False
            self._state, self._value, self._error = state, value, error
            self._ended.set()
        if self._timer is not None:
            self._timer.cancel()
        return True
