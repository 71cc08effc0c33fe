"""``show``: what is known about one plugin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_show_tells_what_is_known_without_importing(floe: Any) -> None:
    done = floe(("compute-duckdb", "storage-local"), "show", "compute:duckdb")
    assert done.returncode == 0
    for words in ("compute:duckdb", "discovered", "floe-reference-compute-duckdb", "storage:local", "1.0"):
        assert words in done.stdout
    plugin = json.loads(floe(("compute-duckdb",), "show", "compute:duckdb", "--json").stdout)["plugin"]
    assert plugin["dependencies"] == ["storage"]
    assert plugin["distribution"]["name"] == "floe-reference-compute-duckdb"


@pytest.mark.parametrize(("ref", "message"), [("compute:dukdb", "Did you mean compute:duckdb"), ("dukdb", "not a ref")])
def test_show_of_an_unknown_ref_names_the_closest(floe: Any, ref: str, message: str) -> None:
    done = floe(("compute-duckdb",), "show", ref)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_show_of_a_duplicate_says_that_it_failed_and_why(floe: Any) -> None:
    done = floe(("same-ref-a", "same-ref-b"), "show", "secrets:same-ref")
    assert done.returncode == 0
    for words in ("failed", "several distributions provide it", "same-ref-a 1.0.0", "same-ref-b 2.0.0", "pin one"):
        assert words in done.stdout
    assert floe(("same-ref-a", "same-ref-b"), "list").stdout.count("several distributions provide it") == 1


def test_show_says_what_it_needs_and_who_needs_it(floe: Any) -> None:
    names = ("compute-duckdb", "storage-local", "secrets-env")
    plugin = json.loads(floe(names, "show", "storage:local", "--json").stdout)["plugin"]
    assert plugin["dependents"] == ["compute:duckdb"]
    plugin = json.loads(floe(names, "show", "compute:duckdb", "--json").stdout)["plugin"]
    facts = {"text": "storage", "optional": False, "category": True, "state": "met"}
    dependency = {**facts, "refs": ["storage:local"]}
    assert plugin["resolved_dependencies"] == [dependency]
    assert "needs         storage (missing)\n" in floe(("compute-duckdb",), "show", "compute:duckdb").stdout


def test_show_names_the_file_and_line_of_the_class_its_hooks_and_settings(floe: Any) -> None:
    plugin = json.loads(floe(("storage-local",), "show", "storage:local", "--json").stdout)["plugin"]
    line = Path(plugin["file"]).read_text(encoding="utf-8").splitlines()[plugin["line"] - 1]
    assert line.startswith("class LocalStorage")
    assert {"startup", "open", "uri"} <= set(plugin["hooks"])
    assert "root" in plugin["settings"]
    text = floe(("storage-local",), "show", "storage:local").stdout
    assert f"{Path(plugin['file']).name}:{plugin['line']}" in text
    assert "dist-info" in text


def test_what_only_the_loaded_plugin_knows_is_said_to_be_so(floe: Any) -> None:
    text = floe(("unhashable",), "show", "secrets:unhashable").stdout
    assert "needs         known when loaded\n" in text
    assert json.loads(floe(("unhashable",), "show", "secrets:unhashable", "--json").stdout)["plugin"]["hooks"] is None


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("registry: {disable: [storage]}", "no: disabled by 'storage' in registry.disable"),
        ("plugins: {storage: {local: {root: x}}}", "yes: configured"),
        ("plugins: {}", "no: neither configured nor required, nor needed by a selected plugin"),
        (
            "plugins: {storage: {local: {distribution: floe-reference-storage-local}}}",
            "yes: configured; pinned to the distribution floe-reference-storage-local",
        ),
    ],
)
def test_show_says_why_it_is_selected_or_not(floe: Any, write: Callable[..., str], config: str, reason: str) -> None:
    done = floe(("storage-local",), "show", "storage:local", "--config", write(config))
    assert f"selected      {reason}\n" in done.stdout


def test_a_name_is_enough_where_one_plugin_has_it(floe: Any) -> None:
    assert "compute:duckdb" in floe(("compute-duckdb",), "show", "duckdb").stdout
    done = floe(("compute-duckdb",), "show", "dukdb")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean compute:duckdb?" in done.stderr


def test_show_of_what_is_refused_says_so(floe: Any) -> None:
    done = floe(("newer-api",), "show", "newer-api")
    assert "state         refused\n" in done.stdout
    assert "requires floe API 99.0" in done.stdout


def test_show_imports_no_plugin(modules_after: Any) -> None:
    _, modules = modules_after(("compute-duckdb", "storage-local"), "show", "compute:duckdb")
    assert not {name for name in modules if name.startswith(("floe_compute", "floe_storage", "duckdb"))}


def test_show_says_why_nothing_is_known_of_a_plugin_whose_module_is_missing(floe: Any) -> None:
    text = floe(("missing-module",), "show", "secrets:missing-module").stdout
    assert "class at      no source of " in text
    assert "its module is missing, or is imported from elsewhere" in text
