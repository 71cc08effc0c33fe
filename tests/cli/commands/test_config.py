"""``config``: validate, describe, show and migrate the file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import write_project

WRONG = "plugins: {secrets: {env: {prefx: A}}, storage: {local: {root: 3}}}"


def test_validate_of_a_good_file_says_how_much_was_checked(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    done = floe(reference, "config", "validate", write())
    assert done.returncode == 0
    assert "no issues, 3 plugins checked" in done.stdout


def test_validate_reports_all_issues_at_once_and_exits_2(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    wrong = write(WRONG, "wrong.yaml")
    done = floe(reference, "config", "validate", wrong)
    assert done.returncode == 2
    assert "2 issues" in done.stdout
    assert "prefx" in done.stdout
    issues = json.loads(floe(reference, "config", "validate", "--json", wrong).stdout)["issues"]
    assert [(issue["path"], issue["line"]) for issue in issues] == [
        ("plugins.secrets.env.prefx", 1),
        ("plugins.storage.local.root", 1),
    ]


def test_validate_exits_1_if_a_plugin_cannot_be_loaded_to_check_its_part(floe: Any, write: Callable[..., str]) -> None:
    done = floe(("storage-local", "import-error"), "config", "validate", write("registry: {autoload: all}"))
    assert done.returncode == 1
    assert "libengine" in done.stdout


def test_show_tells_each_value_and_where_it_comes_from(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    shown = floe(
        reference, "config", "show", write(), "--json", env={"FLOE_PLUGINS__STORAGE__LOCAL__ROOT": "elsewhere"}
    )
    settings = {each["path"]: each for each in json.loads(shown.stdout)["settings"]}
    prefix = settings["plugins.secrets.env.prefix"]
    assert prefix["value"] == "APP_"
    assert prefix["origin"].endswith("floe.yaml:6")
    root = settings["plugins.storage.local.root"]
    assert root["value"].endswith("elsewhere")
    assert "FLOE_PLUGINS__STORAGE__LOCAL__ROOT" in root["origin"]
    assert settings["registry.autoload"]["origin"] == "default"


@pytest.mark.parametrize(("root", "hidden"), [("data", False), ("/srv/${DB_PASSWORD}", True)])
def test_show_has_a_column_of_reasons_only_if_something_is_hidden(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str], root: str, *, hidden: bool
) -> None:
    file = write(f"plugins: {{storage: {{local: {{root: '{root}'}}}}}}")
    shown = floe(reference, "config", "show", file, env={"DB_PASSWORD": "hunter2-prod", "COLUMNS": "200"})
    assert ("hidden because" in shown.stdout) is hidden
    assert ("variable DB_PASSWORD" in shown.stdout) is hidden


def test_schema_is_a_json_schema_that_good_files_fit_and_wrong_ones_do_not(
    floe: Any, reference: tuple[str, ...]
) -> None:
    schema = json.loads(floe(reference, "config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"plugins": {"compute": {"duckdb": {"path": "warehouse.duckdb"}}}})
    assert not validator.is_valid({"plugins": {"compute": {"duckdb": {"paht": "warehouse.duckdb"}}}})


@pytest.mark.parametrize(
    ("options", "text"),
    [(("--disable", "secrets"), "{}"), ((), "registry: {disable: [secrets]}"), (("--no-plugins",), "{}")],
)
def test_schema_does_not_import_what_is_disabled(
    modules_after: Any, write: Callable[..., str], options: tuple[str, ...], text: str
) -> None:
    printed, modules = modules_after(("secrets-env",), "config", "schema", "--config", write(text), *options)
    assert "floe_reference_secrets_env" not in modules
    assert "secrets" in json.loads(printed)["properties"]["plugins"]["properties"]


def test_migrate_of_a_file_that_is_up_to_date_prints_it_as_it_is(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    config = write()
    assert floe(reference, "config", "migrate", config).stdout == Path(config).read_text(encoding="utf-8")


def test_migrate_without_a_file_is_wrong_usage(floe: Any) -> None:
    done = floe(("storage-local",), "config", "migrate")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no configuration file" in done.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [(("validate",), 1), (("show",), 1), (("schema",), 1), (("migrate",), 1), (("show", "--json"), 1)],
)
def test_schema_code_that_never_returns_is_reported_as_its_plugins_timeout(
    environment: Any, tmp_path: Path, command: tuple[str, ...], status: int
) -> None:
    code = """
        import time
        from floe_plugins import SecretsPlugin
        from pydantic import BaseModel, model_validator
        class Settings(BaseModel):
            size: int = 1
            @model_validator(mode="before")
            @classmethod
            def hang(cls, data): time.sleep(3600)
            @classmethod
            def model_json_schema(cls, **options): time.sleep(3600)
        class Plugin(SecretsPlugin):
            name = "slow"; version = "1"; floe_api_version = "1.0"; timeouts = {"configure": 0.5}
            config_schema = Settings
            config_version = 2
            def migrate_config(self, old_version, data): time.sleep(3600)
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
    """
    project = write_project(tmp_path / "slow", "floe.secrets", slow=code)
    file = tmp_path / "floe.toml"
    file.write_text("[plugins.secrets.slow]\nsize = 1\n[plugins.secrets.env]\nprefix = 'A_'\n", encoding="utf-8")
    plugins = environment(project, "secrets-env")
    begun = time.monotonic()
    done = plugins.run(["-m", "floe_plugins", "config", *command, "--config", str(file)], check=False)
    assert time.monotonic() - begun < 30
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    text = done.stdout + done.stderr
    assert "did not answer within 0.5 s" in text
    assert "secrets:slow" in text
    if command == ("schema",):
        secrets = json.loads(done.stdout)["properties"]["plugins"]["properties"]["secrets"]["properties"]
        assert "prefix" in secrets["env"]["properties"]
        assert "slow" in secrets


def test_show_hides_secrets_and_says_why(environment: Any, tmp_path: Path) -> None:
    code = """
        from floe_plugins import SecretsPlugin
        from pydantic import BaseModel
        class Settings(BaseModel):
            db_password: str = "hunter2-of-the-year"
        class Plugin(SecretsPlugin):
            name = "vault"; version = "1"; floe_api_version = "1.0"; config_schema = Settings
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
    """
    plugins = environment(write_project(tmp_path / "vault", "floe.secrets", vault=code))
    shown = plugins.run(["-m", "floe_plugins", "config", "show"], env={"COLUMNS": "300"}).stdout
    assert "hidden because" in shown
    [line] = [line for line in shown.splitlines() if "db_password" in line]
    assert line.split() == ["plugins.secrets.vault.db_password", "***", "default", "name", "db_password"]
    settings = plugins.json(["-m", "floe_plugins", "config", "show", "--json"])["settings"]
    assert [each["hidden_because"] for each in settings if "db_password" in each["path"]] == ["name db_password"]
