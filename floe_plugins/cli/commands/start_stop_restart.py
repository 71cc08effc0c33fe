"""``start``, ``stop`` and ``restart``: act on one plugin of the platform that runs."""

from __future__ import annotations

import sys

import click

from floe_plugins.cli.exit import PROBLEMS_FOUND
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.status_client import require_running


def _act(options: Options, action: str, ref: str) -> None:
    outcome = require_running(options, "act", timeout=610.0, action=action, ref=ref)["outcome"]
    output = options.output()
    if options.json:
        output.json({"outcome": outcome})
    else:
        message = f": {outcome['message']}" if outcome["message"] else ""
        output.line(f"{outcome['ref']} {action} {outcome['state']} in {outcome['seconds']:.3f} s{message}")
    sys.exit(0 if outcome["state"] == "succeeded" else PROBLEMS_FOUND)


@click.command()
@click.argument("ref")
@common_options
def start(options: Options, ref: str) -> None:
    """Start the plugin REF of the platform that runs, and what it needs.

    Exit status 1 if it does not start, or no platform runs.
    """
    _act(options, "start", ref)


@click.command()
@click.argument("ref")
@common_options
def stop(options: Options, ref: str) -> None:
    """Stop the plugin REF of the platform that runs, after all that need it.

    Exit status 1 if it does not stop, or no platform runs.
    """
    _act(options, "stop", ref)


@click.command()
@click.argument("ref")
@common_options
def restart(options: Options, ref: str) -> None:
    """Restart the plugin REF of the platform that runs, and all that need it.

    Exit status 1 if it does not start, or no platform runs.
    """
    _act(options, "restart", ref)
