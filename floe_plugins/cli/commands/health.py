"""``health``: start the platform, report its health and stop it."""

from __future__ import annotations

import sys

import click

from floe_plugins.cli.hosted import HostedCommand
from floe_plugins.cli.options import Options, common_options


@click.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for all health checks.")
@common_options
def health(options: Options, timeout: float | None) -> None:
    """Start the selected plugins, report their health and stop them.

    Exit status 1 if the platform is unhealthy.
    """
    finished = HostedCommand(options).run("health", timeout=timeout)
    output = options.output()
    if options.json:
        output.json(finished.document)
    else:
        report = finished.document["health"]
        rows = [
            (ref, each["state"], f"{each['seconds'] or 0:.3f}", each["message"])
            for ref, each in report["statuses"].items()
        ]
        output.table(("plugin", "health", "seconds", "message"), rows)
        output.line(f"platform {report['state']}")
    sys.exit(finished.status)
