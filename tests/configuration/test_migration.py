import logging
import sys

import pytest
from pydantic import BaseModel

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.validation import validate_and_log, validate_settings

REF = PluginRef.parse("compute:duckdb")


class Duck(BaseModel):
    location: str
    threads: int = 1


class Plugin:
    """Version 1 had ``file``, version 2 ``path``, version 3 has ``location``."""

    config_schema = Duck
    config_version = 3

    @classmethod
    def migrate_config(cls, old_version, data):
        new, old = {1: ("path", "file"), 2: ("location", "path")}[old_version]
        data[new] = data.pop(old)
        return data


def configured(table, **environ):
    prefix = "FLOE_PLUGINS__COMPUTE__DUCKDB__"
    return load({"plugins": {"compute": {"duckdb": table}}}, environ={prefix + k: v for k, v in environ.items()})


def issue_of(table, plugin=Plugin):
    model, (issue,) = validate_and_log(configured(table), REF, plugin, "acme-duck 3.0")
    assert model is None
    return issue


@pytest.mark.parametrize(
    "table",
    [
        {"file": "x", "threads": 2},
        {"config_version": 1, "file": "x", "threads": 2},
        {"config_version": 2, "path": "x", "threads": 2},
        {"config_version": 3, "location": "x", "threads": 2},
    ],
)
def test_settings_of_every_version_are_brought_up_to_date_step_by_step(table):
    assert validate_and_log(configured(table), REF, Plugin, None) == (Duck(location="x", threads=2), [])


def test_the_warning_says_how_to_update_the_file(caplog):
    with caplog.at_level(logging.WARNING, "floe_plugins"):
        validate_and_log(configured({"config_version": 2, "path": "x"}), REF, Plugin, None)
    assert [record.name for record in caplog.records] == ["floe_plugins"]
    assert caplog.messages == [
        (
            "plugins.compute.duckdb was migrated from configuration version 2 to 3 for this run. "
            'In the file, write config_version = 3, location = "x"; remove path'
        )
    ]


def test_the_warning_names_the_file(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text("[plugins.compute.duckdb]\nfile = 'x'\n", "utf-8")
    (notice,) = validate_settings(load(file, environ={}), REF, Plugin, None).warnings
    assert notice.startswith(f"plugins.compute.duckdb ({file}) was migrated from configuration version 1")


def test_settings_that_are_up_to_date_give_no_warning(caplog):
    validate_and_log(configured({"config_version": 3, "location": "x"}), REF, Plugin, None)
    assert caplog.messages == []


def test_settings_in_the_current_version_that_do_not_state_it_are_accepted_with_a_warning(caplog):
    model, issues = validate_and_log(configured({"location": "x"}), REF, Plugin, None)
    assert (model, issues) == (Duck(location="x"), [])
    assert caplog.messages == ["plugins.compute.duckdb: add config_version = 3, its current version"]


def test_an_old_table_that_is_valid_without_migration_is_still_migrated():
    class Meaning:
        config_schema = Duck
        config_version = 2

        @staticmethod
        def migrate_config(_old_version, data):
            return {**data, "threads": 64}

    model, _ = validate_and_log(configured({"location": "x"}), REF, Meaning, None)
    assert model == Duck(location="x", threads=64)


def test_nothing_is_migrated_without_a_table_in_the_file():
    model, issues = validate_and_log(
        load(None, environ={"FLOE_PLUGINS__COMPUTE__DUCKDB__LOCATION": "x"}), REF, Plugin, None
    )
    assert (model, issues) == (Duck(location="x"), [])


def test_the_environment_and_arguments_have_the_current_version():
    model, issues = validate_and_log(configured({"file": "x"}, LOCATION="y"), REF, Plugin, None, {"threads": 5})
    assert (model, issues) == (Duck(location="y", threads=5), [])


def test_settings_that_are_newer_than_the_plugin_are_an_error():
    issue = issue_of({"config_version": 4, "location": "x"})
    assert (issue.rule, issue.path) == ("newer_version", "plugins.compute.duckdb.config_version")
    assert "config_version 4, but the plugin supports at most 3" in issue.message


def test_a_step_that_fails_is_an_error_that_names_the_step():
    issue = issue_of({"config_version": 2, "paht": "x"})
    assert (issue.rule, issue.path) == ("migration", "plugins.compute.duckdb")
    assert "from version 2 to 3: migrate_config raised KeyError" in issue.message


def test_a_step_that_fails_on_a_table_without_version_says_how_to_state_one():
    assert "Set config_version = 3" in issue_of({"locatoin": "x"}).hint


def test_an_issue_after_the_last_step_refers_to_the_current_version():
    issue = issue_of({"config_version": 2, "path": "x", "threads": "many"})
    assert (issue.rule, issue.path) == ("int_parsing", "plugins.compute.duckdb.threads")


def test_a_key_that_an_older_version_had_may_have_been_removed():
    issue = issue_of({"config_version": 3, "location": "x", "encryption": 1})
    assert issue.hint == "It may have been removed: version 3 of the plugin's configuration has no such key"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda _version, _data: None, "migrate_config returned NoneType, not a dict"),
        (lambda _version, _data: 1 / 0, "migrate_config raised ZeroDivisionError"),
        (lambda _version, _data: sys.exit(3), "migrate_config raised SystemExit"),
        (
            lambda _version, _data: (_ for _ in ()).throw(NotImplementedError),
            "the plugin does not support this migration",
        ),
    ],
)
def test_whatever_a_step_does_wrong_is_an_error(step, said):
    plugin = type("P", (), {"config_schema": Duck, "config_version": 2, "migrate_config": staticmethod(step)})
    assert said in issue_of({"config_version": 1, "path": "x"}, plugin).message


def test_steps_get_a_copy():
    configuration = configured({"config_version": 1, "file": "x"})
    for _ in range(2):
        assert validate_and_log(configuration, REF, Plugin, None)[1] == []
