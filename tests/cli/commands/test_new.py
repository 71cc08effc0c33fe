"""``new``: a project in a directory, and what is said where there can be none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from floe_plugins.cli.main import app


@pytest.fixture
def new(floe: Any, tmp_path: Path) -> Any:
    """Run ``floe-plugins new`` in an empty directory."""
    return lambda *args: floe((), "new", *args, cwd=tmp_path)


def test_a_project_is_written_and_what_comes_next_is_said(new: Any, tmp_path: Path) -> None:
    done = new("secrets", "acme")
    assert done.returncode == 0
    assert done.stdout.startswith("secrets:acme: wrote 12 files to floe-secrets-acme\n")
    assert "python -m pytest" in done.stdout
    assert (tmp_path / "floe-secrets-acme" / "src" / "floe_secrets_acme" / "plugin.py").is_file()


def test_another_directory_can_be_given_and_the_document_says_where_it_is(new: Any, tmp_path: Path) -> None:
    document = json.loads(new("semantic-layer", "acme", "--directory", "here", "--json").stdout)
    assert document["directory"] == str(tmp_path / "here")
    assert document["ref"] == "semantic_layer:acme"
    assert document["files"] == sorted(document["files"])


def test_an_existing_project_is_left_as_it_is(new: Any, tmp_path: Path) -> None:
    new("secrets", "acme")
    mine = tmp_path / "floe-secrets-acme" / "README.md"
    mine.write_text("mine", encoding="utf-8")
    done = new("secrets", "acme")
    assert done.returncode == 2
    assert "give a new or empty directory" in done.stderr
    assert mine.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("secret", "acme"), "the categories are compute"),
        (("secrets", "Acme"), "not a plugin name"),
        (("secrets", "catalog"), "reserved"),
        (("secrets",), "Missing argument"),
    ],
)
def test_wrong_arguments_are_answered(args: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["new", *args])
    assert done.exit_code == 2
    assert words in done.output


def test_a_place_that_cannot_be_written_is_an_error(new: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = new("secrets", "acme", "--directory", "file/acme", "--json")
    assert done.returncode == 1
    assert "cannot write" in json.loads(done.stdout)["error"]["message"]
