"""The running platform as probes, the page and other commands see it, from what its host says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from floe_plugins._version import __version__
from floe_plugins.cli import program
from floe_plugins.errors import PluginError
from floe_plugins.server.views.protocol import SCHEMA_VERSION, Event, Snapshot
from floe_plugins.server.views.subscribers import Subscribers

if TYPE_CHECKING:
    from floe_plugins.cli.supervisor.supervisor import Supervisor

_EVENTS = frozenset({"call_begun", "call_ended", "state", "retry", "health", "problem"})

# Seconds that starting or stopping a plugin may take on request.
ACTION_TIMEOUT = 600.0


class SupervisorView:
    """The view of a platform that runs in a host: the host's last snapshot, and the state of the host.

    Attributes:
        restarts: How often a host was launched anew.
        last_end: Why the host ended last.
        phase: The state of the platform as the supervisor knows it: "starting", "running", "stopping", ...
    """

    def __init__(self, supervisor: Supervisor, configuration: str | None) -> None:
        self.restarts = 0
        self.last_end: str | None = None
        self.phase = "starting"
        self._supervisor = supervisor
        self._configuration = configuration
        self._started_at = time.time()
        self._last: Mapping[str, Any] = {}
        self._subscribers = Subscribers()
        supervisor.observers.append(self._observe)

    def snapshot(self) -> Snapshot:
        """Return the state of the platform and its plugins. Never blocks."""
        last, monitor = self._last, self._supervisor.monitor
        alive = monitor is not None and monitor.host.status is None
        platform: dict[str, Any] = {
            "state": self.phase,
            "health": None,
            "ready": False,
            "reasons": [],
            **last.get("platform", {}),
            **program.platform().words(),
            "version": __version__,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "host_pid": monitor.host.pid if monitor is not None and alive else None,
            "heartbeat_age": monitor.state.silence if monitor is not None and alive else None,
            "restarts": self.restarts,
            "last_end": self.last_end,
            "configuration": self._configuration,
        }
        if self.phase not in {"starting", "running"} or not alive:
            platform["state"], platform["ready"] = self.phase, False
            platform["reasons"] = [self.last_end or f"the platform is {self.phase}"]
        empty: dict[str, Any] = {
            "plugins": [],
            "problems": [],
            "startup": None,
            "critical_chain": [],
            "settings": [],
            "schema": None,
        }
        return {"schema_version": SCHEMA_VERSION, **empty, **last, "platform": platform}

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call ``callback`` with each event, on the monitor's thread; return what ends that. It must be quick."""
        return self._subscribers.add(callback)

    def act(self, action: str, ref: str) -> Mapping[str, Any]:
        """Start, stop or restart one plugin and return its outcome. Blocks until it is done.

        Raises:
            LookupError: There is no such plugin.
            PluginError: It cannot be done.
        """
        answer = self._supervisor.ask("act", ACTION_TIMEOUT, action=action, ref=ref)
        error = answer.get("error")
        if error is not None:
            raise (LookupError if error.get("is_unknown") else PluginError)(error["message"])
        outcome: Mapping[str, Any] = answer["outcome"]
        return outcome

    def publish_state(self, state: str, reason: str = "") -> None:
        """Tell the clients that follow the platform its state."""
        self.phase = state
        if state == "starting":
            # The last host's state of the platform is over; its facts about the plugins are better than none.
            self._last = {**self._last, "platform": {}}
        self._subscribers.publish({"event": "platform", "state": state, "reason": reason})

    def _observe(self, message: Event) -> None:
        kind = message["event"]
        if kind == "snapshot":
            self._last = message["document"]
            state = self._last["platform"]["state"]
            if self.phase in {"starting", "running"}:
                self.phase = state
            # Whoever shows the whole asks for it after an event.
            self._subscribers.publish({"event": "platform", "state": state, "reason": ""})
        elif kind in _EVENTS:
            self._subscribers.publish(message)
