"""The scanner beside ``importlib.metadata``, over generated directories of installed distributions."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floe_plugins import PluginType
from floe_plugins.core.refs import is_name
from floe_plugins.discovery import scanner
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.discovery.metadata_files import normalize

pytestmark = pytest.mark.once


# How many generated directories are compared.
SITES = int(os.environ.get("SITES", "500"))

GROUPS = {member.value for member in PluginType}

names = st.sampled_from(
    ["acme", "Acme", "acme_floe", "acme.floe", "Acme__Floe", "acme-floe", "~cme", "a", "zoë", "_x", "", ".", "..", "-"]
)
versions = st.sampled_from(["", "-1.0", "-1.0", "-2.0_1", "-1.0-py3.11", "-"])
suffixes = st.sampled_from([".dist-info"] * 6 + [".egg-info"] * 3 + [".DIST-INFO", ".Egg-Info", ".dist-infos"])
headers = st.sampled_from(
    ["[floe.computes]"] * 4
    + ["[floe.storage]", "[console_scripts]", "[pytest11]", "[ floe.computes ]", "  [floe.secrets]\t", "[[floe.dbt]]"]
    + [
        "[]",
        "[floe.computes",
        "floe.computes]",
        "[floe.compute]",
        "[floe.computes] # no",
        "[floe.computes]]",
        "[]floe.secrets]",
    ]
)
entries = st.sampled_from(
    ["a = pkg.mod:Cls"] * 5
    + [
        "b=pkg:Cls [extra]",
        "k = pkg:Cls [a=b]",
        " c  =  pkg.mod : Cls.Inner [x, y] ",
        "duck-db = m",
        "a = other:Cls",
        "a=b=c",
        "d = mod:Cls #",
    ]
    + [
        "no equals sign",
        "e =",
        "= pkg:Cls",
        "Upper = pkg:Cls",
        "a__b = pkg:Cls",
        "f = not a value",
        "# a = b:C",
        "  #",
        "",
    ]
    + ["ö = pkg:Cls", "g = pkg:Clß", "h = pkg:C\x0ci = pkg:D", "j = pkg:C\x85k = l", "m = pkg:C\u2028n"]
)
foreign = st.sampled_from(["[console_scripts]", "[pytest11]", "[x]", "a = m:A", "b = c", "no equals sign", "# c", ""])
texts = st.one_of(st.lists(st.one_of(headers, entries, entries), max_size=7), st.lists(foreign, max_size=7))


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])).join(draw(texts))
    data = (draw(st.sampled_from(["", "", "", "\ufeff"])) + text).encode()
    junk = draw(st.sampled_from([b""] * 8 + [b"\xff", b"\n\xe9 = x:Y\n", b"\x00"]))
    at = draw(st.integers(0, len(data)))
    return data[:at] + junk + data[at:]


@attrs.frozen
class Info:
    """One metadata directory, or what stands in its place."""

    child: str
    kind: str
    entry_points: bytes | None
    metadata: str | None

    def write(self, root: Path) -> None:
        path = root / self.child
        if self.kind == "file":
            path.write_text(self.metadata or "")
        elif self.kind == "dangling":
            path.symlink_to(root / "nowhere")
        else:
            path.mkdir()
            self.fill(path)

    def fill(self, path: Path) -> None:
        inside = path / "entry_points.txt"
        if self.metadata is not None:
            (path / ("PKG-INFO" if "egg" in self.child.lower() else "METADATA")).write_text(self.metadata)
        if self.kind == "loop":
            inside.symlink_to(inside)
        elif self.kind == "directory":
            inside.mkdir()
        elif self.entry_points is not None:
            inside.write_bytes(self.entry_points)


@st.composite
def infos(draw: st.DrawFn) -> Info:
    kind = draw(st.sampled_from(["plain"] * 10 + ["file", "dangling", "loop", "directory"]))
    name = draw(names)
    metadata = draw(st.sampled_from([f"Name: {name}\nVersion: 1.0\n"] * 4 + ["Name: other\n", None]))
    text = draw(st.one_of(contents(), contents(), st.none()))
    return Info(name + draw(versions) + draw(suffixes), kind, text, metadata)


@attrs.frozen
class Root:
    """One entry of ``sys.path``."""

    kind: str
    infos: tuple[Info, ...]

    def write(self, base: Path) -> str:
        place = base / ("some.egg" if self.kind == "egg" else "site")
        if self.kind != "missing":
            base.mkdir()
            place.mkdir()
            for info in self.infos:
                info.write(place)
        if self.kind == "egg" and self.infos:
            (place / "EGG-INFO").mkdir()
            self.infos[0].fill(place / "EGG-INFO")
        return zipped(place) if self.kind == "zip" else str(place)


def zipped(place: Path) -> str:
    archive = place.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(place.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(place))
    return str(archive)


root_kinds = st.sampled_from(["plain"] * 9 + ["egg", "zip", "missing"])
roots = st.builds(Root, root_kinds, st.lists(infos(), max_size=5, unique_by=lambda info: info.child).map(tuple))
paths = st.tuples(st.lists(roots, min_size=1, max_size=3), st.booleans())


@pytest.fixture
def clean_path() -> Iterator[None]:
    # What these import when first used has to be there before sys.path is replaced.
    _ = importlib.metadata.version("attrs"), zipfile.Path
    before = list(sys.path)
    yield
    sys.path[:] = before


@contextlib.contextmanager
def as_sys_path(written: list[str]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:] = written
    try:
        yield
    finally:
        sys.path[:] = before


def standard() -> tuple[dict[str, list[tuple[str, str, str]]], set[str]]:
    """What importlib.metadata finds in our groups, and the distributions that it falls over.

    What pip has put aside is left out.
    """
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    corrupt: set[str] = set()
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        path = str(distribution._path).rstrip("/")  # type: ignore[attr-defined]
        if Path(path).name.startswith("~"):
            continue
        try:
            key = distribution._normalized_name  # type: ignore[attr-defined]
            if key in seen:
                continue
            seen.add(key)
            for entry in distribution.entry_points:
                if entry.group in GROUPS and is_name(entry.name) and parse_value(entry.value):
                    found[entry.group].append((entry.name, entry.value, path))
        except Exception:  # noqa: BLE001 whatever it falls over
            corrupt.add(path)
    return found, corrupt


def falls_over() -> bool:
    try:
        importlib.metadata.entry_points()
    except Exception:  # noqa: BLE001 whatever it falls over
        return True
    return False


def is_put_aside(info: Info) -> bool:
    return info.child.startswith("~")


@pytest.mark.timeout(900)  # it writes many directories, and disks differ
@pytest.mark.usefixtures("clean_path")
@settings(max_examples=SITES, deadline=None, suppress_health_check=list(HealthCheck))
@given(paths)
def test_the_scanner_finds_what_importlib_metadata_finds_and_names_what_that_falls_over(
    path: tuple[list[Root], bool],
) -> None:
    specified, twice = path
    base = Path(tempfile.mkdtemp())
    try:
        written = [root.write(base / str(number)) for number, root in enumerate(specified)]
        with as_sys_path(written * (1 + twice)):
            expected, corrupt = standard()
            raises = falls_over()
            scan = scanner.scan()
        found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for candidate in scan.candidates:
            if candidate.distribution.path not in corrupt:
                found[candidate.type.group].append((candidate.name, candidate.value, candidate.distribution.path))
        assert found == expected
        assert {distribution.path for distribution in scan.corrupt} == corrupt
        if not any(is_put_aside(info) for root in specified for info in root.infos):
            assert bool(scan.corrupt) == raises
        assert scan.problems or not corrupt
    finally:
        shutil.rmtree(base)


@given(st.text(alphabet="aA.-_zÄİ1"))
def test_names_of_distributions_are_compared_as_importlib_metadata_compares_them(name: str) -> None:
    assert normalize(name) == importlib.metadata.Prepared.normalize(name)  # type: ignore[attr-defined]


if os.name != "posix":
    collect_ignore_glob = ["test_discovery.py"]  # links and odd names need a POSIX file system
