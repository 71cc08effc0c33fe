"""Discovery on real files; ``tests/property`` compares it with ``importlib.metadata`` at random."""

from __future__ import annotations

import importlib.abc
import importlib.metadata
import os
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from floe_plugins import Candidate, Distribution, PluginRef, PluginType
from floe_plugins.core.state import Stage
from floe_plugins.discovery import metadata_files, scanner
from floe_plugins.discovery.findings import Scan
from floe_plugins.discovery.scanner import scan

ENTRY = "[floe.computes]\nduckdb = acme.duck:DuckDB\n"
FORBIDDEN = ("importlib.metadata", "json", "logging", "pydantic", "pluggy", "packaging", "zipfile", "email", "acme")


def install(
    site: Path, child: str = "acme_floe-1.0.dist-info", text: str | bytes | None = ENTRY, metadata: str | None = ""
) -> Path:
    info = site / child
    info.mkdir(parents=True)
    if text is not None:
        (info / "entry_points.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    if metadata is not None:
        name = "METADATA" if child.endswith(".dist-info") else "PKG-INFO"
        (info / name).write_text(f"Metadata-Version: 2.1\n{metadata}\n\nDescription")
    return info


def refs(found: Scan) -> list[str]:
    return [str(candidate.ref) for candidate in found.candidates]


def origins(found: Scan) -> list[str]:
    return [f"{candidate.distribution.name} {candidate.distribution.version}" for candidate in found.candidates]


@pytest.fixture
def finders() -> Iterator[list[Any]]:
    before = list(sys.meta_path)
    yield sys.meta_path
    sys.meta_path[:] = before


def test_a_candidate_is_an_entry_point_with_its_distribution(tmp_path: Path) -> None:
    info = install(tmp_path)
    [candidate] = scan([str(tmp_path)]).candidates
    assert (str(candidate.ref), candidate.value) == ("compute:duckdb", "acme.duck:DuckDB")
    assert candidate.distribution == scanner.Distribution("acme-floe", "1.0", str(info))


@pytest.mark.parametrize("member", PluginType, ids=lambda member: member.slug)
def test_every_category_has_its_group(tmp_path: Path, member: PluginType) -> None:
    install(tmp_path, text=f"[{member.group}]\nx = m:X\n[console_scripts]\ny = m:Y\n")
    assert refs(scan([str(tmp_path)])) == [f"{member.slug}:x"]


def test_a_group_in_odd_brackets_is_read_as_importlib_metadata_reads_it(tmp_path: Path) -> None:
    install(tmp_path, text="[]floe.computes]\nx = m:X\n")
    assert refs(scan([str(tmp_path)])) == ["compute:x"]


def test_scanning_imports_neither_plugins_nor_anything_heavy(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text("raise AssertionError('imported')")
    code = (
        "import sys; before = set(sys.modules); from floe_plugins.discovery import scanner; found = scanner.scan()\n"
        f"assert [str(c.ref) for c in found.candidates] == ['compute:duckdb'], found\n"
        f"print([name for name in {FORBIDDEN} if name in set(sys.modules) - before])"
    )
    root = str(Path(scanner.__file__).parents[2])
    attrs = str(Path(sys.modules["attrs"].__file__ or "").parent.parent)
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {[str(tmp_path), root]!r}; sys.path += [{attrs!r}]\n{code}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(
    ("child", "name", "version"),
    [
        ("acme_floe-1.0.dist-info", "acme-floe", "1.0"),
        ("Acme.Floe-1.0.egg-info", "Acme.Floe", "1.0"),
        ("acme-1.0-py3.11.egg-info", "acme", "1.0"),
        ("acme.egg-info", "acme", "7.1"),
        ("acme-1.0_1.dist-info", "acme", "7.1"),
        ("acme-1.0.DIST-INFO", "real", "7.1"),
    ],
)
def test_metadata_directories_of_every_spelling_are_read(tmp_path: Path, child: str, name: str, version: str) -> None:
    info = install(tmp_path, child, metadata=None)
    (info / ("PKG-INFO" if child.endswith(".egg-info") else "METADATA")).write_text("Name: real\nVersion: 7.1\n")
    assert origins(scan([str(tmp_path)])) == [f"{name} {version}"]


@pytest.mark.parametrize("child", ["~cme_floe-1.0.dist-info", "~-me_floe-1.0.dist-info", "~cme_floe-1.0.egg-info"])
def test_what_pip_has_put_aside_during_an_upgrade_is_no_distribution(tmp_path: Path, child: str) -> None:
    install(tmp_path, child)
    kept = install(tmp_path, "acme_floe-2.0.dist-info")
    found = scan([str(tmp_path)])
    assert origins(found) == ["acme-floe 2.0"]
    assert found.problems == ()
    install(tmp_path, "-.dist-info", text=None)  # it has no name: importlib.metadata reads all that are there
    assert [each.distribution.path for each in scan([str(tmp_path)]).candidates] == [str(kept)]


def test_the_first_distribution_of_a_name_hides_later_ones_even_without_entry_points(tmp_path: Path) -> None:
    install(tmp_path / "1", "Acme.Floe-1.0.dist-info", text=None)
    install(tmp_path / "2", "acme_floe-2.0.dist-info")
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "acme_floe-3.0.egg-info").write_text("Name: acme-floe\n")
    path = [str(tmp_path / name) for name in "123"]
    assert refs(scan(path)) == []
    assert origins(scan(path[1:])) == ["acme-floe 2.0"]
    assert refs(scan(path[::-1])) == []


@pytest.mark.parametrize("child", ["Acme.Floe-1.0.egg-info", "acme__floe-1.0.dist-info", "ACME_floe-1.0.dist-info"])
def test_spellings_of_one_name_hide_each_other(tmp_path: Path, child: str) -> None:
    install(tmp_path / "1", child, text=None)
    install(tmp_path / "2", "acme_floe-2.0.dist-info")
    assert refs(scan([str(tmp_path / "1"), str(tmp_path / "2")])) == []
    install(tmp_path / "3", child)
    assert refs(scan([str(tmp_path / "2"), str(tmp_path / "3")])) == ["compute:duckdb"]


def test_the_order_is_that_of_sys_path_and_all_claimants_of_a_ref_are_kept(tmp_path: Path) -> None:
    install(tmp_path / "1", "zeta-1.0.dist-info")
    install(tmp_path / "2", "alpha-1.0.dist-info")
    assert origins(scan([str(tmp_path / "1"), str(tmp_path / "2")])) == ["zeta 1.0", "alpha 1.0"]


def test_a_directory_that_stands_twice_on_the_path_is_read_once(tmp_path: Path) -> None:
    install(tmp_path)
    assert scan([str(tmp_path)] * 2) == scan([str(tmp_path)])


def test_a_relative_entry_is_read_and_its_paths_stay_right_after_leaving_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = install(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    [candidate] = scan(["site"]).candidates
    assert candidate.distribution.path == str(info)


def test_the_empty_entry_is_the_working_directory_and_paths_stay_right_after_leaving_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, metadata="Requires-Dist: x")
    monkeypatch.chdir(tmp_path)
    [candidate] = scan([""]).candidates
    monkeypatch.chdir("/")
    assert metadata_files.read_requirements(candidate.distribution) == ("x",)


def test_a_vanished_working_directory_is_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert scan(["", "relative"]) == Scan()


def test_strange_entries_of_sys_path_hurt_nobody(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    strange: list[object] = [
        None, 3, b"/bytes", ["list"], "nul\0", "\udcff", str(tmp_path / "file"), str(tmp_path / "file" / "below"),
        str(tmp_path / "missing"), str(tmp_path / "dangling"),
    ]  # fmt: skip
    found = scan([*strange, str(tmp_path), str(tmp_path), tmp_path, f"{tmp_path}/", *strange])
    assert refs(found) == ["compute:duckdb"]
    assert sum("not a string" in problem.message for problem in found.problems) == 2 * len(strange[:4])
    assert not found.corrupt


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="asks another user's view of a directory")
def test_unreadable_directories_and_files_are_problems(public_path: Path) -> None:
    install(public_path / "open", "readable-1.0.dist-info")
    closed = install(public_path / "open", "closed-1.0.dist-info") / "entry_points.txt"
    closed.chmod(0)
    install(public_path / "shut").parent.chmod(0)
    before = os.geteuid()
    os.seteuid(65534)
    try:
        found = scan([str(public_path / "shut"), str(public_path / "open")])
    finally:
        os.seteuid(before)
    assert origins(found) == ["readable 1.0"]
    assert {str(public_path / "shut") in found.problems[0].message, "closed" in str(found.problems[1])} == {True}
    assert not found.corrupt


def test_dangling_links_and_files_in_place_of_directories_still_shadow(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "acme_floe-1.0.dist-info").symlink_to(tmp_path / "nowhere")
    (tmp_path / "1" / "other-1.0.dist-info").write_text("a file")
    install(tmp_path / "2")
    install(tmp_path / "2", "other-2.0.dist-info")
    assert scan([str(tmp_path / "1"), str(tmp_path / "2")]) == Scan()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(install(tmp_path, text=None) / "entry_points.txt")
    install(tmp_path, "good-1.0.dist-info")
    found = scan([str(tmp_path)])
    assert origins(found) == ["good 1.0"]
    assert [problem.message.partition(":")[0] for problem in found.problems] == ["its entry points cannot be read"]


@pytest.mark.parametrize(
    ("text", "line", "said", "corrupt"),
    [
        ("[floe.computes]\nbroken\n", 2, "no '=' in 'broken'", True),
        (b"[floe.computes]\n\n\xff = x\n", 3, "bytes that are not UTF-8", True),
        (b"[console_scripts]\n\xff = x\n", 2, "bytes that are not UTF-8", True),
        ("[other]\nbroken\n", 2, "no '=' in 'broken'", True),
        ("[floe.computes]\na =\n", 2, "empty value", False),
        ("[floe.computes]\nA = m:A\n", 2, "is not a plugin name", False),
        ("[floe.computes]\n", 1, "is empty", False),
        ("\ufeff[floe.computes]\na = m:A\n", 1, "byte order mark", False),
    ],
)
def test_a_broken_file_is_a_problem_with_path_and_line_and_hides_nothing(
    tmp_path: Path, text: str | bytes, line: int, said: str, *, corrupt: bool
) -> None:
    broken = install(tmp_path, "broken-1.0.dist-info", text)
    install(tmp_path)
    found = scan([str(tmp_path)])
    assert origins(found) == ["acme-floe 1.0"]
    problem = found.problems[0]
    assert problem.stage is Stage.DISCOVER
    assert f"line {line}: " in problem.message
    assert said in problem.message
    assert problem.distribution == f"broken 1.0 in {broken}"
    assert [each.path for each in found.corrupt] == ([str(broken)] if corrupt else [])


def test_a_loop_of_links_is_named_as_what_importlib_metadata_falls_over(tmp_path: Path) -> None:
    inside = install(tmp_path, text=None) / "entry_points.txt"
    inside.symlink_to(inside)
    assert [each.name for each in scan([str(tmp_path)]).corrupt] == ["acme-floe"]


def test_plugins_without_metadata_are_found_and_reported(tmp_path: Path) -> None:
    info = install(tmp_path, metadata=None)
    found = scan([str(tmp_path)])
    assert refs(found) == ["compute:duckdb"]
    [problem] = found.problems
    assert "METADATA" in problem.message
    assert str(info) in (problem.distribution or "")


def test_two_versions_side_by_side_are_reported(tmp_path: Path) -> None:
    install(tmp_path, "acme_floe-1.0.dist-info")
    install(tmp_path, "acme_floe-2.0.dist-info")
    found = scan([str(tmp_path)])
    assert len(found.candidates) == 1
    [problem] = found.problems
    assert "another version" in problem.message
    assert "pip install --force-reinstall acme-floe" in problem.hint


def test_two_versions_of_what_has_no_plugins_are_nobodys_business(tmp_path: Path) -> None:
    install(tmp_path, "acme_floe-1.0.dist-info", "[console_scripts]\na = b:c\n")
    install(tmp_path, "acme_floe-2.0.dist-info", "[console_scripts]\na = b:c\n")
    assert scan([str(tmp_path)]).problems == ()


def test_only_a_dist_info_directory_of_plugins_has_to_have_metadata(tmp_path: Path) -> None:
    install(tmp_path, "other-1.0.dist-info", "[console_scripts]\na = b:c\n", metadata=None)
    install(tmp_path, "acme-1.0.egg-info", metadata=None)
    assert scan([str(tmp_path)]).problems == ()


def test_a_file_of_the_greatest_size_is_read_and_a_larger_one_is_not(tmp_path: Path) -> None:
    for name, size in (("fits", 1 << 20), ("large", (1 << 20) + 1)):
        install(tmp_path, f"{name}-1.0.dist-info", f"[floe.computes]\n{name} = m:A\n".ljust(size, "\n"))
    found = scan([str(tmp_path)])
    assert refs(found) == ["compute:fits"]
    assert [problem.message for problem in found.problems] == [
        "entry_points.txt is larger than 1048576 bytes and was not read"
    ]


def test_fifty_megabytes_are_a_problem_and_not_read(tmp_path: Path) -> None:
    info = install(tmp_path, text="[floe.computes]\n" + "a = m:A\n" * 6_500_000)
    assert (info / "entry_points.txt").stat().st_size > 50_000_000
    install(tmp_path, "good-1.0.dist-info")
    tracemalloc.start()
    found = scan([str(tmp_path)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert origins(found) == ["good 1.0"]
    [problem] = found.problems
    assert "larger than" in problem.message
    assert peak < 5_000_000


def test_zip_files_are_read(tmp_path: Path) -> None:
    install(tmp_path / "tree", metadata="Name: acme-floe\nVersion: 1.0\nRequires-Dist: x>1")
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((tmp_path / "tree").glob("*/*")):
            file.write(path, path.relative_to(tmp_path / "tree"))
    [candidate] = scan([str(archive)]).candidates
    assert (candidate.distribution.name, candidate.distribution.version) == ("acme-floe", "1.0")
    assert str(archive) in candidate.distribution.path
    assert metadata_files.read_requirements(candidate.distribution) == ("x>1",)


@pytest.mark.parametrize("name", ["Acme.Floe", "ACME--floe"])
def test_a_distribution_in_a_zip_is_hidden_by_an_earlier_one_of_its_name_however_it_is_spelt(
    tmp_path: Path, name: str
) -> None:
    install(tmp_path)
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as file:
        file.writestr("other-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 2.0\n")
        file.writestr("other-1.0.dist-info/entry_points.txt", ENTRY)
    assert origins(scan([str(tmp_path), str(tmp_path / "plugins.zip")])) == ["acme-floe 1.0"]


def test_a_broken_file_in_a_zip_hides_nothing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as file:
        for name in ("bad", "odd", "good"):
            file.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n")
        file.writestr("bad-1.0.dist-info/entry_points.txt", b"\xff")
        file.writestr("odd-1.0.dist-info/entry_points.txt", "[a]\nbroken")
        file.writestr("good-1.0.dist-info/entry_points.txt", ENTRY)
    found = scan([str(tmp_path / "plugins.zip")])
    assert origins(found) == ["good 1.0"]
    assert [each.name for each in found.corrupt] == ["bad", "odd"]
    assert len(found.problems) == 2


def test_of_files_in_a_zip_no_more_is_unpacked_than_is_read(tmp_path: Path) -> None:
    bomb = b"#" * 30_000_000
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("plain-1.0.dist-info/METADATA", "Name: plain\nVersion: 1.0\n")
        file.writestr("plain-1.0.dist-info/entry_points.txt", bomb)
        file.writestr("acme-1.0.dist-info/METADATA", b"Name: acme\nVersion: 1.0\nX: " + bomb)
        file.writestr("acme-1.0.dist-info/entry_points.txt", ENTRY)
    del bomb
    tracemalloc.start()
    found = scan([str(tmp_path / "plugins.zip")])
    [candidate] = found.candidates
    with pytest.raises(OSError, match="longer than"):
        metadata_files.read_requirements(candidate.distribution)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (candidate.distribution.name, candidate.distribution.version) == ("acme", "1.0")
    assert ["larger than" in problem.message for problem in found.problems] == [True]
    assert peak < 10_000_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX alone")
def test_a_pipe_in_an_egg_is_not_waited_for(tmp_path: Path) -> None:
    install(tmp_path / "acme-1.0-py3.egg", "EGG-INFO", metadata="Name: acme\nVersion: 1.0")
    [entry_points] = tmp_path.glob("*/*/entry_points.txt")
    entry_points.unlink()
    os.mkfifo(entry_points)
    assert scan([str(tmp_path / "acme-1.0-py3.egg")]).candidates == ()


def test_a_nameless_distribution_in_a_zip_is_named_by_its_path(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as file:
        file.writestr("bad-1.0.dist-info/entry_points.txt", ENTRY)
    found = scan([str(tmp_path / "plugins.zip")])
    assert [str(each) for each in found.corrupt] == [f"bad 1.0 in {tmp_path}/plugins.zip/bad-1.0.dist-info"]
    assert "METADATA" in found.problems[0].message


def test_a_zip_file_with_the_longest_comment_is_read_and_a_file_that_is_none_is_not(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as file:
        file.writestr("acme-1.0.dist-info/METADATA", "Name: acme\nVersion: 1.0\n")
        file.writestr("acme-1.0.dist-info/entry_points.txt", ENTRY)
        file.comment = b"x" * 65_535
    (tmp_path / "plain.txt").write_text("x")
    found = scan([str(tmp_path / "plugins.zip"), str(tmp_path / "plain.txt")])
    assert (origins(found), found.problems) == (["acme 1.0"], ())


def test_eggs_are_read(tmp_path: Path) -> None:
    install(tmp_path / "acme-1.0-py3.egg", "EGG-INFO", metadata="Name: acme\nVersion: 1.0")
    install(tmp_path / "EGG-INFO-is-no-egg", "EGG-INFO", metadata="Name: other\nVersion: 1.0")
    found = scan([str(tmp_path / "acme-1.0-py3.egg"), str(tmp_path / "EGG-INFO-is-no-egg")])
    assert origins(found) == ["acme 1.0"]


@pytest.mark.parametrize(
    ("directory", "child", "found"),
    [
        ("acme.egg", "EGG-INFO", True),
        ("acme.EGG", "egg-info", True),
        ("acme", "EGG-INFO", False),
        ("acme.egg", "other-info", False),
        ("acme.egg", "acme.txt", False),
        ("acme", ".dist-info", True),
        ("acme", "..egg-info", True),
    ],
)
def test_metadata_without_a_name_in_its_path_is_read_as_importlib_metadata_reads_it(
    tmp_path: Path,
    directory: str,
    child: str,
    found: bool,  # noqa: FBT001
) -> None:
    install(tmp_path / directory, child, metadata="Name: acme\nVersion: 1.0")
    theirs = importlib.metadata.distributions(path=[str(tmp_path / directory)])
    assert [each.metadata["Name"] for each in theirs] == ["acme"] * found
    assert [name.partition(" ")[0] for name in origins(scan([str(tmp_path / directory)]))] == ["acme"] * found


class Elsewhere(importlib.abc.MetaPathFinder):
    """Distributions that lie in no directory."""

    def __init__(self, *distributions: Any) -> None:
        self.distributions = distributions

    def find_distributions(self, _context: Any) -> Iterator[Any]:
        for each in self.distributions:
            if isinstance(each, BaseException):
                raise each
            yield each


class Remembered(importlib.metadata.Distribution):
    def __init__(self, name: str, entry_points: str) -> None:
        self.files_ = {"METADATA": f"Name: {name}\nVersion: 3\nRequires-Dist: y\n", "entry_points.txt": entry_points}

    def read_text(self, filename: str) -> str | None:  # type: ignore[override]
        return self.files_.get(filename)

    def locate_file(self, path: Any) -> Path:
        return Path(path)


class Computed(Remembered):
    @property
    def entry_points(self) -> Any:
        return (importlib.metadata.EntryPoint("made", "m:Made", "floe.secrets"),)


def test_meta_path_finders_offer_distributions_too(finders: list[Any]) -> None:
    finders.append(Elsewhere(Remembered("elsewhere", ENTRY), Computed("computed", "")))
    found = [candidate for candidate in scan().candidates if candidate.distribution.version == "3"]
    assert [(c.distribution.name, str(c.ref)) for c in found] == [
        ("elsewhere", "compute:duckdb"),
        ("computed", "secrets:made"),
    ]
    assert metadata_files.read_requirements(found[0].distribution) == ("y",)


def test_a_finders_own_requirements_count(finders: list[Any]) -> None:
    class Requiring(Remembered):
        requires = ("z>1",)  # type: ignore[assignment]

    finders.append(Elsewhere(Requiring("requiring", ENTRY)))
    [found] = [each.distribution for each in scan().candidates if each.distribution.name == "requiring"]
    assert metadata_files.read_requirements(found) == ("z>1",)


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
def test_a_failing_finder_leaves_what_it_found_before_and_the_others(
    finders: list[Any], kind: type[BaseException]
) -> None:
    finders.append(Elsewhere(Remembered("elsewhere", ENTRY), kind("boom")))
    finders.append(Elsewhere(Remembered("later", ENTRY)))
    found = scan()
    assert {"elsewhere", "later"} <= {candidate.distribution.name for candidate in found.candidates}
    assert any(f"{kind.__name__}: boom" in problem.message for problem in found.problems)


def test_an_unreadable_distribution_of_a_finder_is_a_problem_that_names_it_and_the_error(finders: list[Any]) -> None:
    class Broken(Remembered):
        def read_text(self, filename: str) -> str | None:
            if filename == "entry_points.txt":
                raise ConnectionError("no network")
            return super().read_text(filename)

    finders.append(Elsewhere(Broken("broken", ENTRY), Remembered("later", ENTRY)))
    found = scan()
    assert "later" in {candidate.distribution.name for candidate in found.candidates}
    [problem] = [each for each in found.problems if "broken" in (each.distribution or "")]
    assert problem.message == "its entry points cannot be read: ConnectionError: no network"
    assert problem.hint == "Reinstall or remove the distribution"


def test_a_distribution_of_a_finder_whose_path_cannot_be_read_is_found_without_it(finders: list[Any]) -> None:
    class Pathless(Remembered):
        @property
        def _path(self) -> Any:
            raise ConnectionError("no network")

    finders.append(Elsewhere(Pathless("pathless", ENTRY)))
    assert Distribution("pathless", "3", "") in [candidate.distribution for candidate in scan().candidates]


def test_the_first_distribution_of_a_name_counts_for_finders_too_however_it_is_spelt(finders: list[Any]) -> None:
    class Old(Remembered):
        _normalized_name = None

    finders.append(Elsewhere(Remembered("Acme-Floe", ENTRY), Old("acme.floe", "[floe.computes]\nother = m:O\n")))
    assert [str(each.ref) for each in scan().candidates if each.distribution.version == "3"] == ["compute:duckdb"]


def test_the_name_and_version_of_a_finders_distribution_are_text(finders: list[Any]) -> None:
    class Odd(Remembered):
        metadata = {"Name": "odd", "Version": 3}  # type: ignore[assignment] # noqa: RUF012

    finders.append(Elsewhere(Odd("odd", ENTRY)))
    [candidate] = [each for each in scan().candidates if each.distribution.name == "odd"]
    assert candidate.distribution == Distribution("odd", "3", "")


def test_a_refresh_lets_all_finders_look_again(finders: list[Any]) -> None:
    class Finder:
        asked = 0

        def invalidate_caches(self) -> None:
            self.asked += 1

    finder = Finder()
    finders.append(finder)
    scanner.refresh_imports()
    assert finder.asked == 1


def test_a_refresh_without_importlib_metadata_forgets_what_was_known_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        asked = 0

        def invalidate_caches(self) -> None:
            self.asked += 1

    finder, relative = Finder(), Finder()
    paths = {"/absolute": finder, "relative": relative, "/nothing": None, "/silent": object()}
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "importlib.metadata")
        patch.setattr(sys, "path_importer_cache", paths)
        scanner.refresh_imports()
    assert sorted(paths) == ["/absolute", "/silent"]
    assert (finder.asked, relative.asked) == (1, 0)


def test_what_was_added_removed_and_changed_is_told_by_ref_and_distribution_whatever_its_spelling() -> None:
    def candidate(name: str, value: str, ref: str = "compute:a") -> Candidate:
        return Candidate(PluginRef.parse(ref), value, Distribution(name, "1.0", "/site"))

    kept, gone, new = candidate("kept", "m:A"), candidate("gone", "m:A"), candidate("new", "m:A")
    before, after = candidate("Acme.Floe", "m:A"), candidate("acme-floe", "m:B")
    assert scanner.compare([], [new]) == ((new,), (), ())
    assert scanner.compare([kept, gone, before], [kept, new, after]) == ((new,), (gone,), (after,))


def test_finders_are_asked_only_for_the_interpreters_own_path(finders: list[Any]) -> None:
    finders.append(Elsewhere(Remembered("elsewhere", ENTRY)))
    assert scan([]) == Scan()


def test_sys_path_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "acme-floe 1.0" in origins(scan())


MANY = [f"x{number}" for number in range(5000)]


@pytest.mark.parametrize(
    ("child", "name", "text", "expected"),
    [
        (
            "a-1.dist-info",
            "METADATA",
            "Requires-Dist: x\nrequires-dist: y >= 2\n\nRequires-Dist: no\n",
            ["x", "y >= 2"],
        ),
        (
            "a-1.dist-info",
            "METADATA",
            'Requires-Dist: x;\n python_version < "4"\nName: a\n',
            ['x; python_version < "4"'],
        ),
        ("a-1.dist-info", "METADATA", "Name: a\r\nRequires-Dist: x\r\n\r\n", ["x"]),
        ("a-1.dist-info", "METADATA", "", []),
        ("a-1.dist-info", "METADATA", "".join(f"Requires-Dist: {each}\n" for each in MANY), MANY),
        ("a-1.egg-info", "PKG-INFO", "Requires-Dist: x\n", ["x"]),
        ("a-1.egg-info", "requires.txt", "x\n[extra]\ny\n", ["x", 'y; extra == "extra"']),
        ("a-1.dist-info", "RECORD", "", []),
    ],
)
def test_requirements_are_those_of_the_metadata(
    tmp_path: Path, child: str, name: str, text: str, expected: list[str]
) -> None:
    info = install(tmp_path, child, metadata=None)
    if name == "requires.txt":
        (info / "PKG-INFO").write_text("Name: a\nVersion: 1\n")
    (info / name).write_text(text)
    [candidate] = scan([str(tmp_path)]).candidates
    assert list(metadata_files.read_requirements(candidate.distribution)) == expected


def test_a_second_scan_sees_what_was_installed_removed_and_changed_since(tmp_path: Path) -> None:
    kept = install(tmp_path, "kept-1.0.dist-info", "[floe.dbt]\nkept = m:K\n")
    install(tmp_path, "upgraded-1.0.dist-info", "[floe.dbt]\nupgraded = m:U\n")
    before = scan([str(tmp_path)]).candidates
    (tmp_path / "upgraded-1.0.dist-info").rename(tmp_path / "upgraded-2.0.dist-info")
    install(tmp_path, "new-1.0.dist-info", "[floe.dbt]\nnew = m:N\n")
    (kept / "entry_points.txt").write_text("[floe.dbt]\nkept = m:K\nmore = m:M\n")
    after = scan([str(tmp_path)]).candidates
    added, removed, changed = scanner.compare(before, after)
    assert {str(each.ref) for each in added} == {"dbt:new", "dbt:more"}
    assert removed == ()
    assert [(str(each.ref), each.distribution.version) for each in changed] == [("dbt:upgraded", "2.0")]
    assert {str(each.ref) for each in scanner.compare(after, before)[1]} == {"dbt:new", "dbt:more"}
    assert scanner.compare(after, after) == ((), (), ())


def test_three_hundred_distributions_are_scanned_within_the_specified_time(tmp_path: Path) -> None:
    for number in range(300):
        install(tmp_path, f"d{number}-1.0.dist-info", f"[floe.computes]\np{number} = m{number}:P\n")
    begun = time.perf_counter()
    found = scan([str(tmp_path)])
    assert time.perf_counter() - begun < 60
    assert len(found.candidates) == 300


def test_half_of_the_distributions_broken_leaves_the_other_half(tmp_path: Path) -> None:
    for number in range(20):
        install(tmp_path, f"d{number}-1.0.dist-info", f"[floe.computes]\np{number} = m{number}:P\n")
        install(tmp_path, f"b{number}-1.0.dist-info", "[floe.computes]\nbroken\n")
    found = scan([str(tmp_path)])
    assert len(found.candidates) == len(found.corrupt) == len(found.problems) == 20


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_pipe_on_sys_path_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    assert scan([str(tmp_path / "pipe.zip")]).candidates == ()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("METADATA")])
def test_metadata_that_is_no_file_is_a_problem(tmp_path: Path, make: Callable[[Path], None]) -> None:
    support.write_distribution(tmp_path, "acme", "[floe.secrets]\nacme = acme:Plugin\n")
    metadata = tmp_path / "acme-1.0.dist-info" / "METADATA"
    metadata.unlink()
    make(metadata)
    found = scan([str(tmp_path)])
    assert len(found.candidates) == 1
    assert "no METADATA that can be read" in found.problems[0].message


def test_a_distribution_with_very_many_plugins_is_refused_as_a_whole(tmp_path: Path) -> None:
    lines = [f"p{number} = acme:Plugin\n" for number in range(2001)]
    support.write_distribution(tmp_path / "1", "acme", f"[floe.secrets]\n{''.join(lines)}")
    support.write_distribution(tmp_path / "2", "other", f"[floe.secrets]\n{''.join(lines[:-1])}")
    found = scan([str(tmp_path / "1"), str(tmp_path / "2")])
    assert {candidate.distribution.name for candidate in found.candidates} == {"other"}
    assert len(found.candidates) == 2000
    assert [problem.message for problem in found.problems] == [
        "it declares more than 2000 plugins, and none of them is used"
    ]


def test_a_finder_whose_distributions_cannot_be_shown_hurts_nobody(finders: list[Any]) -> None:
    class Mute:
        metadata = None

        def __repr__(self) -> str:
            raise SystemExit

    class Finder:
        def find_distributions(self, _context: object) -> list[object]:
            return [Mute()]

    finders.append(Finder())
    assert any("cannot be shown" in str(problem) for problem in scan().problems)


def test_entry_points_of_a_mebibyte_are_read_and_longer_ones_are_not(tmp_path: Path) -> None:
    text = "[floe.secrets]\nacme = acme:Plugin\n"
    for name, size in (("fits", 1 << 20), ("long", (1 << 20) + 1)):
        support.write_distribution(tmp_path, name, text.replace("acme =", f"{name} =").ljust(size, "\n"))
    found = scan([str(tmp_path)])
    assert [each.name for each in found.candidates] == ["fits"]
    assert "larger than 1048576 bytes" in found.problems[0].message


def test_two_thousand_plugins_of_a_distribution_are_not_too_many(tmp_path: Path) -> None:
    lines = "".join(f"p{number} = acme:Plugin\n" for number in range(2_000))
    support.write_distribution(tmp_path, "acme", f"[floe.secrets]\n{lines}")
    assert len(scan([str(tmp_path)]).candidates) == 2_000
