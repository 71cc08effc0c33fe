"""``validate``: exit status 0, 1 or 2, one line for what cannot be checked, and a document."""

from __future__ import annotations

import json
import os
import shlex
import signal
from importlib.resources import files
from pathlib import Path
from typing import Any

import fake_uv
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
    is_of_schema(document)
    assert document["problems"][0]["ref"] == "secrets:acme"
    assert document["conformance"] is None


def is_of_schema(document: Any) -> None:
    read = {name: json.loads((SCHEMAS / name).read_text("utf-8")) for name in ("validate.json", "common.json")}
    known: Any = Registry().with_resources((name, Resource.from_contents(each)) for name, each in read.items())
    jsonschema.Draft202012Validator(read["validate.json"], registry=known).validate(document)


@pytest.mark.parametrize("arguments", [("--tests", "."), ("--with", "acme")])
def test_what_is_for_a_run_alone_is_wrong_usage_without_one(
    floe: Any, project: Path, arguments: tuple[str, ...]
) -> None:
    done = floe((), "validate", "acme", *arguments, cwd=project.parent)
    assert done.returncode == 2
    assert "--tests and --with need --run" in done.stderr


def test_problems_keep_the_suite_from_running(floe: Any, project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("acme:Acme", "acne:Acme"), encoding="utf-8")
    done = floe((), "validate", str(project), "--run")
    assert done.returncode == 1
    assert "The conformance suite did not run: correct the problems first." in done.stdout


needs_script = pytest.mark.skipif(os.name == "nt", reason="the stand-in for uv is a script")


@pytest.mark.once
@needs_script
def test_a_run_says_how_many_rules_are_kept(floe: Any, project: Path) -> None:
    done = suite(floe, project, "pass", "--json")
    assert done.returncode == 0, done.stdout
    document = json.loads(done.stdout)
    is_of_schema(document)
    assert [each["outcome"] for each in document["conformance"]["rules"]] == ["passed", "passed", "skipped"]
    assert document["problems"] == []


@pytest.mark.once
@needs_script
def test_a_broken_rule_is_shown_escaped_with_right_code_and_exit_status_1(floe: Any, project: Path) -> None:
    done = suite(floe, project, "self.broken('it is\\nnot\\x1b')")
    assert done.returncode == 1
    assert done.stdout.endswith("""\
floe-secrets-acme 0.1.0 in acme: 1 plugin
secrets:acme: 1 rule kept, 1 left out, 1 broken

1 broken rule
secrets:acme test_broken
    wanted: It is broken.
    seen:   it is\\nnot\\x1b
    right:
        return ()
""")


@pytest.mark.once
@needs_script
def test_a_signal_ends_the_run_with_all_that_it_has_begun_and_made(floe: Any, project: Path) -> None:
    bin_, temporary, begun = project.parent / "bin", project.parent / "tmp", project.parent / "begun"
    bin_.mkdir()
    temporary.mkdir()
    # It is begun in the place of uv, has the command interrupted, and does not end by itself.
    script = f"#!/bin/sh\necho $$ > {shlex.quote(str(begun))}\nkill -s TERM $PPID\nexec sleep 600\n"
    (bin_ / "uv").write_text(script, encoding="utf-8")
    (bin_ / "uv").chmod(0o755)
    environ = {"PATH": fake_uv.on_path(bin_), "TMPDIR": str(temporary)}
    done = floe((), "validate", "acme", "--run", cwd=project.parent, env=environ)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr.endswith("floe-plugins: ended by SIGTERM\n")
    assert [*temporary.iterdir()] == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text(encoding="utf-8")), 0)


def suite(floe: Any, project: Path, broken: str, *arguments: str) -> Any:
    """Run the suite of a project with few rules, in an environment that a stand-in for uv makes."""
    fake_uv.write(project.parent / "bin")
    (project / "tests" / "test_conformance.py").write_text(fake_uv.tests_with(broken), encoding="utf-8")
    environ = {"PATH": fake_uv.on_path(project.parent / "bin")}
    return floe((), "validate", "acme", "--run", *arguments, cwd=project.parent, env=environ)


def test_a_path_that_is_not_there_is_answered_in_one_line_with_exit_status_2(floe: Any, tmp_path: Path) -> None:
    done = floe((), "validate", "none\x1b.whl", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "none\\x1b.whl is neither a directory nor a file" in done.stderr
