"""Measures several things side by side, so that a busy machine slows all of them alike."""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

ROOT = Path(__file__).parent.parent


@attrs.frozen
class Row:
    """One measured thing, in seconds unless ``unit`` says otherwise; ``ratio`` is to the first of its table."""

    what: str
    value: float
    ratio: float
    unit: str = "s"
    limit: str = ""
    met: bool | None = None


@attrs.frozen
class Table:
    """What belongs together."""

    title: str
    rows: list[Row]


def interleaved(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each contender returns, each asked once a round."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            found[name].append(contender())
    return {name: statistics.median(values) for name, values in found.items()}


def seconds(act: Callable[[], object], times: int = 1) -> float:
    """Processor seconds that one of so many calls takes, the collector held back as ``timeit`` does."""
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        for _ in range(times):
            act()
        return (time.process_time() - begun) / times
    finally:
        gc.enable()


def table(title: str, medians: Mapping[str, float], limits: Mapping[str, tuple[str, float]] | None = None) -> Table:
    """A table of medians with ratios to the first; a limit is the name of a yardstick and the most times of it."""
    first = next(iter(medians.values()))
    rows = []
    for what, value in medians.items():
        yardstick, most = (limits or {}).get(what, ("", 0.0))
        against = value / medians[yardstick] if yardstick else None
        limit = f"{against:.3f} of {yardstick} (at most {most:.3f})" if against is not None else ""
        rows.append(Row(what, value, value / first, limit=limit, met=against <= most if against is not None else None))
    return Table(title, rows)


def child(code: str, *arguments: str, environment: Mapping[str, str] | None = None) -> float:
    """The number that a new interpreter prints last."""
    return float(run(code, *arguments, environment=environment).split()[-1])


def whole(code: str, *arguments: str, environment: Mapping[str, str] | None = None) -> float:
    """Processor seconds of a whole new process; its wall time, with files cached, but for what others do."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code, *arguments, environment=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(code: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What a new interpreter prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FLOE_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**inherited, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def show(tables: list[Table]) -> str:
    """The tables as text."""
    lines = [f"Python {sys.version.split()[0]}"]
    for each in tables:
        lines += ["", each.title, f"  {'':58} {'median':>12} {'ratio':>8}"]
        for row in each.rows:
            verdict = {None: "", True: "  met: ", False: "  MISSED: "}[row.met] + row.limit
            shown = f"{row.value:.1f} {row.unit}" if row.unit != "s" else _time(row.value)
            lines.append(f"  {row.what:58} {shown:>12} {row.ratio:8.2f}{verdict}")
    return "\n".join(lines)


def _time(value: float) -> str:
    if value < 1e-4:
        return f"{value * 1e6:.3f} us"
    return f"{value * 1e3:.3f} ms"


def as_json(tables: list[Table]) -> str:
    """The tables as JSON."""
    return json.dumps({"python": sys.version.split()[0], "tables": [attrs.asdict(each) for each in tables]}, indent=2)
