"""``run``: start the platform, serve until a signal and stop the platform in reverse order."""

from __future__ import annotations

import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import click

from floe_plugins.cli.exit import PROBLEMS_FOUND, exit_process
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import Output, count
from floe_plugins.cli.signals import SignalHandler
from floe_plugins.core.report import HealthReport, HealthState, LifecycleReport, Outcome
from floe_plugins.core.safe_text import escape
from floe_plugins.lifecycle import profile
from floe_plugins.registry.facade import PluginRegistry


@click.command()
@click.option("--once", is_flag=True, help="Start, check health, stop and exit.")
@click.option("--timings", is_flag=True, help="Show the start time of each plugin and the critical chain.")
@click.option(
    "--timeline",
    "timeline_file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a timeline of the start to FILE, as SVG.",
)
@common_options
def run(options: Options, *, once: bool, timings: bool, timeline_file: str | None) -> None:
    """Start the platform and serve until SIGINT or SIGTERM. Stops the plugins in reverse order.

    Exit status 1 if the platform is unhealthy or a required plugin is missing or failed.
    """
    output = options.output()
    registry = options.registry(progress=True)
    with SignalHandler().installed():
        status = _Run(registry, output, once=once, timings=timings, timeline_file=timeline_file).run()
    exit_process(registry, output, status)


class _Run:
    def __init__(
        self, registry: PluginRegistry, output: Output, *, once: bool, timings: bool, timeline_file: str | None
    ) -> None:
        self.registry = registry
        self.output = output
        self.once = once
        self.timings = timings
        self.timeline_file = timeline_file
        self.document: dict[str, Any] = {}
        self.ok: bool | None = None

    def run(self) -> int:
        """Run the platform and return the exit status."""
        try:
            self._start()
            if not self.once:
                self._serve()
        except KeyboardInterrupt:
            if self.ok is None or self.once:
                self.ok = False
        finally:
            self._report("shutdown", self.registry.shutdown())
        if self.once and self.output.as_json:
            self.output.json(self.document)
        return 0 if self.ok else PROBLEMS_FOUND

    def _start(self) -> None:
        started = self.registry.startup()
        health = self.registry.health()
        failed = [outcome.ref for outcome in started.outcomes if outcome.required and not outcome.ok]
        self.ok = not failed and health.state is not HealthState.UNHEALTHY
        if self.timeline_file is not None:
            self._write_timeline(self.timeline_file, started)
        self._report("startup", started)
        self._report("health", health)
        if not self.output.as_json:
            self._print_table(started, health)
            self.output.problems(self.registry.problems)
            if self.timings:
                for line in ("", *profile.describe(started).rstrip().split("\n")):
                    self.output.line(line)

    def _print_table(self, started: LifecycleReport, health: HealthReport) -> None:
        rows = [_row(outcome, health) for outcome in started.outcomes]
        if rows:
            self.output.table(("plugin", "start", "seconds", "health", "message"), rows)
        self.output.line(f"platform {health.state}: {count(len(rows), 'plugin')} in {started.seconds:.2f} s")

    @staticmethod
    def _write_timeline(file: str, started: LifecycleReport) -> None:
        try:
            Path(file).write_text(profile.svg(started), encoding="utf-8")
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            # The platform runs all the same.
            sys.stderr.write(f"floe-plugins: cannot write the timeline: {escape(error)}\n")

    def _serve(self) -> None:
        if not self.output.as_json:
            self.output.line("running; press Ctrl-C or send SIGTERM to stop")
        # On some platforms a signal does not wake a wait without a timeout.
        forever = threading.Event()
        while True:
            forever.wait(3600)

    def _report(self, name: str, report: LifecycleReport | HealthReport) -> None:
        facts: dict[str, Any] = {name: report.to_dict()}
        if self.timings and name == "startup" and isinstance(report, LifecycleReport):
            facts["blame"] = [row.to_dict() for row in profile.blame(report)]
            facts["critical_chain"] = [str(outcome.ref) for outcome in profile.critical_chain(report)]
        if self.once:
            self.document |= facts
        elif self.output.as_json:
            self.output.event({"event": name, **facts})


def _row(outcome: Outcome, health: HealthReport) -> tuple[object, ...]:
    status = health.statuses.get(outcome.ref)
    message = outcome.message or (status.message if status else "")
    # The whole message follows among the problems.
    brief = textwrap.shorten(message, 100, placeholder=" ...")
    return outcome.ref, outcome.state, f"{outcome.seconds:.3f}", status.state if status else "", brief
