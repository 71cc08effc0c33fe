"""``check``: all that can be found without starting."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import child_environ, write_distribution

ALL = "registry: {autoload: all}\n"


def test_check_loads_all_and_exits_1_if_there_are_problems(floe: Any) -> None:
    done = floe(("storage-local", "import-error"), "check")
    assert done.returncode == 1
    assert "1 plugin loaded" in done.stdout
    assert "libengine" in done.stdout
    assert floe(("storage-local",), "check").returncode == 0


def test_wrong_settings_are_problems_with_file_and_line(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    file = write("""
        plugins:
          secrets: {env: {prefx: A}}
          storage: {local: {root: 3}}
          compute: {duck: {}}
    """)
    done = floe(reference, "check", "--config", file)
    assert done.returncode == 1
    for place, word in ((":3:", "prefx"), (":4:", "root"), (":5:", "no installed distribution provides compute:duck")):
        [line] = [line for line in done.stdout.splitlines() if f"{file}{place}" in line]
        assert word in line
    document = json.loads(floe(reference, "check", "--config", file, "--json").stdout)
    assert [(issue["path"], issue["line"]) for issue in document["issues"]] == [
        ("plugins.secrets.env.prefx", 3),
        ("plugins.storage.local.root", 4),
        ("plugins.compute.duck", 5),
    ]
    assert [each["stage"] for each in document["problems"]] == ["configure"] * 3


def test_a_required_plugin_that_is_missing_is_told_once_with_its_line(floe: Any, write: Callable[..., str]) -> None:
    file = write("registry: {required: ['compute:duckdb']}")
    done = floe(("storage-local",), "check", "--config", file)
    assert done.returncode == 1
    assert done.stdout.count("compute:duckdb: ") + done.stdout.count("provides compute:duckdb") == 1
    assert f"{file}:1:" in done.stdout


@pytest.mark.parametrize(
    ("plugins", "words"),
    [
        (("needs-missing",), "there is no such plugin"),
        (("cycle-a", "cycle-b"), "plugins need each other"),
        (("newer-requires",), "requires"),
        (("typo-hook",), "hook"),
        (("name-differs",), "name"),
    ],
)
def test_what_would_keep_a_plugin_from_starting_is_found_without_starting(
    floe: Any, plugins: tuple[str, ...], words: str
) -> None:
    done = floe(plugins, "check")
    assert done.returncode == 1
    assert words in done.stdout


def test_check_says_what_is_installed_and_not_selected(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    file = write("plugins: {storage: {local: {root: data}}}")
    assert "2 more are installed and not selected" in floe(reference, "check", "--config", file).stdout
    document = json.loads(floe(reference, "check", "--config", file, "--json").stdout)
    assert document["checked"] == ["storage:local"]
    assert document["not_selected"] == ["compute:duckdb", "secrets:env"]
    disabled = floe(reference, "check", "--config", file, "--disable", "secrets").stdout
    assert "1 more is installed and not selected" in disabled
    assert "1 is disabled" in disabled


def test_what_is_not_selected_is_checked_with_all_or_by_its_ref(floe: Any, write: Callable[..., str]) -> None:
    file = write("plugins: {storage: {local: {root: data}}}")
    plugins = ("storage-local", "needs-missing", "import-error")
    assert floe(plugins, "check", "--config", file).returncode == 0
    everything = floe(plugins, "check", "--config", file, "--all")
    assert everything.returncode == 1
    assert "there is no such plugin" in everything.stdout
    assert "libengine" in everything.stdout
    refs = [each["ref"] for each in json.loads(floe(plugins, "check", "--all", "--json").stdout)["problems"]]
    [missing] = [ref for ref in refs if "needs" in ref]
    one = json.loads(floe(plugins, "check", missing, "--config", file, "--json").stdout)
    assert {each["ref"] for each in one["problems"]} == {missing}


def test_a_ref_that_is_checked_brings_what_it_depends_on(floe: Any, reference: tuple[str, ...]) -> None:
    document = json.loads(floe(reference, "check", "compute:duckdb", "--json").stdout)
    assert "compute:duckdb" in document["checked"]
    assert document["loaded"] == len(document["checked"])


def test_a_ref_that_is_unknown_or_disabled_or_no_ref_is_an_error(floe: Any, reference: tuple[str, ...]) -> None:
    unknown = floe(reference, "check", "compute:duckbd")
    assert unknown.returncode == 1
    assert "Did you mean compute:duckdb?" in unknown.stderr
    assert "disabled" in floe(reference, "check", "compute:duckdb", "--disable", "compute").stderr
    assert floe(reference, "check", "duckdb").returncode == 2
    assert floe(reference, "check", "compute:duckdb", "--all").returncode == 2


def test_only_problems_of_a_category_are_told(floe: Any) -> None:
    plugins = ("wrong-category", "import-error", "needs-missing")
    refs = {each["ref"] for each in json.loads(floe(plugins, "check", "--json").stdout)["problems"]}
    category = min(refs).partition(":")[0]
    found = json.loads(floe(plugins, "check", "--category", category, "--json").stdout)["problems"]
    assert {each["ref"] for each in found} == {ref for ref in refs if ref.startswith(f"{category}:")} < refs
    assert floe(plugins, "check", "--category", "compute").returncode == 0


def test_warnings_count_with_strict_alone(environment: Any, write: Callable[..., str], tmp_path: Any) -> None:
    from support import write_project

    code = """
        from floe_plugins import SecretsPlugin
        from pydantic import BaseModel
        class Settings(BaseModel):
            size: int = 1
        class Plugin(SecretsPlugin):
            name = "moved"; version = "1"; floe_api_version = "1.0"
            config_schema = Settings; config_version = 2
            def migrate_config(self, old_version, data): return {"size": data["length"]}
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
    """
    plugins = environment(write_project(tmp_path / "moved", "floe.secrets", moved=code))
    file = write("plugins: {secrets: {moved: {config_version: 1, length: 3}}}")
    command = ["-m", "floe_plugins", "check", "--config", file]
    lax, strict = plugins.run(command, check=False), plugins.run([*command, "--strict"], check=False)
    assert (lax.returncode, strict.returncode) == (0, 1)
    assert "warning: " in lax.stdout
    assert lax.stdout == strict.stdout


def test_a_module_that_refuses_every_look_harms_nobody(tmp_path: Path) -> None:
    entry_points = "[floe.secrets]\nevil = acme_evil:Plugin\n"
    module = """
        from floe_plugins import SecretsPlugin

        class Evil(SecretsPlugin):
            name = "evil"
            version = floe_api_version = "1.0"
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...

        def __getattr__(name):
            if name == "Plugin":
                return Evil
            raise SystemExit(f"no {name}")
    """
    write_distribution(tmp_path, "acme", entry_points, acme_evil=textwrap.dedent(module))
    command = [sys.executable, "-m", "floe_plugins", "check"]
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": child_environ(tmp_path),
        "capture_output": True,
        "text": True,
        "timeout": 60,
    }
    done = subprocess.run(command, check=False, **options)
    assert done.returncode == 0, done.stderr
    assert "1 plugin loaded" in done.stdout
