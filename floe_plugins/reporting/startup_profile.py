"""Show where the time of a start went: by plugin, along its critical chain, and drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as escape_xml  # xml.sax imports an HTTP client

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.safe_text import escape

_LEFT, _WIDTH, _ROW, _TOP = 220, 900, 20, 40
_COLOURS = {
    OutcomeState.SUCCEEDED: "#4a90d9",
    OutcomeState.FAILED: "#d9534f",
    OutcomeState.TIMED_OUT: "#b52b27",
    OutcomeState.SKIPPED: "#bbbbbb",
}
_STYLE = "text{font:12px sans-serif;fill:#333}.axis{stroke:#ddd}.chain{stroke:#e67e00;stroke-width:2}"


@attrs.frozen(kw_only=True)
class Blame(Record):
    """The seconds of one plugin, by stage.

    Attributes:
        ref: the plugin.
        load: how long its load took.
        configure: how long its configuration took.
        start: how long its ``startup`` took, with all attempts.
    """

    ref: PluginRef
    load: float
    configure: float
    start: float

    @property
    def total(self) -> float:
        """The sum of them."""
        return self.load + self.configure + self.start


def blame(report: LifecycleReport) -> tuple[Blame, ...]:
    """Return the seconds of each plugin of a report, the slowest first.

    >>> from floe_plugins import LifecycleReport, Outcome, OutcomeState, PluginRef, Stage
    >>> facts = {"stage": Stage.START, "state": OutcomeState.SUCCEEDED}
    >>> storage = Outcome(ref=PluginRef.parse("storage:local"), seconds=0.1, began=0.0, **facts)
    >>> compute = Outcome(ref=PluginRef.parse("compute:duckdb"), seconds=0.4, load_seconds=0.2, began=0.1, **facts)
    >>> [(str(row.ref), round(row.total, 1)) for row in blame(LifecycleReport(outcomes=(storage, compute)))]
    [('compute:duckdb', 0.6), ('storage:local', 0.1)]
    """
    rows = [
        Blame(ref=each.ref, load=each.load_seconds, configure=each.configure_seconds, start=each.seconds)
        for each in report.outcomes
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total, row.ref)))


def critical_chain(report: LifecycleReport) -> tuple[Outcome, ...]:
    """Return the plugins that decided when the last one was started: each waited for the one before it.

    To make a start faster, begin with these. Empty if no hook was called.

    >>> from floe_plugins import LifecycleReport, Outcome, OutcomeState, PluginRef, Stage
    >>> facts = {"stage": Stage.START, "state": OutcomeState.SUCCEEDED}
    >>> storage = Outcome(ref=PluginRef.parse("storage:local"), seconds=0.1, began=0.0, **facts)
    >>> compute = Outcome(
    ...     ref=PluginRef.parse("compute:duckdb"), seconds=0.4, began=0.1, waited_for=(storage.ref,), **facts
    ... )
    >>> print(*(each.ref for each in critical_chain(LifecycleReport(outcomes=(storage, compute)))))
    storage:local compute:duckdb
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


def svg(report: LifecycleReport) -> str:
    """Return a timeline of the report, one bar per plugin and the critical chain in red, as an SVG document.

    It stands alone: no script, nothing loaded from elsewhere.
    """
    rows = sorted(report.outcomes, key=lambda each: (each.began is None, each.began or 0.0, each.ref))
    length = max([report.seconds, *(ended(each) for each in rows)], default=0.0) or 1.0
    height = _TOP + _ROW * len(rows) + 20
    chain = {each.ref for each in critical_chain(report)}
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 80}" height="{height}" role="img">',
            f"<title>{report.seconds:.3f} s in all</title><style>{_STYLE}</style>",
            *_axis(length, height),
            *(_phases(report, length)),
            *(
                line
                for place, each in enumerate(rows)
                for line in _bar(each, place, length, critical=each.ref in chain)
            ),
            "</svg>",
            "",
        ]
    )


def _x(seconds: float, length: float) -> float:
    return round(_LEFT + _WIDTH * seconds / length, 2)


def _axis(length: float, height: int) -> Iterator[str]:
    for part in range(11):
        seconds = length * part / 10
        x = _x(seconds, length)
        yield f'<line class="axis" x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{height - 12}"/>'
        yield f'<text x="{x}" y="14" text-anchor="middle">{seconds:.3g} s</text>'


def _phases(report: LifecycleReport, length: float) -> Iterator[str]:
    begun = 0.0
    for name, seconds, colour in (
        ("loading", report.load_seconds, "#c8e6c9"),
        ("configuring", report.configure_seconds, "#fff3c4"),
    ):
        x, end = _x(begun, length), _x(begun + seconds, length)
        yield (
            f'<rect x="{x}" y="20" width="{end - x:.2f}" height="12" fill="{colour}">'
            f"<title>{name}: {seconds:.3f} s</title></rect>"
        )
        begun += seconds


def _bar(outcome: Outcome, place: int, length: float, *, critical: bool) -> Iterator[str]:
    y = _TOP + _ROW * place
    yield f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape_xml(str(outcome.ref))}</text>'
    begun, end = _x(outcome.began or 0.0, length), _x(ended(outcome), length)
    note = f": {outcome.message}" if outcome.message else ""
    title = f"{outcome.ref} {outcome.state}, load {outcome.load_seconds:.3f} s, start {outcome.seconds:.3f} s{note}"
    colour = f'"{_COLOURS[outcome.state]}"'
    mark = ' class="chain"' if critical else ""
    yield (
        f'<rect{mark} x="{begun}" y="{y + 2}" width="{max(end - begun, 1.0):.2f}" height="{_ROW - 5}" fill={colour}>'
        f"<title>{escape_xml(escape(title))}</title></rect>"
    )
