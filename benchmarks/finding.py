"""Discovery: this package beside what else finds entry points."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sites import GROUPS, Site
from benchmarks.timing import ROOT, Row, Table, child, interleaved, run, table, whole

# Each contender is measured in a process of its own, as it is met: at start, once. What it
# imports is imported before, unless the row says otherwise; only the site is on sys.path. With
# files cached, processor time is wall time but for what others do to a machine that they share.
_FRAME = """
import gc, sys, time
site, cache = sys.argv[1:]
GROUPS = {groups!r}
{imports}
sys.path[:] = [site, *(entry for entry in sys.path if not entry.endswith("-packages"))]
gc.disable()
begun = time.process_time()
{act}
print(len(found), time.process_time() - begun)
"""

_MINIMAL = """
import os
def minimal(path):
    found = []
    for root in path:
        try:
            children = os.listdir(root)
        except OSError:
            continue
        for child in children:
            if not child.endswith((".dist-info", ".egg-info")):
                continue
            try:
                with open(f"{root}/{child}/entry_points.txt", "rb") as file:
                    data = file.read()
            except OSError:
                continue
            if b"floe." not in data:
                continue
            group = ""
            for line in data.decode().splitlines():
                line = line.strip()
                if line.startswith("["):
                    group = line[1:-1]
                elif "=" in line and group in GROUPS:
                    name, _, value = line.partition("=")
                    found.append((group, name.strip(), value.strip(), child))
    return found
"""

# stevedore keeps no cache for an interpreter below /tmp, where virtual environments for trying things often lie.
_STEVEDORE = "from stevedore import _cache; cache = _cache.Cache(cache); cache._disable_caching = False"
_STEVEDORE_COLD = f"{_STEVEDORE}; import tempfile; cache._dir = tempfile.mkdtemp(dir=site + '/..')"
_STEVEDORE_ALL = "found = [entry for group in GROUPS for entry in cache.get_group_all(group)]"
_STANDARD = "found = [e for e in importlib.metadata.entry_points() if e.group in GROUPS]"
_STANDARD_310 = "found = [e for g, es in dict.items(importlib.metadata.entry_points()) if g in GROUPS for e in es]"
_ELEVEN = "found = [entry for group in GROUPS for entry in importlib.metadata.entry_points(group=group)]"

_PLUGGY = """
found = []
for group in GROUPS:
    manager = pluggy.PluginManager("floe")
    found += [0] * manager.load_setuptools_entrypoints(group)
