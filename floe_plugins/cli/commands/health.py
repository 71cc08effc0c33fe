"""``health``: start the platform, report its health and stop it."""

from __future__ import annotations

import click

from floe_plugins.cli.exit import PROBLEMS_FOUND, exit_process
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.signals import SignalHandler
from floe_plugins.core.report import HealthState


@click.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for all health checks.")
@common_options
def health(options: Options, timeout: float | None) -> None:
    """Start the selected plugins, report their health and stop them.

    Exit status 1 if the platform is unhealthy.
    """
    output = options.output()
    registry = options.registry()
    with SignalHandler().installed():
        try:
            registry.startup()
            report = registry.health(timeout)
        finally:
            registry.shutdown()
    if options.json:
        output.json({"health": report.to_dict()})
    else:
        rows = [(ref, each.state, f"{each.seconds or 0:.3f}", each.message) for ref, each in report.statuses.items()]
        output.table(("plugin", "health", "seconds", "message"), rows)
        output.line(f"platform {report.state}")
    exit_process(registry, output, PROBLEMS_FOUND if report.state is HealthState.UNHEALTHY else 0)
