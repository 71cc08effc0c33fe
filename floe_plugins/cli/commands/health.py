"""``health``: ask the platform that runs how it is, or start it, ask it and stop it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from floe_plugins.cli.exit import PROBLEMS_FOUND
from floe_plugins.cli.hosted import HostedCommand
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.running import ask_running

# Seconds that a platform that runs has to answer beyond those of its checks.
_SPARE = 5.0
_DEFAULT = 30.0


@click.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for all health checks.")
@click.option("--fresh", is_flag=True, help="Start a platform of its own, also if one runs.")
@common_options
def health(options: Options, timeout: float | None, *, fresh: bool) -> None:
    """Report the health of the platform that runs, or of one that is started for it.

    Exit status 1 if the platform is unhealthy.
    """
    wait = (timeout or _DEFAULT) + _SPARE
    answer = None if fresh else ask_running(options, "health", timeout=wait, seconds=timeout)
    warnings: Sequence[str] = ()
    if answer is not None:
        report, status = answer["health"], PROBLEMS_FOUND * (answer["health"]["state"] == "unhealthy")
        _print(options, report, warnings, "asked the platform that runs")
    else:
        finished = HostedCommand(options).run("health", timeout=timeout)
        report, warnings, status = finished.document["health"], finished.document["warnings"], finished.status
        _print(options, report, warnings, "no platform runs with this configuration: started one for it")
    sys.exit(status)


def _print(options: Options, report: Mapping[str, Any], warnings: Sequence[str], source: str) -> None:
    output = options.output()
    if options.json:
        output.json({"health": report, "source": source, "warnings": [*warnings]})
        return
    rows = [
        (ref, each["state"], f"{each['seconds'] or 0:.3f}", each["message"]) for ref, each in report["statuses"].items()
    ]
    output.table(("plugin", "health", "seconds", "message"), rows)
    for ref, each in report["statuses"].items():
        if each["state"] != "healthy":
            output.ailing(ref, each)
    output.line(f"platform {report['state']} ({source})")
