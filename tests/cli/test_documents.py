"""Every command prints one document that its JSON Schema describes, also when it fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from ruamel.yaml import YAML
from support import write_project

from floe_plugins.cli.main import app

SCHEMAS = {
    file.name: json.loads(file.read_text("utf-8"))
    for file in (files("floe_plugins") / "cli" / "schemas").iterdir()
    if file.name.endswith(".json")
}
NAMES = {"start": "action", "stop": "action", "restart": "action"}
RESOURCES: Any = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())


def validate(document: Any, name: str) -> None:
    """Check a document against a schema, in which no key may be missing."""
    jsonschema.Draft202012Validator(SCHEMAS[f"{name}.json"], registry=RESOURCES).validate(document)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == name


def test_every_command_that_prints_documents_has_a_schema() -> None:
    commands: dict[str, Any] = {name: app.get_command(None, name) for name in app.list_commands(None)}  # type: ignore[arg-type]
    groups = {name: command.commands for name, command in commands.items() if hasattr(command, "commands")}
    names = [name for name in commands if name not in groups]
    names += [f"{group}-{name}" for group, inner in groups.items() for name in inner]
    scripts = {"completion"}
    missing = [name for name in names if f"{NAMES.get(name, name)}.json" not in SCHEMAS and name not in scripts]
    assert missing == []


WORKING = ("storage-local", "secrets-env", "compute-duckdb")


@pytest.mark.parametrize(
    ("command", "schema"),
    [
        (("check",), "check"),
        (("config", "validate"), "config-validate"),
        (("config", "show"), "config-show"),
        (("config", "migrate"), "config-migrate"),
        (("config", "schema"), "config-schema"),
        (("health",), "health"),
        (("list",), "list"),
        (("show", "compute:duckdb"), "show"),
        (("explain", "compute:duckdb"), "explain"),
        (("graph",), "graph"),
        (("doctor", "--start"), "doctor"),
        (("run", "--once", "--timings"), "run-once"),
    ],
)
def test_a_command_that_succeeds_prints_the_document_of_its_schema(
    floe: Any, write: Callable[..., str], command: tuple[str, ...], schema: str
) -> None:
    done = floe(WORKING, *command, "--config", write(), "-o", "json")
    assert done.returncode == 0
    validate(json.loads(done.stdout), schema)


WRONG = "registry: {autoload: all, workers: 0}\nplugins: {secrets: {env: {prefx: A}}}\n"


@pytest.mark.parametrize(
    ("command", "status", "schema"),
    [
        (("check", "-vv"), 1, "check"),
        (("config", "validate"), 2, "config-validate"),
        (("doctor",), 1, "doctor"),
        (("doctor", "compute:none"), 2, "error"),
        (("explain", "secrets:env"), 0, "explain"),
        (("explain", "secrets:env.prefx"), 2, "error"),
        (("explain", "compute:none"), 1, "error"),
        (("graph", "compute:none"), 2, "error"),
        (("config", "show"), 2, "config-show"),
        (("health",), 2, "error"),
        (("run", "--once"), 2, "error"),
        (("check", "compute:none"), 1, "error"),
        (("show", "compute:none"), 2, "error"),
        (("timings",), 1, "error"),
        (("restart", "secrets:env"), 1, "error"),
        (("start", "secrets:env"), 1, "error"),
        (("stop", "secrets:env"), 1, "error"),
        (("list", "--disable", "nonsense"), 2, "error"),
        (("list", "--category", "nonsense"), 2, "error"),
        (("list", "--nonsense"), 2, "error"),
        (("list", "-o", "xml"), 2, "error"),
        (("run", "--serve", "nonsense"), 2, "error"),
        (("nonsense",), 2, "error"),
        (("config",), 2, "error"),
        ((), 2, "error"),
    ],
)
def test_a_command_that_fails_prints_one_document_too(
    floe: Any, write: Callable[..., str], command: tuple[str, ...], status: int, schema: str
) -> None:
    done = floe(("secrets-env", "import-error"), "--json", "--config", write(WRONG), *command)
    assert done.returncode == status
    document = json.loads(done.stdout)
    validate(document, schema)
    if schema == "error":
        assert document["error"]["message"]
        assert ".." not in document["error"]["text"]


def test_a_run_that_fails_ends_with_an_event(floe: Any, write: Callable[..., str]) -> None:
    done = floe(("secrets-env",), "run", "--json", "--config", write(WRONG))
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    for document in documents:
        validate(document, "run")
    assert (done.returncode, documents[-1]["event"]) == (2, "error")
    assert len(documents[-1]["error"]["issues"]) == 2


def test_migrate_without_a_file_is_an_error(floe: Any) -> None:
    done = floe(("storage-local",), "config", "migrate", "--json")
    validate(json.loads(done.stdout), "error")
    assert done.returncode == 2


def test_a_host_that_ended_is_a_document(sudden: Callable[..., Any]) -> None:
    done = sudden("exit 0", "load")("check", "--json")
    document = json.loads(done.stdout)
    validate(document, "error")
    assert (document["error"]["type"], document["error"]["ref"]) == ("HostEnded", "secrets:evil")


def test_a_plugin_that_ends_its_host_is_part_of_the_document_of_doctor(sudden: Callable[..., Any]) -> None:
    document = json.loads(sudden("exit 0", "load")("doctor", "--json").stdout)
    validate(document, "doctor")
    assert {each["ref"] for each in document["problems"]} == {"secrets:evil"}


def test_run_prints_a_document_for_each_event(environment: Any) -> None:
    plugins = environment("storage-local")
    command = [sys.executable, "-m", "floe_plugins", "run", "--json", "--no-socket"]
    with subprocess.Popen(
        command, env=plugins.variables(), cwd=plugins.home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.send_signal(signal.SIGTERM)
        lines += process.stdout.readlines()
    documents = [json.loads(line) for line in lines]
    for document in documents:
        validate(document, "run")
    assert [each["event"] for each in documents] == ["startup", "health", "shutdown"]


def test_a_command_that_was_interrupted_prints_a_document(environment: Any, tmp_path: Path) -> None:
    code = """
        import pathlib, threading
        pathlib.Path("loading").touch()
        threading.Event().wait(60)
    """
    plugins = environment(write_project(tmp_path / "slow", "floe.secrets", slow=code))
    command = [sys.executable, "-m", "floe_plugins", "check", "--json"]
    with subprocess.Popen(
        command, env=plugins.variables(), cwd=plugins.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (plugins.home / "loading").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate()
    document = json.loads(printed)
    validate(document, "error")
    assert (process.returncode, document["error"]["type"]) == (128 + signal.SIGINT, "Interrupted")


def test_yaml_has_the_data_of_json_and_no_control_characters(floe: Any, write: Callable[..., str]) -> None:
    file = write('plugins: {storage: {local: {root: "a\\u001b[2Jb: \\u202e#c"}}}')
    command = ("config", "show", "--config", file)
    as_yaml = floe(("storage-local",), *command, "-o", "yaml").stdout
    as_json = json.loads(floe(("storage-local",), *command, "-o", "json").stdout)
    found = YAML(typ="safe", pure=True).load(as_yaml)
    assert [each["path"] for each in found["settings"]] == [each["path"] for each in as_json["settings"]]
    assert [*found] == [*as_json]
    assert any("\x1b[2J" in str(each["value"]) for each in found["settings"])
    assert as_yaml.replace("\n", "").isascii()
    assert as_yaml.replace("\n", "").isprintable()


def test_errors_are_yaml_where_that_is_asked_for(floe: Any) -> None:
    for arguments in (("-o", "yaml", "timings"), ("timings", "-oyaml", "--nonsense")):
        document = YAML(typ="safe", pure=True).load(floe((), *arguments).stdout)
        validate(document, "error")


def test_without_its_library_yaml_is_refused_in_one_line(environment: Any) -> None:
    done = environment("storage-local").run(
        """
        import sys
        sys.modules["ruamel.yaml"] = None
        sys.argv = ["floe-plugins", "list", "-o", "yaml"]
        from floe_plugins.__main__ import main
        main()
    """,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'floe-plugins[yaml]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_and_another_format_contradict_each_other(floe: Any) -> None:
    done = floe((), "list", "--json", "-o", "table")
    assert done.returncode == 2
    assert "either --json or --output" in done.stderr


def test_wide_tables_have_all_columns_on_one_line(floe: Any, write: Callable[..., str]) -> None:
    file = write("plugins: {storage: {local: {root: " + "x" * 300 + "}}}")
    shown = floe(("storage-local",), "config", "show", file, "-o", "wide", env={"COLUMNS": "60"}).stdout
    [line] = [line for line in shown.splitlines() if "plugins.storage.local.root" in line]
    assert "x" * 300 in line
    assert f"{file}:1" in line


@pytest.mark.once
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("list",), ("why", "class at", "configured", "health_check", "plugin.py:", "floe_reference_storage_local:")),
        (("check",), ("load s", "class at", "health_check", "plugin.py:", "floe_reference_storage_local:")),
        (("health",), ("asked at", "details", "its own", "free_bytes=", "floe-reference-storage-local")),
        (("doctor", "--start"), ("start s", "total s", "brought", "floe_reference_storage_local", "site")),
    ],
    ids=lambda value: value[0],
)
def test_wide_tables_tell_more(floe: Any, write: Callable[..., str], command: Any, shown: Any) -> None:
    arguments = (*command, "--config", write(STORAGE))
    narrow, wide = (floe(("storage-local",), *arguments, *more).stdout for more in ((), ("-o", "wide")))
    row = wide.splitlines()[1]
    assert row.startswith("storage:local")
    for text in shown:
        assert text in wide
    assert shown[0] not in narrow


STORAGE = "plugins: {storage: {local: {root: data}}}\n"


@pytest.mark.once
@pytest.mark.parametrize("command", ["list", "check", "health", "doctor", "run", "graph"])
def test_the_configuration_in_force_is_always_named(floe: Any, write: Callable[..., str], command: str) -> None:
    arguments = (command, "--once") if command == "run" else (command,)
    file = write(STORAGE)
    assert f"\nconfiguration: {file}\n" in floe(("storage-local",), *arguments, "--config", file).stdout
    assert json.loads(floe(("storage-local",), *arguments, "--config", file, "--json").stdout)["configuration"] == file
    assert "\nconfiguration: none (no floe.toml, " in floe(("storage-local",), *arguments).stdout
