"""Run the platform: start it, serve until the supervisor asks to stop, and stop it in reverse order."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from floe_plugins.cli.host.process import PROBLEMS_FOUND, Result
from floe_plugins.cli.host.reload import Reload
from floe_plugins.cli.host.session import Session
from floe_plugins.core.report import HealthReport, HealthState, LifecycleReport
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.reporting import startup_profile
from floe_plugins.server.views.protocol import ACTIONS
from floe_plugins.server.views.registry_view import RegistryView

# Seconds between two health checks while the platform serves, and between two snapshots at least.
HEALTH_INTERVAL = 10.0
SNAPSHOT_INTERVAL = 0.25


def run(session: Session) -> Result:
    """Run the platform and return what its start, its health and its stop came to."""
    return _Platform(session, session.registry()).run()


class _Platform:
    def __init__(self, session: Session, registry: PluginRegistry) -> None:
        self.session = session
        self.registry = registry
        self.once = bool(session.options.get("once"))
        self.document: dict[str, Any] = {}
        self.ok: bool | None = None
        self._view: RegistryView | None = None

    def run(self) -> Result:
        try:
            if not self.once:
                self._open()
            self._start()
            if not self.once and (self.ok or self.session.options.get("keep_going")):
                self._serve()
        except KeyboardInterrupt:
            if self.ok is None or self.once:
                self.ok = False
        finally:
            self._report("shutdown", {"shutdown": self.registry.shutdown().to_dict()})
        return Result(self.document, 0 if self.ok else PROBLEMS_FOUND)

    def _open(self) -> None:
        """Let the supervisor see the platform, and ask for things."""
        interval = self.session.options.get("health_interval") or HEALTH_INTERVAL
        self._view = RegistryView(self.registry, interval)
        self.session.handlers |= {
            "health": self._health,
            "act": self._act,
            "reload": lambda _: Reload(self.registry, self.session.options.get("config")).run(),
        }
        changed = threading.Event()
        self._view.subscribe(lambda event: self._tell(event, changed))
        threading.Thread(target=self._send_snapshots, args=(changed,), name="floe snapshots", daemon=True).start()
        changed.set()

    def _start(self) -> None:
        started = self.registry.startup()
        if self._view is not None:
            self._view.record_startup(started)
        health = self.registry.health()
        failed = [outcome.ref for outcome in started.outcomes if outcome.required and not outcome.ok]
        self.ok = not failed and health.state is not HealthState.UNHEALTHY
        self._report("started", self._facts(started, health))

    def _facts(self, started: LifecycleReport, health: HealthReport) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "startup": started.to_dict(),
            "health": self.session.health(self.registry, health),
            "problems": self.session.problems(self.registry.problems),
            "ok": self.ok,
            "warnings": self.session.warnings,
        }
        if self.session.options.get("timings"):
            facts["blame"] = [row.to_dict() for row in startup_profile.blame(started)]
            facts["critical_chain"] = [str(outcome.ref) for outcome in startup_profile.critical_chain(started)]
            facts["timings"] = startup_profile.describe(started)
        if self.session.options.get("timeline"):
            facts["timeline"] = startup_profile.svg(started)
        return facts

    def _serve(self) -> None:
        self.session.channel.send("serving")
        # On some platforms a signal does not wake a wait without a timeout.
        forever = threading.Event()
        while True:
            forever.wait(3600)

    def _report(self, name: str, facts: dict[str, Any]) -> None:
        self.session.report(name, facts)
        self.document |= facts

    # On threads of the view and of requests

    def _tell(self, event: Mapping[str, Any], changed: threading.Event) -> None:
        if event["event"] == "health":
            self.session.channel.send(**event)
        changed.set()

    def _send_snapshots(self, changed: threading.Event) -> None:
        pause = threading.Event()
        view = self._view
        while view is not None:
            changed.wait()
            changed.clear()
            self.session.channel.send("snapshot", document=view.snapshot())
            pause.wait(SNAPSHOT_INTERVAL)

    def _health(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"health": self.session.health(self.registry, self.registry.health(message.get("timeout")))}

    def _act(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        view = self._view
        if view is None or message.get("action") not in ACTIONS:
            return {"error": {"message": f"there is no action {message.get('action')!r}"}}
        try:
            return {"outcome": view.act(message["action"], message["ref"])}
        except LookupError as error:
            return {"error": {"message": str(error), "is_unknown": True}}
