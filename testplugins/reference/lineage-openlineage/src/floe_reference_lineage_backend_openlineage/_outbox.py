"""A queue of items to send, and the thread that sends them.

The telemetry and the lineage plugin each have a copy of this module, equal to the byte, because distributions that
are installed separately share code only through a third one; a test of the main suite holds the copies equal.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

_log = logging.getLogger(__name__)

_FIRST_RETRY_DELAY = 0.5
_LONGEST_RETRY_DELAY = 30.0


class RefusedError(Exception):
    """Raised by ``send``: the receiver has answered, and will never accept this item."""


@attrs.frozen
class OutboxState:
    """The number of items waiting, the number dropped or refused, and the error of the last attempt, if any."""

    waiting: int
    dropped: int
    error: str


class Outbox:
    """Sends items in order on a thread of its own; an item that could not be sent is tried again.

    Only ``flush`` and ``close`` wait for the receiver, until their timeout. All methods are thread-safe.

    Args:
        name: the receiver, for the log.
        send: sends one item or raises; after ``RefusedError`` the item is not tried again.
        limit: the maximum number of waiting items; beyond it the oldest is dropped.
    """

    def __init__(self, name: str, send: Callable[[Any], None], limit: int) -> None:
        self._name = name
        self._send = send
        self._limit = limit
        self._waiting: deque[Any] = deque()
        self._dropped = 0
        self._error = ""
        self._sending = False
        self._attempts = 0
        self._flush_requested = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> OutboxState:
        """The current state."""
        with self._changed:
            return OutboxState(len(self._waiting), self._dropped, self._error)

    def put(self, item: Any) -> None:
        """Queue an item. After ``close`` it is dropped."""
        with self._changed:
            if self._closed:
                self._drop()
                return
            if len(self._waiting) >= self._limit:
                self._waiting.popleft()
                self._drop()
            self._waiting.append(item)
            if self._thread is None:
                # A daemon: a receiver that is down must not keep the process from exiting.
                self._thread = threading.Thread(target=self._run, name=f"floe {self._name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Try to send all waiting items within ``timeout`` seconds; return whether all were sent.

        Returns early if an attempt that began after the call has failed.
        """
        with self._changed:
            # An attempt that began before this call does not count.
            enough = self._attempts + (2 if self._sending else 1)
            dropped = self._dropped
            self._flush_requested = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: not self._waiting or (self._attempts >= enough and self._error != ""),
                timeout=max(timeout, 0.0),
            )
            return not self._waiting and self._dropped == dropped

    def close(self, timeout: float) -> tuple[Any, ...]:
        """Try to send all waiting items within ``timeout`` seconds, then end; return the items not sent."""
        self.flush(timeout)
        with self._changed:
            self._closed = True
            left = tuple(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _drop(self) -> None:
        # Logged once; the plugin's health has the number.
        if not self._dropped:
            _log.warning(
                "%s does not keep up: more than %d items wait, the oldest are dropped", self._name, self._limit
            )
        self._dropped += 1

    def _run(self) -> None:
        delay = _FIRST_RETRY_DELAY
        while (item := self._next()) is not None:
            error = self._attempt(item)
            with self._changed:
                self._sending = False
                self._attempts += 1
                self._error = error
                # The item may have been dropped meanwhile, as the oldest.
                if not error and self._waiting and self._waiting[0] is item:
                    self._waiting.popleft()
                self._changed.notify_all()
            delay = self._wait_to_retry(delay) if error else _FIRST_RETRY_DELAY

    def _next(self) -> Any | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            self._sending = True
            self._flush_requested = False
            return self._waiting[0]

    def _attempt(self, item: Any) -> str:
        try:
            self._send(item)
        except RefusedError as error:
            _log.error("%s refused an item, which is dropped: %s", self._name, error)
            with self._changed:
                self._dropped += 1
        except Exception as error:  # noqa: BLE001 reported in the state, and tried again
            error_text = f"{type(error).__name__}: {error}"
            if not self._error:
                _log.warning("%s cannot be reached: %s", self._name, error_text)
            return error_text
        return ""

    def _wait_to_retry(self, delay: float) -> float:
        with self._changed:
            self._changed.wait_for(lambda: self._flush_requested or self._closed, timeout=delay)
        return min(delay * 2, _LONGEST_RETRY_DELAY)
