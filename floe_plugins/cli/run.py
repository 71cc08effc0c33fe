"""``run``: starts the platform, serves until it is told to stop, and stops everything in reverse."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from floe_plugins.cli.options import PROBLEMS, Options, common
from floe_plugins.cli.output import Output, count
from floe_plugins.core.report import HealthReport, HealthState, LifecycleReport, Outcome
from floe_plugins.lifecycle import profile, timeline
from floe_plugins.registry.facade import PluginRegistry


class _Signals:
    """SIGINT and SIGTERM: the first ends what is being done, the second the process."""

    def __init__(self) -> None:
        self.received: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        # A handler may interrupt the very write that it would make: Python's own streams refuse that.
        if self.received is not None:
            os.write(2, b"floe-plugins: told twice to stop; leaving without stopping the rest\n")
            os._exit(128 + number)
        self.received = number
        os.write(2, b"floe-plugins: stopping; tell it once more to leave at once\n")
        raise KeyboardInterrupt

    @contextmanager
    def handled(self) -> Generator[None, None, None]:
        """Within the block, this object handles both signals."""
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def leave(registry: PluginRegistry, output: Output, status: int) -> None:
    """End the process; at once if plugin code is left running, for in native code that can abort an ordinary exit."""
    output.flush()
    for stream in (sys.stdout, sys.stderr):
        # None where its descriptor was closed from the start; plugins may have closed the others.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    if registry.busy:
        os._exit(status)
    sys.exit(status)


@click.command()
@click.option("--once", is_flag=True, help="Start, check, stop and exit.")
@click.option("--timings", is_flag=True, help="Show where the time of the start went, and the chain that decided it.")
@click.option("--timeline", metavar="FILE", type=click.Path(dir_okay=False), help="Draw the start as SVG into FILE.")
@common
def run(options: Options, *, once: bool, timings: bool, timeline: str | None) -> None:
    """Start the platform, report, serve until SIGINT or SIGTERM, and stop everything in reverse.

    Exit status 1 if a required plugin is missing or failed.
    """
    output = options.output()
    registry = options.registry(progress=True)
    signals = _Signals()
    with signals.handled():
        status = _Run(registry, output, once=once, timings=timings, timeline=timeline).run()
    leave(registry, output, status)


@click.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for all answers.")
@common
def health(options: Options, timeout: float | None) -> None:
    """Start what is selected, ask how it is, and stop it again.

    Exit status 1 if the platform is unhealthy.
    """
    output = options.output()
    registry = options.registry()
    with _Signals().handled():
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
    leave(registry, output, PROBLEMS if report.state is HealthState.UNHEALTHY else 0)


class _Run:
    def __init__(
        self, registry: PluginRegistry, output: Output, *, once: bool, timings: bool, timeline: str | None
    ) -> None:
        self.registry = registry
        self.output = output
        self.once = once
        self.timings = timings
        self.timeline = timeline
        self.events: dict[str, Any] = {}
        self.ok: bool | None = None

    def run(self) -> int:
        try:
            self._start()
            if not self.once:
                self._serve()
        except KeyboardInterrupt:
            if self.ok is None or self.once:
                self.ok = False
        finally:
            self._event("shutdown", self.registry.shutdown())
        if self.once and self.output.as_json:
            self.output.json(self.events)
        return 0 if self.ok else PROBLEMS

    def _start(self) -> None:
        started = self.registry.startup()
        health = self.registry.health()
        failed = [outcome.ref for outcome in started.outcomes if outcome.required and not outcome.ok]
        missing = set(self.registry.configuration.required) - {outcome.ref for outcome in started.outcomes}
        self.ok = not failed and not missing and health.state is not HealthState.UNHEALTHY
        if self.timeline is not None:
            self._draw(self.timeline, started)
        self._event("startup", started)
        self._event("health", health)
        if not self.output.as_json:
            self._table(started, health)
            self.output.problems(self.registry.problems)
            for ref in sorted(missing):
                self.output.line(f"required, but not there: {ref}")
            if self.timings:
                self.output.line(f"\n{profile.describe(started)}".rstrip())

    def _table(self, started: LifecycleReport, health: HealthReport) -> None:
        rows = [_row(outcome, health) for outcome in started.outcomes]
        if rows:
            self.output.table(("plugin", "start", "seconds", "health", "message"), rows)
        self.output.line(f"platform {health.state}: {count(len(rows), 'plugin')} in {started.seconds:.2f} s")

    @staticmethod
    def _draw(file: str, started: LifecycleReport) -> None:
        try:
            Path(file).write_text(timeline.svg(started), encoding="utf-8")
        except OSError as error:
            # The platform runs all the same.
            sys.stderr.write(f"floe-plugins: the timeline cannot be written: {error}\n")

    def _serve(self) -> None:
        if not self.output.as_json:
            self.output.line("running; Ctrl-C or SIGTERM stops it")
        # An Event without a time-out is not woken by signals on every platform.
        forever = threading.Event()
        while True:
            forever.wait(3600)

    def _event(self, name: str, report: LifecycleReport | HealthReport) -> None:
        facts: dict[str, Any] = {name: report.to_dict()}
        if self.timings and name == "startup" and isinstance(report, LifecycleReport):
            facts["blame"] = [row.to_dict() for row in profile.blame(report)]
            facts["critical_chain"] = [str(outcome.ref) for outcome in profile.critical_chain(report)]
        if self.once:
            self.events |= facts
        elif self.output.as_json:
            self.output.event({"event": name, **facts})


def _row(outcome: Outcome, health: HealthReport) -> tuple[object, ...]:
    status = health.statuses.get(outcome.ref)
    message = outcome.message or (status.message if status else "")
    # What failed is told in full below, among the problems.
    brief = textwrap.shorten(message, 100, placeholder=" ...")
    return outcome.ref, outcome.state, f"{outcome.seconds:.3f}", status.state if status else "", brief
