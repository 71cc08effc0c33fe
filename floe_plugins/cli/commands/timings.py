"""``timings``: where the time of the start of the running platform went."""

from __future__ import annotations

import click

from floe_plugins.cli import program
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.status_client import require_running
from floe_plugins.errors import PluginError


@click.command()
@common_options
def timings(options: Options) -> None:
    """Show where the time of the start of the running platform went, the slowest plugin first.

    Exit status 1 if no platform runs, or it has not started yet.
    """
    snapshot = require_running(options, "snapshot")["snapshot"]
    startup, chain = snapshot["startup"], snapshot["critical_chain"]
    if startup is None:
        raise PluginError("the platform has not started yet")
    output = options.output()
    if options.json:
        output.json(
            {"configuration": snapshot["platform"]["configuration"], "startup": startup, "critical_chain": chain}
        )
        return
    rows = sorted(startup["outcomes"], key=lambda each: (-_total(each), each["ref"]))
    columns = ("plugin", "load", "configure", "start", "total", "state")
    output.table(columns, [(each["ref"], *map(_seconds, _parts(each)), each["state"]) for each in rows])
    output.line(f"started in {startup['seconds']:.3f} s; critical chain: {' -> '.join(chain) or 'none'}")
    output.line(program.configuration_line(snapshot["platform"]["configuration"]))


def _total(outcome: dict[str, float]) -> float:
    return outcome["load_seconds"] + outcome["configure_seconds"] + outcome["seconds"]


def _parts(outcome: dict[str, float]) -> tuple[float, ...]:
    return outcome["load_seconds"], outcome["configure_seconds"], outcome["seconds"], _total(outcome)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
