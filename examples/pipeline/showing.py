"""How things are shown: lines and tables on the terminal, and a picture."""

import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from floe_plugins import LifecycleReport
from floe_plugins.hookspecs.orchestrator import RunReport

# A file or a pipe has no width.
_CONSOLE = Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def rows_of(answer: Any) -> list[tuple[Any, ...]]:
    """The rows of an Arrow stream."""
    return [tuple(row.values()) for row in pa.table(answer).to_pylist()]


def line(text: str, end: str = "\n") -> None:
    """Print text as it is, also a long one."""
    _CONSOLE.print(text, end=end)


def table(columns: str, rows: Iterable[Iterable[object]]) -> None:
    """Print rows below the columns' names, which are joined by ``;``; fractions with two digits."""
    cells = [[f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    made = Table(box=None, header_style="bold", pad_edge=False)
    names = columns.split(";")
    for number, name in enumerate(names):
        numeric = all(row[number].lstrip("-").replace(".", "", 1).isdigit() for row in cells)
        # Only the last column gives way where there is not enough room.
        made.add_column(name, justify="right" if numeric else "left", no_wrap=number < len(names) - 1, overflow="fold")
    for row in cells:
        made.add_row(*row)
    _CONSOLE.print()
    _CONSOLE.print(made, soft_wrap=False)


def repeat(source: Path, target: BinaryIO, times: int) -> None:
    """Copy a CSV file whose first column is a city; each further time of another city, ``London 2``."""
    with source.open("rb") as file:
        header, rows = file.readline(), file.read()
    target.write(header)
    target.write(rows)
    # Where the number stands is looked for once, however often it is filled in.
    pattern = re.sub(rb"^([^,\n]+)", rb"\g<1>\0", rows, flags=re.MULTILINE)
    target.writelines(pattern.replace(b"\0", b" %d" % number) for number in range(2, times + 1))


def show_times(
    report: RunReport,
    places: Mapping[str, str],
    peaks: Mapping[str, int | str],
    started: LifecycleReport,
    work: Mapping[str, float],
) -> None:
    """Print how each step went and what came out, and how long each plugin took to load, to start and to work.

    Plugins load and start side by side.
    """
    steps = report.steps.values()
    table(
        "step;;seconds;peak MB;output",
        ((s.name, s.state.value, s.seconds, peaks.get(s.name, ""), s.error or places[s.name]) for s in steps),
    )
    times = [(o.ref, o.load_seconds, o.seconds, work[str(o.ref)]) for o in started.outcomes]
    table("plugin;load, s;start, s;work, s", times)


def draw(means: Sequence[tuple[Any, ...]]) -> bytes:
    """A PNG with a line for each city, or for each zone where there are many.

    Args:
        means: rows of city, degrees north, month, and hours of the mean day; or of the southern edge of a zone of ten
            degrees, month, hours and the number of cities; both by latitude and month.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    lines: dict[str, list[float]] = {}
    for row in means:
        name, hours = _of_city(row) if isinstance(row[0], str) else _of_zone(row)
        lines.setdefault(name, []).append(hours)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    labels = _apart([(hours[-1], name) for name, hours in lines.items()], gap=1.0)
    for number, (name, hours) in enumerate(lines.items()):
        colour = colours[(2 * number) % 20 + number // 10 % 2]
        axes.plot(range(len(hours)), hours, marker="o", markersize=3, color=colour)
        axes.plot([len(hours) - 1, 11.35], [hours[-1], labels[name]], color=colour, linewidth=0.6)
        # Not in the colour of the line, which may be too light to read.
        axes.text(11.4, labels[name], name, fontsize=8, verticalalignment="center")
    axes.set(ylabel="hours", xlim=(-0.3, 14), yticks=range(0, 25, 4))
    axes.set_xticks(range(12), MONTHS)
    axes.set_title("Mean length of the day in each month of 2024")
    axes.grid(alpha=0.3)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def _of_city(row: tuple[Any, ...]) -> tuple[str, float]:
    city, _, _, hours = row
    return city, hours


def _of_zone(row: tuple[Any, ...]) -> tuple[str, float]:
    south, _, hours, cities = row
    edges = sorted((abs(south), abs(south + 10)))
    side = "north" if south >= 0 else "south"
    return f"{edges[0]:.0f} to {edges[1]:.0f}\N{DEGREE SIGN} {side}, {cities} cities", hours


def _apart(places: Iterable[tuple[float, str]], gap: float) -> dict[str, float]:
    """Where names stand, so that those of lines that end together are not on top of each other."""
    found: dict[str, float] = {}
    below = -gap
    for place, name in sorted(places):
        below = found[name] = max(place, below + gap)
    # What was pushed above the frame goes back down, and takes those below it along.
    above = 24.5
    for name in reversed(found):
        above = found[name] = min(found[name], above)
        above -= gap
    return found
