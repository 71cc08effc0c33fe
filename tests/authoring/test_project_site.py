"""A project's metadata is laid out as if it were installed, or it is said why it cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_plugins.authoring.project_site import ProjectError, lay_out

PROJECT = '[project]\nname = "acme-it"\nversion = "1.0"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory to lay out a project in."""
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def project(place: Path, text: str | bytes) -> Path:
    """Write a project with this ``pyproject.toml``."""
    (place / "pyproject.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return place


def test_the_metadata_is_that_of_an_installed_distribution(tmp_path: Path, site: Path) -> None:
    more = 'dependencies = ["floe-plugins>=0.1"]\n[project.entry-points."floe.secrets"]\nacme = "acme:Acme"\n'
    assert lay_out(project(tmp_path, PROJECT + more), site) == []
    info = site / "acme_it.dist-info"
    assert "Requires-Dist: floe-plugins>=0.1\n" in (info / "METADATA").read_text(encoding="utf-8")
    assert (info / "entry_points.txt").read_text(encoding="utf-8") == "[floe.secrets]\nacme = acme:Acme\n"


def test_what_is_dynamic_is_said_not_to_be_checked(tmp_path: Path, site: Path) -> None:
    [warning] = lay_out(project(tmp_path, '[project]\nname = "acme"\ndynamic = ["version"]\n'), site)
    assert warning.startswith("its version is dynamic and is not checked")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[project", "is not TOML"),
        (b"\xff", "is not UTF-8"),
        ("", r"no \[project\]"),
        ("project = 1", r"\[project\] is not a table"),
        ('[tool.poetry]\nname = "acme"', r"in \[tool.poetry\] alone"),
        ('[project]\nname = "../acme"', "no valid name"),
        (PROJECT + 'dynamic = ["entry-points"]', "entry points are dynamic"),
        ('[project]\nname = "acme"\nversion = 1', "version is not a string"),
        (PROJECT + 'dependencies = "floe-plugins"', "not a list of strings"),
        (PROJECT + 'entry-points."floe.secrets" = 1', "is not a table"),
        (PROJECT + 'entry-points."floe.secrets" = {acme = 1}', "not a name with a string"),
        (PROJECT + 'entry-points."floe.secrets" = {"a\\nb" = "acme:A"}', "not a name with a string"),
        (PROJECT + 'entry-points."a]\\n[b" = {a = "acme:A"}', "not the name of a group"),
        (b"#" * (2 << 20), "larger than"),
    ],
)
def test_metadata_that_cannot_be_read_is_told_with_what_to_do(
    tmp_path: Path, site: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(ProjectError, match=words) as error:
        lay_out(project(tmp_path, text), site)
    assert error.value.hint
