"""How long the commands that run no plugin take, against importing click, which they cannot do without."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

import tomllib

from benchmarks.timing import ROOT, Table, interleaved, table, whole

COMMAND = """
import sys
sys.argv = ["floe-plugins", *sys.argv[1:]]
from floe_plugins.__main__ import main
main()
"""

YARDSTICK = "import click"

COMPLETE = {"_FLOE_PLUGINS_COMPLETE": "bash_complete"}


def commands(rounds: int) -> Table:
    """Processor seconds of whole processes among some plugins."""
    with tempfile.TemporaryDirectory() as directory:
        plugins = _install(Path(directory))
        site = {"PYTHONPATH": f"{ROOT}{os.pathsep}{directory}"}
        contenders = {
            YARDSTICK: partial(whole, "import click"),
            "--help": partial(whole, COMMAND, "--help", environment=site),
            "complete a command": _completing("gr", site),
            "complete a ref": _completing("show compute:d", site),
            "list --json": partial(whole, COMMAND, "list", "--json", environment=site),
            "list": partial(whole, COMMAND, "list", environment=site),
            "graph": partial(whole, COMMAND, "graph", environment=site),
            "show": partial(whole, COMMAND, "show", "compute:duckdb", environment=site),
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
    return table(f"Commands among the {plugins} reference plugins, processor seconds of a process", medians, limits)


def _completing(words: str, site: dict[str, str]) -> partial[float]:
    return partial(whole, COMMAND, environment={**site, **COMPLETE, "COMP_WORDS": f"floe-plugins {words}"})


def _install(site: Path) -> int:
    """Copy the reference plugins as an installer would, without what they depend on; return how many there are."""
    projects = sorted((ROOT / "testplugins" / "reference").glob("*/pyproject.toml"))
    for project in projects:
        shutil.copytree(project.parent / "src", site, dirs_exist_ok=True)
        facts = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        info = site / f"{facts['name'].replace('-', '_')}-{facts['version']}.dist-info"
        info.mkdir()
        header = [f"Name: {facts['name']}", f"Version: {facts['version']}"]
        header += [f"Requires-Dist: {each}" for each in facts["dependencies"]]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *header, "", ""]), encoding="utf-8")
        groups = facts["entry-points"].items()
        lines = [line for group, names in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in names.items()))]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(projects)
