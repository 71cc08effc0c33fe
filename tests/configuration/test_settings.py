import pickle

import attrs
import pytest

from floe_plugins import Configuration, PluginRef
from floe_plugins.configuration import load

REF = PluginRef.parse("compute:duckdb")


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


def test_loading_a_configuration_gives_it_back():
    configuration = Configuration(autoload="none")
    assert load(configuration, environ={"FLOE_PLUGINS__NONSENSE": "x"}) is configuration


def test_as_json_it_names_settings_and_shows_no_value():
    described = load({"plugins": {"compute": {"duckdb": {"path": "x", "distribution": "acme"}}}}, environ={}).to_dict()
    assert described["plugins"] == {
        "compute:duckdb": {"distribution": "acme", "config_version": None, "settings": ["path"]}
    }


def test_variables_are_filed_under_the_known_ref_that_they_fit():
    environ = {"FLOE_PLUGINS__COMPUTE__MY_DUCK__DISTRIBUTION": "acme", "FLOE_PLUGINS__COMPUTE__A_B_C__X": "1"}
    configuration = load({"plugins": {"secrets": {"env": {"a": 1}}}}, environ=environ)
    known = [PluginRef.parse(text) for text in ("compute:my-duck", "compute:a-b_c", "compute:a_b-c", "secrets:env")]
    aligned = configuration.aligned(known)
    assert [str(ref) for ref in aligned.plugins] == ["secrets:env", "compute:a_b_c", "compute:my-duck"]
    assert aligned.pins == {known[0]: "acme"}
    assert aligned.aligned(known) is aligned


def test_a_name_with_a_dash_does_not_get_the_table_of_its_twin():
    configuration = load({"plugins": {"compute": {"my_duck": {"a": 1}}}}, environ={})
    assert configuration.settings(PluginRef.parse("compute:my-duck")).table == {}


def test_names_in_a_file_stay_as_they_are_written():
    configuration = load({"plugins": {"compute": {"my_duck": {"a": 1}}}}, environ={})
    assert configuration.aligned([PluginRef.parse("compute:my-duck")]) is configuration


def test_arguments_make_a_copy():
    configuration = Configuration()
    assert configuration.with_arguments(REF, {"path": "x"}).plugins[REF].arguments == {"path": "x"}
    assert configuration.plugins == {}
