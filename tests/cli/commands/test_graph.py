"""``graph``: what plugins need, drawn without importing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support import write_project

NAMES = ("compute-duckdb", "storage-local", "cycle-a", "cycle-b", "needs-missing", "unhashable", "newer-api")


def test_the_tree_marks_what_is_missing_unknown_refused_and_circular(floe: Any) -> None:
    done = floe(NAMES, "graph")
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "compute:duckdb",
        "└─ storage:local  (any storage)",
        "└─ secrets:cycle-b  (cycle)",
        "└─ compute:nowhere  (missing)",
        "secrets:unhashable  (what it needs is known when loaded)",
        "secrets:newer-api  (refused)",
        "plugins need each other: secrets:cycle-a -> secrets:cycle-b -> secrets:cycle-a",
        "configuration: none (no floe.toml, floe.yaml or floe.json here, and none named)",
    ):
        assert line in [each.strip() for each in done.stdout.splitlines()]


def test_a_ref_or_name_leaves_the_rest_out(floe: Any) -> None:
    for ref in ("compute:duckdb", "duckdb"):
        assert floe(NAMES, "graph", ref).stdout.startswith("compute:duckdb\n└─ storage:local  (any storage)\n\n")
    done = floe(NAMES, "graph", "dukdb")
    assert done.returncode == 2
    assert "Did you mean compute:duckdb?" in done.stderr


def test_what_is_disabled_is_marked_with_the_reason(floe: Any) -> None:
    done = floe(NAMES, "graph", "compute:duckdb", "--disable", "storage")
    assert "└─ storage:local  (any storage; disabled by 'storage' in an argument)" in done.stdout


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "json"])
def test_every_format_is_the_same_at_every_call_and_imports_no_plugin(floe: Any, modules_after: Any, form: str) -> None:
    first, modules = modules_after(NAMES, "graph", "--format", form)
    assert not {name for name in modules if name.startswith(("floe_compute", "floe_storage", "floe_faulty"))}
    assert floe(tuple(reversed(NAMES)), "graph", "--format", form).stdout == first


def test_documents_stand_alone_on_standard_output(floe: Any) -> None:
    done = floe(NAMES, "graph", "--format", "svg")
    assert ET.fromstring(done.stdout).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 our own
    assert "configuration: none" in done.stderr
    assert floe(NAMES, "graph", "--format", "mermaid").stdout.startswith("flowchart LR\n")
    assert floe(NAMES, "graph", "--format", "dot").stdout.startswith("digraph plugins {\n")


def test_json_tells_what_the_text_tells(floe: Any) -> None:
    document = json.loads(floe(NAMES, "graph", "--json").stdout)
    assert document == json.loads(floe(NAMES, "graph", "--format", "json").stdout)
    assert (document["schema_version"], document["configuration"]) == (1, None)
    plugins = {plugin["ref"]: plugin for plugin in document["plugins"]}
    assert plugins["secrets:needs-missing"]["dependencies"][0]["state"] == "missing"
    assert not plugins["secrets:unhashable"]["known"]
    assert document["cycles"] == [["secrets:cycle-a", "secrets:cycle-b", "secrets:cycle-a"]]
    done = floe(NAMES, "graph", "--json", "--format", "svg")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


EVIL = '\x1b[2J</text><script>alert(1)</script>"];\n\u202e'


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "json"])
def test_what_a_plugin_calls_its_dependency_stays_text(environment: Any, tmp_path: Path, form: str) -> None:
    code = f"""
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "evil"; version = "1"; floe_api_version = "1.0"; dependencies = ({EVIL!r},)
    """
    plugins = environment(write_project(tmp_path / "evil", "floe.secrets", evil=code))
    done = plugins.run(["-m", "floe_plugins", "graph", "--format", form])
    for bad in ("\x1b", "\u202e"):
        assert bad not in done.stdout
    if form == "svg":
        names = {element.tag for element in ET.fromstring(done.stdout).iter()}  # noqa: S314 our own
        assert "{http://www.w3.org/2000/svg}script" not in names
    if form in {"mermaid", "svg"}:
        assert "<script>" not in done.stdout


def test_where_lines_cannot_be_shown_they_are_drawn_with_plain_characters(floe: Any) -> None:
    done = floe(NAMES, "graph", "compute:duckdb", env={"PYTHONIOENCODING": "ascii"})
    assert "`- storage:local" in done.stdout


def test_nothing_installed_is_said(floe: Any) -> None:
    assert floe((), "graph").stdout.startswith("No plugin is installed.\n")