"""

MINIMAL, SCAN, DISCOVER = "minimal loop: listdir, open, read, parse the hits", "scanner.scan()", "registry.discover()"
ONCE, ONCE_IMPORTED = "importlib.metadata, once, with its import", "importlib.metadata, once, already imported"

LIMITS = {300: 1 / 15, 3000: 1 / 6}


def _contenders() -> dict[str, tuple[str, str]]:
    standard = _STANDARD if sys.version_info >= (3, 12) else _STANDARD_310
    ready = (
        "import os, floe_plugins; from floe_plugins import PluginRegistry\n"
        "PluginRegistry(path=[], environ={}).discover(); registry = PluginRegistry(environ={})"
    )
    return {
        MINIMAL: (_MINIMAL, "found = minimal(sys.path)"),
        SCAN: ("from floe_plugins.discovery import scanner; scanner.scan([])", "found = scanner.scan().candidates"),
        DISCOVER: (ready, "found = registry.discover().candidates"),
        ONCE: ("", f"import importlib.metadata; {standard}"),
        ONCE_IMPORTED: ("import importlib.metadata, email.parser", standard),
        "importlib.metadata, for each of 11 groups": ("import importlib.metadata, email.parser", _ELEVEN),
        "stevedore, disk cache warm, already imported": (_STEVEDORE, _STEVEDORE_ALL),
        "stevedore, disk cache cold, already imported": (_STEVEDORE_COLD, _STEVEDORE_ALL),
        "pluggy's loader for each of 11 groups (imports plugins)": (
            "import pluggy, importlib.metadata, email.parser",
            _PLUGGY,
        ),
    }


def _measured(imports: str, act: str, site: str, cache: str) -> float:
    return child(_FRAME.format(groups=GROUPS, imports=imports, act=act), site, cache)


def in_process(distributions: int, rounds: int) -> Table:
    """One discovery in a process that has just started."""
    with tempfile.TemporaryDirectory() as directory:
        site = str(Site(distributions, 50).write(Path(directory, "site")))
        cache = str(Path(directory, "cache"))
        contenders = {
            name: functools.partial(_measured, imports, act, site, cache)
            for name, (imports, act) in _contenders().items()
        }
        for contender in contenders.values():
            contender()  # fills the file cache and stevedore's
        medians = interleaved(contenders, rounds)
    limits = {SCAN: (MINIMAL, 1.5), DISCOVER: (MINIMAL, 1.5)}
    found = table(f"Finding the entry points of 50 plugins among {distributions} distributions", medians, limits)
    limit = LIMITS.get(distributions)
    if limit:
        found.rows.extend(_against_standard(medians, limit))
    return found


def _against_standard(medians: dict[str, float], limit: float) -> Iterator[Row]:
    for yardstick in (ONCE, ONCE_IMPORTED):
        ratio = medians[DISCOVER] / medians[yardstick]
        limits = f"{ratio:.4f} (at most {limit:.4f})"
        yield Row(f"registry.discover() / {yardstick}", ratio, ratio, "x", limits, ratio <= limit)


_CATEGORY = b"[floe.categories]\nextra = bench_extra:Extra\n[floe.extra]\nplugin = bench_extra:Plugin\n"
_NO_CATEGORY = b"[floe.secrets]\nplugin = bench_extra:Plugin\n"


def with_added_category(distributions: int, rounds: int) -> Table:
    """The same discovery where one distribution adds a category to floe, and has a plugin of it."""
    with tempfile.TemporaryDirectory() as directory:
        sites: dict[str, str] = {}
        for name, entry_points in (("of the eleven", _NO_CATEGORY), ("of an added one", _CATEGORY)):
            site = Site(distributions, 50).write(Path(directory, name))
            info = site / "bench_extra-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-extra\nVersion: 1.0\n", encoding="utf-8")
            (info / "entry_points.txt").write_bytes(entry_points)
            sites[f"{DISCOVER}, one plugin more {name}"] = str(site)
        ready, act = _contenders()[DISCOVER]
        contenders = {name: functools.partial(_measured, ready, act, site, "") for name, site in sites.items()}
        for contender in contenders.values():
            contender()
        medians = interleaved(contenders, rounds)
    plain, added = medians
    return table(f"An added category among {distributions} distributions", medians, {added: (plain, 1.03)})


_LIST = {
    "bare interpreter": "pass",
    "import attrs": "import attrs",
    "import floe_plugins": "import floe_plugins",
    "floe_plugins: discover and print the refs": (
        "import floe_plugins\nfor c in floe_plugins.PluginRegistry().candidates(): print(c.ref)"
    ),
    "floe_plugins.discovery.scanner: scan and print the refs": (
        "from floe_plugins.discovery import scanner\nfor c in scanner.scan().candidates: print(c.ref)"
    ),
    "importlib.metadata: print the entry points": (
        f"import importlib.metadata\nfor g in {GROUPS!r}:\n"
        "    for e in importlib.metadata.entry_points(group=g): print(e.group, e.name)"
    ),
    "stevedore, disk cache warm: print the entry points": (
        f"import os; cache = os.environ['BENCHMARK_CACHE']; {_STEVEDORE}\n"
        f"for g in {GROUPS!r}:\n    for e in cache.get_group_all(g): print(e.group, e.name)"
    ),
}
_STEVEDORE_WARM = "stevedore, disk cache warm: print the entry points"


def whole_processes(distributions: int, rounds: int) -> Table:
    """A whole process, less what a bare interpreter takes."""
    with tempfile.TemporaryDirectory() as directory:
        site = Site(distributions, 50).write(Path(directory, "site"))
        environment = {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "BENCHMARK_CACHE": str(Path(directory, "cache"))}
        contenders = {name: functools.partial(whole, code, environment=environment) for name, code in _LIST.items()}
        for contender in contenders.values():
            contender()
        medians = interleaved(contenders, rounds)
    bare = medians.pop("bare interpreter")
    limits = {
        "floe_plugins: discover and print the refs": (_STEVEDORE_WARM, 0.9),
        "import floe_plugins": ("import attrs", 1.1),
    }
    title = f"Whole processes among {distributions} distributions, less a bare interpreter ({bare * 1e3:.1f} ms)"
    return table(title, {name: value - bare for name, value in medians.items()}, limits)


_MEMORY = """
import sys, tracemalloc
sys.path.insert(0, sys.argv[1])
from floe_plugins import PluginRegistry
PluginRegistry(path=[], environ={}).discover()
tracemalloc.start()
registry = PluginRegistry(environ={})
report = registry.discover()
held, peak = tracemalloc.get_traced_memory()
assert len(report.candidates) == 50
print(held / 1e6, peak / 1e6)
"""


def memory(distributions: int) -> Table:
    """What a discovery keeps and what it needs on its way."""
    with tempfile.TemporaryDirectory() as directory:
        site = str(Site(distributions, 50).write(Path(directory, "site")))
        held, peak = map(float, run(_MEMORY, site).split())
    rows = [
        Row("held", held, 1.0, "MB", "at most 2 MB", held < 2),
        Row("at its peak", peak, peak / held, "MB", "at most 2 MB", peak < 2),
    ]
    return Table(f"Memory of registry.discover() among {distributions} distributions", rows)
