"""Source files: found without importing, and trusted only where names cannot be rebound."""

from __future__ import annotations

import sys
import threading
import warnings
from pathlib import Path

import pytest

from floe_plugins import Distribution
from floe_plugins.inspection import source_files
from floe_plugins.inspection.parsing import Module
from floe_plugins.inspection.source_files import SourceModules


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "acme-1.0.dist-info").mkdir()
    return tmp_path


def modules(site: Path) -> SourceModules:
    return SourceModules(Distribution("acme", "1.0", str(site / "acme-1.0.dist-info")))


def write(site: Path, source: str | bytes, name: str = "acme.py") -> None:
    path = site / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source if isinstance(source, bytes) else source.encode())


def test_a_module_and_a_package_are_found_beside_the_metadata(site: Path) -> None:
    write(site, "x = 1", "acme/__init__.py")
    write(site, "y = 1", "acme/inner.py")
    found = modules(site)
    package, inner = found.module("acme"), found.module("acme.inner")
    assert package
    assert inner
    assert (package.is_package, inner.is_package) == (True, False)
    assert (package.name, inner.name) == ("acme", "acme.inner")
    assert found.module("acme.missing") is None
    assert "acme" not in sys.modules


def test_a_module_is_read_once(site: Path) -> None:
    write(site, "x = 1")
    found = modules(site)
    first = found.module("acme")
    write(site, "x = 2")
    assert found.module("acme") is first


@pytest.mark.parametrize(
    "source",
    [
        "class Broken(:",
        "from elsewhere import *",
        b"x = '\xff'",
        "x = 1\0",
        "globals()['x'] = 1",
        "def f():\n    exec('x = 1')\n",
    ],
)
def test_a_module_that_cannot_be_parsed_or_may_rebind_any_name_is_unknown(site: Path, source: str | bytes) -> None:
    write(site, source)
    assert modules(site).module("acme") is None


@pytest.mark.parametrize("source", ["def f():\n    x = = 1\n", "def f(:\n    return 1\n"])
def test_an_error_within_a_function_makes_a_module_unknown_where_it_is_read_whole(site: Path, source: str) -> None:
    write(site, source)
    whole = SourceModules(Distribution("acme", "1.0", str(site / "acme-1.0.dist-info")), whole=True)
    assert whole.module("acme") is None
    assert modules(site).module("acme") is not None


@pytest.mark.parametrize("place", ["sys.modules", "sys . modules", "(sys.\n    modules)"])
def test_a_module_that_replaces_itself_is_unknown(site: Path, place: str) -> None:
    write(site, f"{place}[__name__] = 3\nimport sys")
    assert modules(site).module("acme") is None


def test_a_module_of_more_than_a_mebibyte_is_unknown(site: Path) -> None:
    write(site, "x = 1\n" + "#" * (1 << 20))
    assert modules(site).module("acme") is None


def test_editable_installs_are_found_by_pth_and_finder(site: Path) -> None:
    write(site, "x = 1", "src/acme.py")
    write(site, "x = 1", "elsewhere/other/__init__.py")
    write(site, f"# comment\nimport os\n{site / 'src'}\n", "acme.pth")
    finder = "__editable___acme_1_0_finder.py"
    write(site, f"MAPPING: dict[str, str] = {{'other': {str(site / 'elsewhere' / 'other')!r}}}", finder)
    write(site, f"acme.pth,,\n{finder},,\nacme-1.0.dist-info/RECORD,,\n", "acme-1.0.dist-info/RECORD")
    found = modules(site)
    assert found.module("acme")
    assert found.module("other")


def test_parsing_shows_no_warnings_of_the_source(site: Path) -> None:
    write(site, r"x = '\d'")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert modules(site).module("acme")


def test_several_threads_may_parse_deep_trees(site: Path) -> None:
    write(site, "x = " + "(" * 50 + "1" + ")" * 50)
    results: list[Module | None] = []
    threads = [threading.Thread(target=lambda: results.append(modules(site).module("acme"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(results)


def test_a_module_is_parsed_once_for_all_who_read_it_and_again_when_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "parsed_once.py"
    file.write_text("x = 1\n", encoding="utf-8")
    parsed: list[str] = []
    read = source_files.read_module
    monkeypatch.setattr(
        source_files, "read_module", lambda *facts, **more: parsed.append(facts[2]) or read(*facts, **more)
    )
    distribution = Distribution("acme", "1.0", str(tmp_path / "acme-1.0.dist-info"))
    modules = [SourceModules(distribution).module("parsed_once") for _ in range(200)]
    assert (len(parsed), len(set(map(id, modules)))) == (1, 1)
    file.write_text("x = 1\ny = 2\n", encoding="utf-8")
    changed = SourceModules(distribution).module("parsed_once")
    assert changed is not None
    assert "y" in changed.bindings


def test_only_the_modules_read_last_are_kept(tmp_path: Path) -> None:
    distribution = Distribution("acme", "1.0", str(tmp_path / "acme-1.0.dist-info"))
    for number in range(10):
        (tmp_path / f"kept_{number}.py").write_text("#" * 50_000, encoding="utf-8")
        SourceModules(distribution).module(f"kept_{number}")
    assert len(source_files._parsed._kept) <= 3
