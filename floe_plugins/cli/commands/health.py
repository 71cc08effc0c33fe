"""``health``: ask the platform that runs how it is, or start it, ask it and stop it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import click

from floe_plugins.cli import program
from floe_plugins.cli.exit import PROBLEMS_FOUND
from floe_plugins.cli.job_runner import JobRunner
from floe_plugins.cli.options import Options, common_options, seconds
from floe_plugins.cli.status_client import ask_running

# Seconds that a platform that runs has to answer beyond those of its checks.
_SPARE = 5.0
_DEFAULT = 30.0

_COLUMNS = ("plugin", "health", "seconds", "message")
_WIDE_COLUMNS = ("check", "asked at", "details", "distribution")


@click.command()
@click.option("--timeout", type=seconds, help="Seconds to wait for all health checks.")
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
        finished = JobRunner(options).run("health", timeout=timeout)
        report, warnings, status = finished.document["health"], finished.document["warnings"], finished.status
        _print(options, report, warnings, "no platform runs with this configuration: started one for it")
    sys.exit(status)


def _print(options: Options, report: Mapping[str, Any], warnings: Sequence[str], source: str) -> None:
    output = options.output()
    if options.json:
        configuration = {"configuration": options.configuration_name()}
        output.json({**configuration, "health": report, "source": source, "warnings": [*warnings]})
        return
    columns = (*_COLUMNS, *_WIDE_COLUMNS) if output.is_wide else _COLUMNS
    output.table(columns, [_row(ref, each)[: len(columns)] for ref, each in report["statuses"].items()])
    for ref, each in report["statuses"].items():
        if each["state"] != "healthy":
            output.ailing(ref, each)
    output.line(f"platform {report['state']} ({source})")
    output.line(program.configuration_line(options.configuration_name()))


def _row(ref: str, status: Mapping[str, Any]) -> Sequence[object]:
    details = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in status["details"].items()
    ]
    return (
        ref,
        status["state"],
        f"{status['seconds'] or 0:.3f}",
        status["message"],
        *(("", "") if status["time"] is None else (_check(status), _clock(status["time"]))),
        "; ".join(details),
        status.get("distribution") or "registered in code",
    )


def _check(status: Mapping[str, Any]) -> str:
    return "none" if status["default"] else "its own"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
