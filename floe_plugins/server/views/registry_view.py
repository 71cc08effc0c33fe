"""The view of a platform whose registry runs in this process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from floe_plugins._version import __version__
from floe_plugins.core.log import log
from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginError
from floe_plugins.registry.fork import watch
from floe_plugins.server.views.observer import Observer
from floe_plugins.server.views.platform import differences, judge
from floe_plugins.server.views.plugin_table import PluginTable, PluginTables, plugin_table
from floe_plugins.server.views.protocol import SCHEMA_VERSION, Event, Snapshot
from floe_plugins.server.views.settings import describe_settings
from floe_plugins.server.views.subscribers import Subscribers

if TYPE_CHECKING:
    from floe_plugins.core.report import LifecycleReport
    from floe_plugins.registry.facade import PluginRegistry

# Seconds after which the registry is looked at, also without an event.
_POLL = 1.0

# Seconds that events are collected before the registry is looked at.
_PAUSE = 0.05


class RegistryView:
    """Shows a registry to the server, and asks its plugins for their health every ``interval`` seconds.

    Runs no plugin before the application does: plugins are asked once they are started. Two threads of its own look
    at the registry and ask for health, so that ``snapshot()`` never waits for either. ``close()`` ends them.

    >>> from floe_plugins import PluginRegistry
    >>> view = RegistryView(PluginRegistry(path=[], environ={}))
    >>> view.snapshot()["platform"]["ready"]
    True
    >>> view.close()

    A forked child has a view with new threads, of the registry as the child has it.

    Args:
        registry: The registry. It is not started or stopped here.
        interval: The seconds between two rounds of health checks.

    Raises:
        ValueError: ``interval`` is not a number of seconds above 0.
    """

    def __init__(self, registry: PluginRegistry, interval: float = 10.0) -> None:
        if not 0 < interval <= threading.TIMEOUT_MAX:
            raise ValueError(f"interval must be a number of seconds above 0, and is {interval!r}")
        self._registry = registry
        self._interval = interval
        self._started_at = time.time()
        self._tables = PluginTables(registry)
        self._startup: Mapping[str, Any] = {"startup": None, "critical_chain": []}
        self._starts: Mapping[str, Mapping[str, Any]] = {}
        self._health: Mapping[str, Mapping[str, Any]] = {}
        self._settings: Mapping[str, Any] = {"settings": [], "schema": None}
        self._is_described = False
        self._has_run = False
        self._snapshot: Snapshot = {}
        self._prepare()
        self._look()
        watch(self, RegistryView._prepare)

    def _prepare(self) -> None:
        """Set what no fork may inherit; a child's threads start when it first asks for something."""
        self._observer = Observer()
        self._subscribers = Subscribers()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ask = threading.Event()
        self._closed = threading.Event()
        self._unsubscribe: Callable[[], None] | None = None

    def _run(self) -> None:
        with self._lock:
            if self._unsubscribe is not None or self._closed.is_set():
                return
            self._unsubscribe = self._registry.subscribe(self._observe)
        self._changed.set()  # something may have happened before
        for target, name in ((self._watch, "floe view"), (self._check, "floe health")):
            threading.Thread(target=target, name=name, args=(self._closed,), daemon=True).start()

    def close(self) -> None:
        """End the threads. The last snapshot stays. May be repeated; a check that is under way is not waited for."""
        with self._lock:
            self._closed.set()
            unsubscribe = self._unsubscribe
        self._changed.set()
        self._ask.set()
        if unsubscribe is not None:
            unsubscribe()

    def snapshot(self) -> Snapshot:
        """Return the state of the platform and its plugins, as it was at most about a second ago.

        It belongs to all callers: do not change it. Never blocks.
        """
        if self._unsubscribe is None:
            self._run()
        return self._snapshot

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call ``callback`` with each event, on a thread of the view's; return what ends that."""
        self._run()
        return self._subscribers.add(callback)

    def record_startup(self, report: LifecycleReport) -> None:
        """Show the report that ``registry.startup()`` returned, with its times and its critical chain."""
        from floe_plugins.reporting.startup_profile import critical_chain

        found = report.to_dict()
        keys = ("state", "seconds", "began", "attempts", "waited_for", "message")
        self._starts = {outcome["ref"]: {key: outcome[key] for key in keys} for outcome in found["outcomes"]}
        self._startup = {"startup": found, "critical_chain": [str(each.ref) for each in critical_chain(report)]}
        self._changed.set()

    def act(self, action: str, ref: str) -> Mapping[str, Any]:
        """Start, stop or restart one plugin and return its outcome. Blocks until it is done.

        A restart also starts the dependents again that had to be stopped for it.

        Raises:
            LookupError: There is no such plugin.
            PluginError: It cannot be done.
        """
        try:
            wanted = self._registry.platform.ref(ref)
        except ValueError as error:
            raise LookupError(str(error)) from None
        if action == "start":
            return self._registry.start(*wanted).to_dict()
        before = [row["ref"] for row in plugin_table(self._registry).rows.values() if row["state"] == "started"]
        outcome = self._registry.stop(*wanted)
        if action == "stop" or not outcome.ok:
            return outcome.to_dict()
        outcome = self._registry.start(*wanted)
        for other in map(self._registry.platform.ref, before):
            if outcome.ok and self._registry.state(*other) == "stopped":
                self._registry.start(*other)
        return outcome.to_dict()

    # On the thread of the registry's events

    def _observe(self, event: Any) -> None:
        self._observer.record(event.to_dict())
        self._changed.set()

    # On the thread that looks at the registry

    def _watch(self, closed: threading.Event) -> None:
        took = 0.0
        while not closed.is_set():
            self._changed.wait(min(_POLL, self._interval))
            # Looking takes at most a tenth of the time, however much happens.
            closed.wait(max(_PAUSE, 10 * took))
            self._changed.clear()
            begun = time.monotonic()
            events = self._look()
            took = time.monotonic() - begun
            for event in events:
                self._subscribers.publish(event)

    def _look(self) -> list[Event]:
        """Replace the snapshot, and return what has happened since the last one."""
        before, events = self._snapshot, self._observer.take()
        try:
            found = self._tables.latest()
        except PluginError as error:
            found = PluginTable({}, (), {})
            self._snapshot = self._new_snapshot(found, failure=str(error))
        else:
            self._snapshot = self._new_snapshot(found)
        published = {(each["ref"], each["state"]) for each in events if each["event"] == "state"}
        for each in differences(before, self._snapshot) if before else ():
            if each["event"] != "state" or (each["ref"], each["state"]) not in published:
                events.append(each)
            _log_health(each)
        if self._snapshot["platform"]["state"] == "running":
            self._on_running(events)
        if not events and any(row["calls"] for row in self._snapshot["plugins"]):
            # Nothing happens, and that is what there is to see: for how long.
            events.append({"event": "snapshot", "changed": ["calls"], "time": time.time()})
        return events

    def _on_running(self, events: Sequence[Event]) -> None:
        if any(each["event"] == "state" and each["state"] == "started" for each in events):
            self._ask.set()
        states = {row["state"] for row in self._snapshot["plugins"] if row["selected"]}
        if not self._is_described and "discovered" not in states and self._unsubscribe is not None:
            # Plugins' own code makes their schemas. It runs once all are loaded anyway.
            self._is_described = True
            threading.Thread(target=self._describe, name="floe schemas", daemon=True).start()

    def _describe(self) -> None:
        try:
            self._settings = describe_settings(self._registry)
        except PluginError as error:
            log("warning", "the settings of the plugins cannot be shown: %s", error)
        self._changed.set()

    def _new_snapshot(self, found: PluginTable, failure: str = "") -> Snapshot:
        rows: list[dict[str, Any]] = [
            {
                **row,
                "health": self._health.get(ref) if row["state"] == "started" else None,
                **self._observer.facts(ref, row["state"], row["reason"]),
            }
            for ref, row in found.rows.items()
        ]
        for row in rows:
            if row["restarts"] == 0:
                row["start"] = self._starts.get(row["ref"], row["start"])
        verdict = judge(rows, found.missing, has_run=self._has_run, failure=failure)
        self._has_run = self._has_run or verdict["state"] == "running"
        return {
            "schema_version": SCHEMA_VERSION,
            "platform": {
                **verdict,
                **self._registry.platform.words(),
                "version": __version__,
                "pid": os.getpid(),
                "started_at": self._started_at,
                "host_pid": None,
                "heartbeat_age": None,
                "restarts": 0,
                "last_end": None,
                "configuration": self._registry.configuration.file,
            },
            "plugins": rows,
            "problems": list(found.problems),
            **self._startup,
            **self._settings,
        }

    # On the thread that asks for health

    def _check(self, closed: threading.Event) -> None:
        while not closed.is_set():
            if any(row["state"] == "started" for row in self._snapshot.get("plugins", ())):
                try:
                    report = self._registry.health()
                except PluginError as error:
                    log("error", "the plugins cannot be asked for their health: %s", error)
                else:
                    self._health = {str(ref): status.to_dict() for ref, status in report.statuses.items()}
                    self._changed.set()
            self._ask.wait(self._interval)
            self._ask.clear()


def _log_health(event: Event) -> None:
    if event["event"] == "health" and (event["before"] is not None or event["state"] != "healthy"):
        level = "info" if event["state"] == "healthy" else "warning"
        log(level, "%s is %s: %s", event["ref"], event["state"], escape(event["reason"] or "it gives no reason"))
