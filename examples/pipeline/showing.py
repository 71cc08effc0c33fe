"""How things are shown: lines and tables on the terminal, and a picture."""

import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from floe_plugins import LifecycleReport, PluginRef
from floe_plugins.hookspecs.orchestrator import RunReport

# A file or a pipe has no width.
_CONSOLE = Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)


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


def show_times(
    report: RunReport, places: Mapping[str, str], started: LifecycleReport, work: Mapping[PluginRef, float]
) -> None:
    """Print how each step went and what came out, and how long each plugin took to load, to start and to work.

    Plugins load and start side by side.
    """
    steps = report.steps.values()
    table("step;;seconds;output", ((s.name, s.state.value, s.seconds, s.error or places[s.name]) for s in steps))
    times = [(o.ref, o.load_seconds, o.seconds, work[o.ref]) for o in started.outcomes]
    table("plugin;load, s;start, s;work, s", times)


def draw(months: Sequence[tuple[Any, ...]]) -> bytes:
    """A PNG with a line for each city; ``months`` are rows of city, latitude, month, and hours of the mean day."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for (city, latitude), rows in groupby(months, key=lambda row: row[:2]):
        line = [(month, hours) for _, _, month, hours in rows]
        colour = colormaps["viridis"](0.5 - latitude / 150)
        style = "-" if latitude >= 0 else "--"
        axes.plot(*zip(*line, strict=True), style, marker="o", markersize=3, color=colour, label=city)
    axes.set(xlabel="month", ylabel="hours", xticks=range(1, 13), yticks=range(0, 25, 4))
    axes.set_title("Mean length of the day in 2024, from north to south")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
