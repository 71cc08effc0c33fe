"""Run the platform: start it, serve until the supervisor asks to stop, and stop it in reverse order."""

from __future__ import annotations

import threading
from typing import Any

from floe_plugins.cli.host.process import PROBLEMS_FOUND, Result
from floe_plugins.cli.host.session import Session
from floe_plugins.core.report import HealthReport, HealthState, LifecycleReport
from floe_plugins.lifecycle import profile, timeline
from floe_plugins.registry.facade import PluginRegistry


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

    def run(self) -> Result:
        try:
            self._start()
            if not self.once and (self.ok or self.session.options.get("keep_going")):
                self._serve()
        except KeyboardInterrupt:
            if self.ok is None or self.once:
                self.ok = False
        finally:
            self._report("shutdown", {"shutdown": self.registry.shutdown().to_dict()})
        return Result(self.document, 0 if self.ok else PROBLEMS_FOUND)

    def _start(self) -> None:
        started = self.registry.startup()
        health = self.registry.health()
        failed = [outcome.ref for outcome in started.outcomes if outcome.required and not outcome.ok]
        self.ok = not failed and health.state is not HealthState.UNHEALTHY
        self._report("started", self._facts(started, health))

    def _facts(self, started: LifecycleReport, health: HealthReport) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "startup": started.to_dict(),
            "health": health.to_dict(),
            "problems": self.session.problems(self.registry.problems),
            "ok": self.ok,
        }
        if self.session.options.get("timings"):
            facts["blame"] = [row.to_dict() for row in profile.blame(started)]
            facts["critical_chain"] = [str(outcome.ref) for outcome in profile.critical_chain(started)]
            facts["timings"] = profile.describe(started)
        if self.session.options.get("timeline"):
            facts["timeline"] = timeline.svg(started)
        return facts

    def _serve(self) -> None:
        # On some platforms a signal does not wake a wait without a timeout.
        forever = threading.Event()
        while True:
            forever.wait(3600)

    def _report(self, name: str, facts: dict[str, Any]) -> None:
        self.session.report(name, facts)
        self.document |= facts
