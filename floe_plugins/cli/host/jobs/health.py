"""Start the selected plugins, ask them how they are, and stop them."""

from __future__ import annotations

from floe_plugins.cli.host.process import PROBLEMS_FOUND, Result
from floe_plugins.cli.host.session import Session
from floe_plugins.core.report import HealthState


def run(session: Session) -> Result:
    """Return the health of the platform."""
    registry = session.registry()
    try:
        registry.startup()
        report = registry.health(session.options.get("timeout"))
    finally:
        registry.shutdown()
    status = PROBLEMS_FOUND if report.state is HealthState.UNHEALTHY else 0
    return Result({"health": session.health(registry, report)}, status)
