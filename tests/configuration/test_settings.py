import attrs
import pytest

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.settings import EMPTY_SETTINGS, PluginSettings, Variable

REF = PluginRef.parse("compute:duckdb")
SECRET = "hunter2"  # noqa: S105 no real one


def test_the_repr_contains_no_value_of_any_source():
    settings = PluginSettings(
        table={"password": SECRET},
        variables={("password",): Variable("FLOE_PLUGINS__COMPUTE__DUCKDB__PASSWORD", SECRET)},
        arguments={"password": SECRET},
        distribution="acme",
    )
    assert SECRET not in repr(settings)
    assert SECRET not in repr(settings.variables["password",])
    assert "acme" in repr(settings)


def test_settings_are_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        EMPTY_SETTINGS.distribution = "acme"


def test_each_source_has_a_field_of_its_own_and_reserved_keys_are_not_in_the_table():
    source = {"plugins": {"compute": {"duckdb": {"path": "${DIR}", "config_version": 2, "distribution": "acme"}}}}
    environ = {"DIR": "x", "FLOE_PLUGINS__COMPUTE__DUCKDB__POOL": "3"}
    settings = load(source, environ=environ).settings(REF)
    assert (settings.table, settings.config_version, settings.distribution) == ({"path": "x"}, 2, "acme")
    assert {path: variable.text for path, variable in settings.variables.items()} == {("pool",): "3"}
    assert settings.environment_paths == {("path",)}
    assert settings.arguments == {}


def test_paths_of_secrets_and_issues_are_relative_to_the_plugin():
    source = {"plugins": {"compute": {"duckdb": {"a": "${DB_PASSWORD}", "b": ["${GONE}"]}}}}
    settings = load(source, environ={"DB_PASSWORD": SECRET}, collect=True).settings(REF)
    assert set(settings.secret_values) == {("a",)}
    assert settings.paths_with_issues == {("b", 0)}
