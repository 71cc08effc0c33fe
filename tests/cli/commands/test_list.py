"""``list``: tables, JSON and problems, without importing a plugin."""

from __future__ import annotations

import json
from typing import Any

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
    assert not modules & {"pydantic", "pluggy", "duckdb"}
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
    assert floe((), "list").stdout == "No plugin is installed.\n"
    assert floe((), "list", "--category", "dbt").stdout == "No dbt plugin is installed.\n"


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
