"""``validate``: exit status 0, 1 or 2, one line for what cannot be checked, and a document."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from floe_plugins import PluginType
from floe_plugins.authoring.project import new_project, write_project

SCHEMAS = files("floe_plugins") / "cli" / "schemas"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of a new plugin."""
    write_project(new_project(PluginType.SECRETS, "acme"), tmp_path / "acme")
    return tmp_path / "acme"


def test_a_right_project_succeeds(floe: Any, project: Path) -> None:
    done = floe((), "validate", "acme", cwd=project.parent)
    assert done.returncode == 0
    assert done.stdout == "floe-secrets-acme 0.1.0 in acme: 1 plugin, nothing wrong found\n"


def test_problems_are_a_document_of_the_schema_and_exit_status_1(floe: Any, project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("acme:Acme", "acne:Acme"), encoding="utf-8")
    done = floe((), "validate", str(project), "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    read = {name: json.loads((SCHEMAS / name).read_text("utf-8")) for name in ("validate.json", "common.json")}
    known: Any = Registry().with_resources((name, Resource.from_contents(each)) for name, each in read.items())
    jsonschema.Draft202012Validator(read["validate.json"], registry=known).validate(document)
    assert document["problems"][0]["ref"] == "secrets:acme"


def test_a_path_that_is_not_there_is_answered_in_one_line_with_exit_status_2(floe: Any, tmp_path: Path) -> None:
    done = floe((), "validate", "none\x1b.whl", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "none\\x1b.whl is neither a directory nor a file" in done.stderr
