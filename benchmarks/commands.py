"""How long the commands that run no plugin take, against importing click, which they cannot do without."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.timing import Table, interleaved, table, whole

COMMAND = """
import sys
sys.argv = ["floe-plugins", *sys.argv[1:]]
from floe_plugins.__main__ import main
main()
"""

YARDSTICK = "import click"

# The plugin of each is as long as those of the reference plugins are on average.
PLUGINS = 14
_HOOKS = 15

HEAD = """
from __future__ import annotations
from pydantic import BaseModel, Field
from floe_plugins import ComputePlugin, HealthState, HealthStatus

class Settings(BaseModel):
    path: str = Field(default=":memory:", description="the database")
    threads: int | None = Field(default=None, ge=1, description="threads of a query")

class Plugin(ComputePlugin):
    name = "{name}"
    version = "1.0"
    floe_api_version = "1.0"
    description = "Answers queries"
    dependencies = {needs}
    config_schema = Settings
"""
HOOK = """
    def hook{place}(self, query: str, limit: int | None = None) -> list[str]:
        # Answer a query with so many rows, or with all.
        rows = [str(row) for row in self.connection.execute(query, {{"limit": limit}})]
        if limit is not None and len(rows) > limit:
            raise ValueError(f"{{len(rows)}} rows are more than {{limit}}")
        return rows
"""

COMPLETE = {"_FLOE_PLUGINS_COMPLETE": "bash_complete"}


def commands(rounds: int) -> Table:
    """Processor seconds of whole processes among some plugins."""
    with tempfile.TemporaryDirectory() as directory:
        for number in range(PLUGINS):
            _write(Path(directory), number)
        site = {"PYTHONPATH": f"{Path(__file__).parent.parent}:{directory}"}
        contenders = {
            YARDSTICK: partial(whole, "import click"),
            "--help": partial(whole, COMMAND, "--help", environment=site),
            "complete a command": _completing("gr", site),
            "complete a ref": _completing("show compute:p", site),
            "list --json": partial(whole, COMMAND, "list", "--json", environment=site),
            "list": partial(whole, COMMAND, "list", environment=site),
            "graph": partial(whole, COMMAND, "graph", environment=site),
            "show": partial(whole, COMMAND, "show", "compute:plugin0", environment=site),
        }
        for contender in contenders.values():
            contender()  # compiles what is not compiled yet
        medians = interleaved(contenders, rounds)
    limits = {
        "--help": (YARDSTICK, 1.3),
        "complete a command": (YARDSTICK, 1.3),
        "complete a ref": (YARDSTICK, 1.3),
        "list --json": (YARDSTICK, 2.0),
        "list": (YARDSTICK, 2.5),
    }
    return table(f"Commands among {PLUGINS} plugins, processor seconds of a process", medians, limits)


def _completing(words: str, site: dict[str, str]) -> partial[float]:
    return partial(whole, COMMAND, environment={**site, **COMPLETE, "COMP_WORDS": f"floe-plugins {words}"})


def _write(site: Path, number: int) -> None:
    name = f"plugin{number}"
    info = site / f"bench_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: bench-{name}\nVersion: 1.0\nRequires-Dist: floe-plugins>=0.1\n"
    )
    (info / "entry_points.txt").write_text(f"[floe.computes]\n{name} = bench_{name}:Plugin\n")
    package = site / f"bench_{name}"
    package.mkdir()
    (package / "__init__.py").write_text("from .plugin import Plugin\n")
    (package / "plugin.py").write_text(_plugin(name, number))


def _plugin(name: str, number: int) -> str:
    needs = f'("compute:plugin{number - 1}",)' if number else "()"
    hooks = "".join(HOOK.format(place=place) for place in range(_HOOKS))
    return HEAD.format(name=name, needs=needs) + hooks
