"""``list``, ``check`` and ``show``, and what all commands have in common."""

from __future__ import annotations

import json
from typing import Any

import pytest


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
    environment: Any, reference: tuple[str, ...], faulty: tuple[str, ...]
) -> None:
    plugins = environment(*reference, *faulty)
    done = plugins.run("""
        import atexit, sys
        def report():
            loaded = {name.partition(".")[0] for name in sys.modules}
            bad = {n for n in loaded if n.startswith(("floe_faulty", "floe_compute", "floe_storage", "floe_secrets"))}
            print(sorted(bad | loaded & {"pydantic", "pluggy", "duckdb"}), file=sys.stderr)
        atexit.register(report)
        sys.argv = ["floe-plugins", "list", "--json"]
        from floe_plugins.__main__ import main
        main()
    """)
    assert done.stderr.strip() == "[]"


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


def test_show_tells_what_is_known_without_importing(floe: Any) -> None:
    done = floe(("compute-duckdb", "storage-local"), "show", "compute:duckdb")
    assert done.returncode == 0
    for words in ("compute:duckdb", "discovered", "floe-compute-duckdb", "storage:local", "1.0"):
        assert words in done.stdout
    plugin = json.loads(floe(("compute-duckdb",), "show", "compute:duckdb", "--json").stdout)["plugin"]
    assert plugin["dependencies"] == ["storage:local"]
    assert plugin["distribution"]["name"] == "floe-compute-duckdb"


@pytest.mark.parametrize(("ref", "message"), [("compute:dukdb", "Did you mean compute:duckdb"), ("dukdb", "not a ref")])
def test_show_of_an_unknown_ref_names_the_closest(floe: Any, ref: str, message: str) -> None:
    done = floe(("compute-duckdb",), "show", ref)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_check_loads_all_and_exits_1_if_there_are_problems(floe: Any) -> None:
    done = floe(("storage-local", "import-error"), "check")
    assert done.returncode == 1
    assert "1 plugin can be loaded" in done.stdout
    assert "libengine" in done.stdout
    assert floe(("storage-local",), "check").returncode == 0


def test_the_help_names_every_command(floe: Any) -> None:
    done = floe((), "--help")
    assert done.returncode == 0
    for command in ("list", "show", "run"):
        assert f"\n  {command} " in done.stdout
