"""``run``: start the platform, serve until a signal and stop the platform in reverse order."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from floe_plugins.cli.hosted import HostedCommand
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import Output, count
from floe_plugins.core.safe_text import escape


@click.command()
@click.option("--once", is_flag=True, help="Start, check health, stop and exit.")
@click.option("--keep-going", is_flag=True, help="Serve on although a required plugin failed to start.")
@click.option("--timings", is_flag=True, help="Show the start time of each plugin and the critical chain.")
@click.option(
    "--timeline",
    "timeline_file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a timeline of the start to FILE, as SVG.",
)
@common_options
def run(options: Options, *, once: bool, keep_going: bool, timings: bool, timeline_file: str | None) -> None:
    """Start the platform and serve until SIGINT, SIGTERM or SIGHUP. Stops the plugins in reverse order.

    Exit status 1 if the platform is unhealthy or a required plugin is missing or failed.
    """
    presenter = _Presenter(options.output(), once=once, keep_going=keep_going, timeline_file=timeline_file)
    command = HostedCommand(options, log=True, report=presenter.report)
    finished = command.run("run", once=once, keep_going=keep_going, timings=timings, timeline=timeline_file is not None)
    if once and options.json:
        presenter.output.json({name: facts for name, facts in finished.document.items() if name in _ONE_DOCUMENT})
    sys.exit(finished.status)


_ONE_DOCUMENT = frozenset({"startup", "health", "blame", "critical_chain", "shutdown"})


class _Presenter:
    """Prints what each step of a run came to."""

    def __init__(self, output: Output, *, once: bool, keep_going: bool, timeline_file: str | None) -> None:
        self.output = output
        self._once = once
        self._keep_going = keep_going
        self._timeline_file = timeline_file

    def report(self, name: str, facts: Mapping[str, Any]) -> None:
        if "timeline" in facts and self._timeline_file is not None:
            self._write_timeline(self._timeline_file, facts["timeline"])
        if self.output.as_json:
            if not self._once:
                self._print_events(name, facts)
        elif name == "started":
            self._print_start(facts)

    def _print_events(self, name: str, facts: Mapping[str, Any]) -> None:
        if name == "shutdown":
            self.output.event({"event": "shutdown", "shutdown": facts["shutdown"]})
            return
        timings = {key: facts[key] for key in ("blame", "critical_chain") if key in facts}
        self.output.event({"event": "startup", "startup": facts["startup"], **timings})
        self.output.event({"event": "health", "health": facts["health"]})

    def _print_start(self, facts: Mapping[str, Any]) -> None:
        started, health = facts["startup"], facts["health"]
        rows = [_row(outcome, health["statuses"]) for outcome in started["outcomes"]]
        if rows:
            self.output.table(("plugin", "start", "seconds", "health", "message"), rows)
        self.output.line(f"platform {health['state']}: {count(len(rows), 'plugin')} in {started['seconds']:.2f} s")
        self.output.problems(facts["problems"])
        if "timings" in facts:
            for line in ("", *facts["timings"].rstrip().split("\n")):
                self.output.line(line)
        if not self._once and (facts["ok"] or self._keep_going):
            self.output.line("running; press Ctrl-C or send SIGTERM to stop")

    @staticmethod
    def _write_timeline(file: str, svg: str) -> None:
        try:
            Path(file).write_text(svg, encoding="utf-8")
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            # The platform runs all the same.
            sys.stderr.write(f"floe-plugins: cannot write the timeline: {escape(error)}\n")


def _row(outcome: Mapping[str, Any], statuses: Mapping[str, Any]) -> tuple[object, ...]:
    status = statuses.get(outcome["ref"])
    message = outcome["message"] or (status["message"] if status else "")
    # The whole message follows among the problems.
    brief = textwrap.shorten(message, 100, placeholder=" ...")
    return outcome["ref"], outcome["state"], f"{outcome['seconds']:.3f}", status["state"] if status else "", brief
