"""Show where the time of a start went: by plugin, and along its critical chain."""

from __future__ import annotations

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome


@attrs.frozen(kw_only=True)
class Blame(Record):
    """The seconds of one plugin, by stage."""

    ref: PluginRef
    load: float
    configure: float
    start: float

    @property
    def total(self) -> float:
        """The sum of them."""
        return self.load + self.configure + self.start


def blame(report: LifecycleReport) -> tuple[Blame, ...]:
    """Return the seconds of each plugin of a report, the slowest first."""
    rows = [
        Blame(ref=each.ref, load=each.load_seconds, configure=each.configure_seconds, start=each.seconds)
        for each in report.outcomes
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total, row.ref)))


def critical_chain(report: LifecycleReport) -> tuple[Outcome, ...]:
    """Return the plugins that decided when the last one was started: each waited for the one before it.

    To make a start faster, begin with these. Empty if no hook was called.
    """
    called = {each.ref: each for each in report.outcomes if each.began is not None}
    last = max(called.values(), key=lambda each: (ended(each), each.ref), default=None)
    chain: list[Outcome] = []
    while last is not None:
        chain.append(last)
        waited_for = (called[ref] for ref in last.waited_for if ref in called)
        last = max(waited_for, key=lambda each: (ended(each), each.ref), default=None)
    return tuple(reversed(chain))


def ended(outcome: Outcome) -> float:
    """Return when a plugin's hook ended, in seconds after its report began."""
    return (outcome.began or 0.0) + outcome.seconds


def describe(report: LifecycleReport) -> str:
    """Return blame and critical chain as text for a terminal."""
    lines = [
        (
            f"{report.seconds:.3f} s in all: {report.load_seconds:.3f} s loading, "
            f"{report.configure_seconds:.3f} s configuring, then the hooks"
        ),
        "",
        "    load configure     start  plugin",
        *(f"{row.load:8.3f}  {row.configure:8.3f}  {row.start:8.3f}  {row.ref}" for row in blame(report)),
        "",
        "What decided how long it took: plugin, when its hook began, how long it took",
        *(
            f"{'  ' * depth}{each.ref}  @{each.began or 0.0:.3f} s  +{each.seconds:.3f} s"
            for depth, each in enumerate(critical_chain(report))
        ),
    ]
    return "\n".join(lines)
