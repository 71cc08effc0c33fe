"""Options: where they may stand, and which are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from support import write_project

from floe_plugins.cli.options import seconds


def test_options_stand_before_or_after_the_command(floe: Any) -> None:
    before = floe(("storage-local",), "--json", "list").stdout
    after = floe(("storage-local",), "list", "--json").stdout
    assert json.loads(before)["plugins"][0]["ref"] == json.loads(after)["plugins"][0]["ref"] == "storage:local"


def test_no_plugins_leaves_all_or_some_out(floe: Any, reference: tuple[str, ...]) -> None:
    assert json.loads(floe(("storage-local",), "--no-plugins", "list", "--json").stdout)["plugins"] == []
    only = json.loads(floe(reference, "list", "--json", "--disable", "storage:local, secrets").stdout)["plugins"]
    states = {plugin["ref"]: plugin["state"] for plugin in only}
    assert floe((), "list", "--disable", "nonsense").returncode == 2
    assert states == {"compute:duckdb": "discovered", "secrets:env": "disabled", "storage:local": "disabled"}


def test_two_configuration_files_in_a_directory_are_an_error(environment: Any, write: Callable[..., str]) -> None:
    plugins = environment("storage-local")
    write("{}", "floe.json", directory=plugins.home)
    write("", "floe.toml", directory=plugins.home)
    done = plugins.run(["-m", "floe_plugins", "list"], check=False)
    assert done.returncode == 2
    assert "floe.json" in done.stderr
    assert "floe.toml" in done.stderr


def test_list_of_an_unknown_category_is_wrong_usage(floe: Any) -> None:
    done = floe((), "list", "--category", "computer")
    assert done.returncode == 2
    assert "no category 'computer'" in done.stderr


def test_an_unreadable_disable_is_wrong_usage_that_says_what_is_expected(floe: Any) -> None:
    done = floe((), "list", "--disable", "distribution:")
    assert done.returncode == 2
    assert "distribution:NAME" in done.stderr


def test_verbose_tells_each_problem_once_on_stderr_too(environment: Any) -> None:
    plugins = environment("import-error")
    command = ["-m", "floe_plugins", "check"]
    quiet, verbose = plugins.run(command, check=False), plugins.run([*command, "-v"], check=False)
    assert "libengine" not in quiet.stderr
    assert verbose.stderr.count("libengine") == 1
    assert verbose.stderr.count("/docs/reference/errors.md#pluginloaderror") == 1
    assert verbose.stdout == quiet.stdout


def test_the_file_of_the_option_goes_before_that_of_the_variable_and_this_before_the_directory(
    environment: Any, write: Callable[..., str]
) -> None:
    plugins = environment("storage-local")
    write("registry: {workers: 1}", directory=plugins.home)
    variable = write("registry: {workers: 2}", "variable.yaml")
    option = write("registry: {workers: 3}", "option.yaml")

    def workers(*options: str, **variables: str) -> int:
        settings = plugins.json(["-m", "floe_plugins", "config", "show", "--json", *options], env=variables)["settings"]
        return next(each["value"] for each in settings if each["path"] == "registry.workers")

    assert workers() == 1
    assert workers(FLOE_PLUGINS_CONFIG=variable) == 2
    assert workers("--config", option, FLOE_PLUGINS_CONFIG=variable) == 3


BROKEN = """
from floe_plugins import SecretsPlugin
def connect(host):
    return host.strip()
