"""Notice that a host has come to a standstill: it answers, and nothing happens in it that could be waited for."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

# Seconds after the last event, deadline or pause that a host may take to go on.
MAX_STANDSTILL = 30.0

# Checks and what comes of them go on by themselves where all else stands still.
_PROGRESS = frozenset(
    {
        "call_begun",
        "call_ended",
        "call_overdue",
        "plugin",
        "problem",
        "report",
        "retry",
        "serving",
        "stage_begun",
        "stage_ended",
        "state",
        "stop",
    }
)

Call = tuple[str, str]


class Standstill:
    """What a host is waited for, from its messages. Times are of ``time.monotonic``.

    A host waits for calls within their deadlines, for calls without one, for a pause before another attempt, and for a
    search for plugins. A platform that serves need not do anything, unless a call is past its deadline and the host has
    not said so. Before code of a plugin has run, there is no standstill.

    >>> standstill = Standstill()
    >>> standstill.apply({"event": "call_begun", "ref": "secrets:env", "stage": "start", "timeout": 5})
    >>> standstill.seconds()
    0.0

    Attributes:
        last: The ref and the stage of the call that was heard of last; if that is a check, behind the last call that is
            none.
    """

    def __init__(self) -> None:
        self.last: tuple[Call, ...] = ()
        self._moved = 0.0
        self._until = -math.inf  # the end of a pause
        self._serves = False
        self._searches = False
        self._deadlines: dict[tuple[str, str, float | None], float] = {}
        self._told: set[tuple[str, str, float | None]] = set()

    def apply(self, message: Mapping[str, Any], now: float | None = None) -> None:
        """Take note of a message, and of the request ``stop``."""
        event, stage = message["event"], str(message.get("stage", ""))
        now = time.monotonic() if now is None else now
        if event.startswith("call_"):
            self._apply_call(event, message, now)
        if event not in _PROGRESS or stage == "check":
            return
        self._moved = now
        if event == "retry":
            self._until = now + (_number(message.get("seconds")) or 0.0)
        elif event == "state" and message.get("state") == "failed":
            self._told |= {key for key in self._deadlines if key[0] == message.get("ref")}
        elif event in {"stage_begun", "stage_ended"} and stage == "discover":
            self._searches = event == "stage_begun"
        elif event == "serving":
            self._serves = True
        elif event == "stop":
            self._serves = False

    def _apply_call(self, event: str, message: Mapping[str, Any], now: float) -> None:
        ref, stage = str(message.get("ref")), str(message.get("stage", ""))
        key = (ref, stage, _number(message.get("thread")))
        # Checks go on where a plugin has left the process unable to go on otherwise.
        self.last = (*self.last[:1], (ref, stage)) if stage == "check" and self.last else ((ref, stage),)
        if event == "call_begun":
            timeout = _number(message.get("timeout"))
            self._deadlines[key] = math.inf if timeout is None else now + timeout
        elif event == "call_ended":
            self._deadlines.pop(key, None)
            self._told.discard(key)
        else:
            self._told |= {each for each in self._deadlines if each[:2] == (ref, stage)}

    def seconds(self, now: float | None = None) -> float:
        """Return for how many seconds nothing has happened that the host could be waited for."""
        now = time.monotonic() if now is None else now
        if not self.last or self._searches:
            return 0.0
        deadlines = [
            when for key, when in self._deadlines.items() if key not in self._told and (when > now or key[1] != "check")
        ]
        if self._serves and not self._untold(now):
            return 0.0
        return max(now - max(self._moved, self._until, *deadlines), 0.0)

    @property
    def suspects(self) -> tuple[Call, ...]:
        """The calls of which the host has not said that they are past their deadline; else those that ran last."""
        return self._untold(time.monotonic()) or self.last

    def _untold(self, now: float) -> tuple[Call, ...]:
        return tuple(
            (ref, stage)
            for (ref, stage, thread), when in self._deadlines.items()
            if when < now and stage in {"load", "start", "stop"} and (ref, stage, thread) not in self._told
        )


def _number(value: object) -> float | None:
    # Code of a plugin can write what it likes to where the host's messages come from.
    return value if isinstance(value, (int, float)) else None
