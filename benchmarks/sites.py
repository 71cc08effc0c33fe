"""Synthetic directories of installed distributions: the same ones for the same numbers, on every machine."""

from __future__ import annotations

import random
from pathlib import Path

import attrs

GROUPS = (
    "floe.computes",
    "floe.orchestrators",
    "floe.catalogs",
    "floe.storage",
    "floe.telemetry_backends",
    "floe.lineage_backends",
    "floe.dbt",
    "floe.semantic_layers",
    "floe.ingestion",
    "floe.secrets",
    "floe.identity",
)
SEED = 20260108

# Of a hundred distributions that are no plugins, so many have console scripts, and so many other entry points.
SCRIPTS, OTHERS = 30, 10

BROKEN = (
    b"[floe.computes]\nno equals sign\n",
    b"[floe.storage]\nname = \n",
    b"[floe.secrets]\nUpper = module:Class\n",
    b"[floe.catalogs]\n",
)


@attrs.frozen
class Site:
    """How many distributions of which kind: plugins, broken ones, and for the rest as found in the wild."""

    distributions: int = 300
    plugins: int = 50
    broken: int = 0

    def write(self, directory: Path) -> Path:
        """Fill a directory, and return it."""
        directory.mkdir(parents=True)
        order = list(range(self.distributions))
        chance = random.Random(SEED)  # noqa: S311 for repetition, not for secrecy
        chance.shuffle(order)
        for rank, number in enumerate(order):
            self._distribution(directory, number, rank, chance.randrange(100))
        return directory

    def _distribution(self, directory: Path, number: int, rank: int, chance: int) -> None:
        name = f"bench_package_{number:05}"
        info = directory / f"{name}-1.{number % 10}.0.dist-info"
        info.mkdir()
        (directory / name).mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name.replace("_", "-"), version=f"1.{number % 10}.0"))
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
        (info / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        source = ""
        if rank < self.plugins:
            group = GROUPS[rank % len(GROUPS)]
            (info / "entry_points.txt").write_text(f"[{group}]\nplugin-{number} = {name}:Plugin\n")
            source = SOURCE.format(number=number)
        elif rank < self.plugins + self.broken:
            (info / "entry_points.txt").write_bytes(BROKEN[rank % len(BROKEN)])
        elif chance < SCRIPTS:
            (info / "entry_points.txt").write_text(f"[console_scripts]\n{name} = {name}.cli:main\n")
        elif chance < SCRIPTS + OTHERS:
            text = f"[console_scripts]\n{name} = {name}.cli:main\n\n[pytest11]\n{name} = {name}.plugin\n"
            (info / "entry_points.txt").write_text(text)
        (directory / name / "__init__.py").write_text(source)


METADATA = """\
Metadata-Version: 2.3
Name: {name}
Version: {version}
Summary: One of many distributions, for measuring
Requires-Python: >=3.10
Requires-Dist: floe-plugins>=0.1
Description-Content-Type: text/markdown

# {name}

A description that is long enough to cost something when all of it is read.
"""

# Importable without floe_plugins, since other loaders import it too.
SOURCE = """\
class Plugin:
    name = "plugin-{number}"
    version = "1.0.0"
    floe_api_version = "1.0"
"""