class Plugin(SecretsPlugin):
    name = "broken"; version = "1"; floe_api_version = "1.0"
    def __init__(self): connect(None)
    def get_secret(self, key): ...
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): ...
"""


def test_vv_says_where_plugin_code_raised(environment: Any, tmp_path: Path) -> None:
    plugins = environment(write_project(tmp_path / "broken", "floe.secrets", broken=BROKEN))

    def check(*options: str) -> Any:
        return plugins.run(["-m", "floe_plugins", "check", *options], check=False)

    assert "AttributeError: 'NoneType'" in check("-v").stdout
    assert "return host.strip()" not in check("-v").stdout
    shown = check("-vv").stdout.splitlines()
    place = f"    at {plugins.path / 'broken.py'}:4 in connect"
    assert shown[shown.index(place) + 1] == "        return host.strip()"
    [problem] = json.loads(check("-vv", "--json").stdout)["problems"]
    assert [frame["function"] for frame in problem["traceback"]] == ["__init__", "connect"]
    [problem] = json.loads(check("-v", "--json").stdout)["problems"]
    assert "traceback" not in problem


def test_quiet_shows_no_hints_and_contradicts_verbose(environment: Any, floe: Any) -> None:
    plugins = environment("import-error")
    loud, quiet, as_json = (
        plugins.run(["-m", "floe_plugins", "check", *options], check=False) for options in ((), ("-q",), ("--json",))
    )
    assert quiet.returncode == loud.returncode == 1
    hint = json.loads(as_json.stdout)["problems"][0]["hint"]
    assert hint in loud.stdout
    assert quiet.stdout == loud.stdout.replace(f"    {hint}\n", "")
    assert floe((), "-q", "check", "-v").returncode == 2


def test_quiet_keeps_run_from_telling_its_progress(floe: Any) -> None:
    loud, quiet = (floe(("storage-local",), "run", "--once", *options) for options in ((), ("-q",)))
    assert "storage:local" in loud.stderr
    assert (quiet.stderr, quiet.returncode) == ("", 0)


@pytest.mark.once
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("list",), "configuration: standard input"),
        (("check",), "1 plugin loaded"),
        (("config", "validate", "-"), "standard input: no issues, 1 plugin checked"),
        (("config", "show"), "standard input:1"),
        (("config", "migrate", "-"), "plugins: {secrets:"),
        (("doctor",), "secrets:env"),
        (("run", "--once"), "secrets:env  succeeded"),
    ],
)
def test_the_configuration_can_come_from_standard_input(floe: Any, command: tuple[str, ...], shown: str) -> None:
    text = "plugins: {secrets: {env: {prefix: APP_}}}\n"
    done = floe(("secrets-env",), *command, "--config", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("plugins: [", (), "standard input:1:11"),
        ("", (), "the file is empty"),
        ("registry: {}", ("--config-format", "json"), "standard input:1:1"),
        ("x" * (1024 * 1024 + 1), (), "larger than 1 MiB"),
    ],
)
def test_what_is_wrong_with_standard_input_is_told(
    floe: Any, text: str, arguments: tuple[str, ...], message: str
) -> None:
    done = floe((), "check", "--config", "-", *arguments, stdin=text)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.once
@pytest.mark.parametrize("command", [("check",), ("config", "validate")], ids=lambda command: command[-1])
def test_what_is_disabled_and_not_there_is_a_warning_with_a_suggestion(floe: Any, command: tuple[str, ...]) -> None:
    names = "storage:locl, distribution:floe-reference-storage-locl, compute, storage:local"
    done = floe(("storage-local", "secrets-env"), *command, "--disable", names)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if "disables nothing" in line]
    assert len(lines) == 2
    assert "Did you mean storage:local?" in lines[0]
    assert "Did you mean distribution:floe-reference-storage-local?" in lines[1]


def test_a_rule_of_the_variable_or_the_file_is_named_with_its_origin(floe: Any, write: Any) -> None:
    file = write("registry: {autoload: all, disable: ['compute:a']}")
    done = floe(("storage-local",), "check", "--config", file, env={"FLOE_PLUGINS_DISABLE": "compute:b"})
    assert "'compute:a' in registry.disable disables nothing" in done.stdout
    assert "'compute:b' in FLOE_PLUGINS_DISABLE disables nothing" in done.stdout


def test_an_unknown_variable_is_a_warning_that_counts_with_strict(floe: Any) -> None:
    variables = {
        "FLOE_PLUGINS_DISABEL": "compute",
        "FLOE_PLUGINS_STRICT": "0",
        "FLOE_PLUGINS__STORAGE__LOCAL__ROOT": "d",
    }
    done = floe(("storage-local",), "check", env=variables)
    [line] = [line for line in done.stdout.splitlines() if "is unknown" in line]
    assert "FLOE_PLUGINS_DISABEL" in line
    assert "Did you mean FLOE_PLUGINS_DISABLE?" in line
    assert done.returncode == 0
    assert floe(("storage-local",), "check", "--strict", env=variables).returncode == 1


def test_nobody_knows_what_is_there_where_plugins_are_switched_off(floe: Any) -> None:
    assert "disables nothing" not in floe((), "--no-plugins", "check", "--disable", "compute:a").stdout


NOTHING = "disables nothing: nothing of that name is installed. Did you mean storage:local?"


@pytest.mark.once
@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("show", "storage:local"),
        ("graph",),
        ("explain", "storage:local"),
        ("health",),
        ("doctor",),
        ("run", "--once"),
        ("config", "show"),
    ],
)
def test_a_switch_that_does_nothing_is_told_by_every_command_once(floe: Any, command: tuple[str, ...]) -> None:
    names, variables = ("storage-local", "secrets-env"), {"FLOE_PLUGINS_DISABEL": "1"}
    wrong = (*command, "--disable", "storage:locl")
    shown = floe(names, *wrong, env=variables)
    lines = [line for line in shown.stderr.splitlines() if "warning" in line]
    assert sum(NOTHING in line for line in lines) == 1
    assert sum("FLOE_PLUGINS_DISABEL is unknown" in line for line in lines) == 1


@pytest.mark.once
@pytest.mark.parametrize("command", ["list", "health"])
def test_a_switch_that_does_nothing_stands_in_the_document_and_quiet_commands_say_nothing(
    floe: Any, command: str
) -> None:
    wrong = (command, "--disable", "storage:locl")
    document = floe(("storage-local",), *wrong, "--json")
    assert document.stderr == ""
    assert len(json.loads(document.stdout)["warnings"]) == 1
    assert floe(("storage-local",), *wrong, "-q").stderr == ""


@pytest.mark.parametrize("text", ["nan", "inf", "1e12", "0", "-1", "soon"])
def test_seconds_are_a_number_that_can_be_waited_for(text: str) -> None:
    with pytest.raises(click.BadParameter, match="must be a number of seconds, more than 0 and at most a year"):
        seconds(text)
    assert seconds("2.5") == 2.5
