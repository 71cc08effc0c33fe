"""``list``: tables, JSON and problems, without importing a plugin."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import write_distribution


def test_list_prints_json_alone_and_exits_0_among_broken_plugins(
    floe: Any, reference: tuple[str, ...], faulty: tuple[str, ...]
) -> None:
    done = floe((*reference, *faulty), "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    assert listed["schema_version"] == 1
    refs = {plugin["ref"] for plugin in listed["plugins"]}
    assert {"compute:duckdb", "storage:local", "secrets:env"} < refs
    assert any("same-ref" in (problem["distribution"] or "") for problem in listed["problems"])


def test_list_imports_neither_a_plugin_nor_pydantic_nor_pluggy(
    modules_after: Any, reference: tuple[str, ...], faulty: tuple[str, ...]
) -> None:
    _, modules = modules_after((*reference, *faulty), "list", "--json")
    assert not modules & {"pydantic", "pluggy", "duckdb", "rich", "logging", "packaging"}
    assert not [
        name for name in modules if name.startswith(("floe_faulty", "floe_compute", "floe_storage", "floe_sec"))
    ]


def test_list_shows_a_table_and_each_problem_with_what_to_do(floe: Any) -> None:
    done = floe(("storage-local", "same-ref-a", "same-ref-b"), "list")
    assert done.returncode == 0
    assert "storage:local" in done.stdout
    assert "1 problem" in done.stdout
    assert "floe-faulty-same-ref-a" in done.stdout
    assert "floe-faulty-same-ref-b" in done.stdout
    assert "Uninstall all but one, or pin one" in done.stdout
    assert "\x1b[" not in done.stdout


def test_list_of_nothing_says_so(floe: Any) -> None:
    assert floe((), "list").stdout.startswith("No plugin is installed.\n")
    assert floe((), "list", "--category", "dbt").stdout.startswith("No dbt plugin is installed.\n")


def test_list_never_says_that_nothing_is_installed_where_plugins_are_switched_off(floe: Any) -> None:
    for options in ({"env": {"FLOE_PLUGINS_AUTOLOAD": "0"}}, {}):
        arguments = ("list",) if options else ("list", "--no-plugins")
        assert floe(("storage-local",), *arguments, **options).stdout.startswith("Installed plugins are switched off.")


def test_list_has_a_question_mark_for_what_the_source_does_not_say(environment: Any) -> None:
    code = """
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "acme"; version = VERSION; floe_api_version = "1.0"
    """
    plugins = environment()
    for name, version in (("plain", '"1.0"'), ("computed", "str(1.0)")):
        write_distribution(
            plugins.path, name, f"[floe.secrets]\n{name} = {name}:Plugin\n", **{name: code.replace("VERSION", version)}
        )
    lines = plugins.run(["-m", "floe_plugins", "list"]).stdout.splitlines()
    assert {line.split()[0]: line.split()[1] for line in lines[1:3]} == {
        "secrets:plain": "1.0",
        "secrets:computed": "?",
    }


def rows(text: str) -> dict[str, list[str]]:
    """The rows of the table by their first cell."""
    return {line.split("  ")[0]: line.split() for line in text.partition("\n\n")[0].splitlines()}


def test_it_says_what_is_selected_why_and_what_is_required(
    environment: Callable[..., Any], write: Callable[..., str]
) -> None:
    plugins = environment("compute-duckdb", "storage-local", "secrets-env")
    config = write("registry: {required: ['compute:duckdb']}\n")
    table = rows(plugins.run(["-m", "floe_plugins", "list", "--config", config]).stdout)
    assert table["plugin"][4:6] == ["selected", "required"]
    assert table["compute:duckdb"][4:6] == ["yes", "yes"]
    assert table["storage:local"][4:7] == ["as", "needed", "no"]
    assert table["secrets:env"][4:6] == ["no", "no"]
    listed = plugins.json(["-m", "floe_plugins", "list", "--json", "--config", config])
    assert {each["ref"]: each["reason"] for each in listed["plugins"]} == {
        "compute:duckdb": "required by the configuration",
        "secrets:env": "neither configured nor required, nor needed by a selected plugin",
        "storage:local": "needed by compute:duckdb",
    }
    assert {each["ref"]: each["selected"] for each in listed["plugins"]} == {
        "compute:duckdb": True,
        "secrets:env": False,
        "storage:local": True,
    }


def test_what_the_version_check_will_refuse_is_refused_with_the_reason(floe: Any) -> None:
    done = floe(("newer-api",), "list")
    assert "refused" in rows(done.stdout)["secrets:newer-api"]
    assert "the plugin requires floe API 99.0" in done.stdout
    [listed] = json.loads(floe(("newer-api",), "list", "--json").stdout)["plugins"]
    assert listed["state"] == "refused"
    assert "requires floe API 99.0" in listed["refused"]


def test_a_category_leaves_out_the_problems_of_others(floe: Any) -> None:
    names = ("newer-api", "storage-local")
    assert "newer-api" not in floe(names, "list", "--category", "storage").stdout
    assert "1 problem" in floe(names, "list", "--category", "secrets").stdout
    assert json.loads(floe(names, "list", "--category", "storage", "--json").stdout)["problems"] == []


def test_the_configuration_in_force_is_always_said(floe: Any, write: Callable[..., str]) -> None:
    file = write("plugins: {}\n")
    assert floe((), "list", "--config", file).stdout.endswith(f"configuration: {file}\n")
    assert floe((), "list", env={"FLOE_PLUGINS_CONFIG": file}).stdout.endswith(f"configuration: {file}\n")
    assert "\nconfiguration: none" in floe((), "list").stdout
    assert json.loads(floe((), "list", "--json", "--config", file).stdout)["configuration"] == file
    assert json.loads(floe((), "list", "--json").stdout)["configuration"] is None


@pytest.mark.parametrize("columns", ["40", "banana", "\u00b2", "0", "-1", ""])
def test_what_is_piped_is_whole_however_narrow_the_terminal(floe: Any, columns: str) -> None:
    done = floe(("storage-local",), "list", env={"COLUMNS": columns})
    row = rows(done.stdout)["storage:local"]
    assert row == ["storage:local", "0.1.0", "1.1", "discovered", "yes", "no", "floe-reference-storage-local", "0.1.0"]
    assert done.stderr == ""
