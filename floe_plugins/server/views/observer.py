"""Remember what events tell of each plugin: the calls of its code, and how its start went."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from floe_plugins.server.views.protocol import Event

# How many events are kept until they are taken; the oldest are dropped.
MAX_EVENTS = 10_000

_PASSED_ON = frozenset({"call_begun", "call_ended", "retry", "state"})
_FACTS = ("ref", "stage", "state", "time", "timeout", "seconds", "reason")
_OUTCOMES = {"started": "succeeded", "stopped": "succeeded", "failed": "failed", "skipped": "skipped"}


class Observer:
    """Takes the events of a registry, as JSON data. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._created = time.time()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._calls: dict[str, dict[Any, Mapping[str, Any]]] = {}
        self._starts: dict[str, dict[str, Any]] = {}
        self._restarts: dict[str, int] = {}

    def record(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        kind, ref = event["kind"], event["ref"]
        with self._lock:
            if kind in _PASSED_ON:
                facts = {key: event[key] for key in _FACTS if event[key] not in {None, ""}}
                self._events.append({"event": kind, **facts})
            if kind == "call_begun":
                self._calls.setdefault(ref, {})[event["thread"], event["stage"]] = event
            elif kind == "call_ended":
                self._calls.get(ref, {}).pop((event["thread"], event["stage"]), None)
            elif kind == "state" and event["state"] == "started":
                # The first start is none anew.
                self._restarts[ref] = self._restarts.get(ref, -1) + 1
            if event["stage"] == "start":
                self._record_start(kind, ref, event)

    def _record_start(self, kind: str, ref: str, event: Mapping[str, Any]) -> None:
        if kind == "call_begun":
            start = self._starts.get(ref)
            if start is None or not start["is_retried"]:
                began = max(event["time"] - self._created, 0.0)
                start = self._starts[ref] = {"began": began, "time": event["time"], "attempts": 0}
            start.update(attempts=start["attempts"] + 1, is_retried=False, seconds=0.0)
        elif kind in {"call_ended", "retry"} and ref in self._starts:
            start = self._starts[ref]
            start["seconds"] = max(event["time"] - start["time"], 0.0)
            start["is_retried"] = kind == "retry"

    def take(self) -> list[Event]:
        """Return the events since the last call that are passed on as they are: all but problems."""
        with self._lock:
            found = list(self._events)
            self._events.clear()
        return found

    def facts(self, ref: str, state: str, reason: str) -> dict[str, Any]:
        """Return the calls, the start and the restarts of a plugin for a snapshot."""
        now = time.time()
        with self._lock:
            calls = [
                {"stage": call["stage"], "seconds": max(now - call["time"], 0.0), "timeout": call["timeout"]}
                for call in self._calls.get(ref, {}).values()
            ]
            start = self._starts.get(ref)
            known = None if start is None or state not in _OUTCOMES else dict(start)
            restarts = max(self._restarts.get(ref, 0), 0)
        if known is not None:
            known = {
                "state": _OUTCOMES[state],
                "seconds": known["seconds"],
                "began": known["began"],
                "attempts": known["attempts"],
                "waited_for": [],
                "message": reason if state in {"failed", "skipped"} else "",
            }
        return {"calls": calls, "start": known, "restarts": restarts}
