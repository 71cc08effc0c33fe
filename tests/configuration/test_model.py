import pickle

import attrs
import pytest

from floe_plugins import Configuration, PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.model import normalize_key, normalize_ref
from floe_plugins.configuration.settings import PluginSettings

REF = PluginRef.parse("compute:duckdb")
DASHED, UNDERSCORED = PluginRef.parse("compute:my-duck"), PluginRef.parse("compute:my_duck")


@pytest.mark.parametrize(("key", "normalized"), [("path", "path"), ("Max-Size", "max_size"), ("A_B-c", "a_b_c")])
def test_keys_are_compared_in_lower_case_and_with_underscores(key, normalized):
    assert normalize_key(key) == normalized


def test_a_normalized_ref_keeps_its_category():
    assert normalize_ref(DASHED) == normalize_ref(UNDERSCORED) == UNDERSCORED


def test_a_configuration_can_be_pickled(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text("[plugins.compute.duckdb]\npath = 'x'\n", "utf-8")
    configuration = load(file, environ={"FLOE_PLUGINS__COMPUTE__DUCKDB__POOL": "3"})
    copy = pickle.loads(pickle.dumps(configuration))  # noqa: S301 our own
    assert copy == configuration
    assert copy.plugins[REF].table == {"path": "x"}


def test_a_configuration_is_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Configuration().autoload = "none"


def test_configurations_are_equal_if_their_settings_are_whatever_file_they_come_from():
    assert Configuration() == Configuration()
    assert Configuration(workers=2) != Configuration()


def test_the_repr_contains_refs_and_no_values():
    configuration = Configuration(plugins={REF: PluginSettings(table={"password": "hunter2"})})
    assert "<compute:duckdb>" in repr(configuration)
    assert "hunter2" not in repr(configuration)


def test_as_a_dict_it_contains_the_names_of_settings_and_no_values():
    source = {"plugins": {"compute": {"duckdb": {"path": "x", "distribution": "acme"}}}}
    described = load(source, environ={"FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__SIZE": "3"}).to_dict()
    assert described["plugins"] == {
        "compute:duckdb": {"distribution": "acme", "config_version": None, "settings": ["path", "pool"]}
    }
    assert "source" not in described


def test_pins_are_the_distributions_of_plugins_that_state_one():
    plugins = {REF: PluginSettings(distribution="acme"), DASHED: PluginSettings(table={"a": 1})}
    assert Configuration(plugins=plugins).pins == {REF: "acme"}


def test_a_plugin_that_is_not_mentioned_has_empty_settings():
    assert Configuration().settings(REF) == PluginSettings()


def test_a_plugin_with_a_dash_in_its_name_gets_the_settings_of_variables():
    configuration = load(None, environ={"FLOE_PLUGINS__COMPUTE__MY_DUCK__PATH": "x"})
    assert [variable.text for variable in configuration.settings(DASHED).variables.values()] == ["x"]


def test_a_plugin_with_a_dash_in_its_name_does_not_get_the_table_of_the_one_with_an_underscore():
    configuration = load({"plugins": {"compute": {"my_duck": {"a": 1}}}}, environ={})
    assert configuration.settings(DASHED).table == {}


def test_settings_from_variables_are_stored_under_the_known_ref_that_they_match():
    environ = {"FLOE_PLUGINS__COMPUTE__MY_DUCK__DISTRIBUTION": "acme", "FLOE_PLUGINS__COMPUTE__A_B_C__X": "1"}
    configuration = load({"plugins": {"secrets": {"env": {"a": 1}}}}, environ=environ)
    known = [DASHED, *map(PluginRef.parse, ("compute:a-b_c", "compute:a_b-c", "secrets:env"))]
    aligned = configuration.aligned(known)
    assert [str(ref) for ref in aligned.plugins] == ["secrets:env", "compute:a_b_c", "compute:my-duck"]
    assert aligned.pins == {DASHED: "acme"}
    assert aligned.aligned(known) is aligned


def test_names_in_a_file_do_not_change():
    configuration = load({"plugins": {"compute": {"my_duck": {"a": 1}}}}, environ={})
    assert configuration.aligned([DASHED]) is configuration


def test_arguments_are_added_to_a_copy():
    configuration = Configuration(plugins={REF: PluginSettings(table={"path": "a"})})
    changed = configuration.with_arguments(REF, {"path": "x"}).plugins[REF]
    assert (changed.table, changed.arguments) == ({"path": "a"}, {"path": "x"})
    assert configuration.plugins[REF].arguments == {}
