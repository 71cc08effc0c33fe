"""What waits to be sent, and the thread that sends it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class RefusedError(Exception):
    """Raised by ``send``: the receiver answers, but will never take this thing."""


@attrs.frozen
class OutboxState:
    """How many things wait, how many were dropped or refused, and why the last attempt failed."""

    waiting: int
    dropped: int
    fault: str


class Outbox:
    """Sends things one after another on a thread of its own, and keeps what could not be sent for the next try.

    Nobody waits for a slow receiver but who asks to, by ``flush`` and ``close``,
    and they until their deadline. All methods are safe from several threads.

    Args:
        name: what is sent to, for the log.
        send: sends one thing, or raises; what it raises ``RefusedError`` for is not tried again.
        limit: how many may wait; of more, the oldest is dropped.
    """

    def __init__(self, name: str, send: Callable[[Any], None], limit: int) -> None:
        self._name = name
        self._send = send
        self._limit = limit
        self._waiting: deque[Any] = deque()
        self._dropped = 0
        self._fault = ""
        self._sending = False
        self._attempts = 0
        self._hurried = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> OutboxState:
        """What waits, and how the last attempt went."""
        with self._changed:
            return OutboxState(len(self._waiting), self._dropped, self._fault)

    def put(self, thing: Any) -> None:
        """Let a thing be sent soon. What comes after ``close`` is dropped."""
        with self._changed:
            if self._closed:
                self._drop()
                return
            if len(self._waiting) >= self._limit:
                self._waiting.popleft()
                self._drop()
            self._waiting.append(thing)
            if self._thread is None:
                # Daemon, so that a receiver that is down keeps no process from ending.
                self._thread = threading.Thread(target=self._run, name=f"floe {self._name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, deadline: float) -> bool:
        """Send what waits, within ``deadline`` seconds; whether all of it went out.

        Returns before the deadline when an attempt made for it has failed.
        """
        with self._changed:
            # An attempt that has begun already may have been for something else.
            enough = self._attempts + (2 if self._sending else 1)
            dropped = self._dropped
            self._hurried = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: not self._waiting or (self._attempts >= enough and self._fault != ""),
                timeout=max(deadline, 0.0),
            )
            return not self._waiting and self._dropped == dropped

    def close(self, deadline: float) -> tuple[Any, ...]:
        """Send what waits, within ``deadline`` seconds, and end; what was not sent."""
        self.flush(deadline)
        with self._changed:
            self._closed = True
            left = tuple(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _drop(self) -> None:
        # Once is enough to know; the number is in the plugin's health.
        if not self._dropped:
            _log.warning("%s does not keep up: of more than %d things the oldest are dropped", self._name, self._limit)
        self._dropped += 1

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while (thing := self._next()) is not None:
            fault = self._attempt(thing)
            with self._changed:
                self._sending = False
                self._attempts += 1
                self._fault = fault
                # It may have been dropped meanwhile, as the oldest.
                if not fault and self._waiting and self._waiting[0] is thing:
                    self._waiting.popleft()
                self._changed.notify_all()
            pause = self._rest(pause) if fault else _FIRST_PAUSE

    def _next(self) -> Any | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            self._sending = True
            self._hurried = False
            return self._waiting[0]

    def _attempt(self, thing: Any) -> str:
        try:
            self._send(thing)
        except RefusedError as error:
            _log.error("%s refuses what it was sent, which is given up: %s", self._name, error)
            with self._changed:
                self._dropped += 1
        except Exception as error:  # noqa: BLE001 said in the state, and tried again
            fault = f"{type(error).__name__}: {error}"
            if not self._fault:
                _log.warning("%s cannot be reached: %s", self._name, fault)
            return fault
        return ""

    def _rest(self, pause: float) -> float:
        with self._changed:
            self._changed.wait_for(lambda: self._hurried or self._closed, timeout=pause)
        return min(pause * 2, _LONGEST_PAUSE)
