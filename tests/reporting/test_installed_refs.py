"""Completion finds what a scan finds in directories, without what a scan imports."""

from __future__ import annotations

from pathlib import Path

from support import run_code, write_distribution

from floe_plugins.discovery.scanner import scan
from floe_plugins.reporting.installed_refs import installed_refs


def test_the_refs_are_those_of_a_scan(tmp_path: Path) -> None:
    write_distribution(tmp_path, "acme-one", "[floe.computes]\nquack = a:B\nBad = a:B\n[console_scripts]\nx = a:b\n")
    write_distribution(tmp_path, "acme-two", "[floe.secrets]\nvault = a:B\n[floe.computes]\nquack = a:B\n")
    path = [str(tmp_path), str(tmp_path / "nowhere")]
    refs = installed_refs(path)
    assert list(map(str, refs)) == ["compute:quack", "secrets:vault"]
    assert set(refs) == {candidate.ref for candidate in scan(path).candidates}


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
    (tmp_path / "odd-1.0.dist-info").touch()
    write_distribution(tmp_path, "acme", "[floe.secrets]\nvault = a:B\nno equals sign\n")
    assert list(map(str, installed_refs([str(tmp_path), "\0", 7]))) == ["secrets:vault"]


def test_it_imports_no_attrs() -> None:
    done = run_code("""
        import sys
        from floe_plugins.reporting.installed_refs import installed_refs
        installed_refs()
        print({"attrs", "attr", "importlib.metadata"} & set(sys.modules))
    """)
    assert done.stdout == "set()\n", done.stderr
