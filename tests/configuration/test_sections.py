import pytest

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.configuration.loader import load

FULL = {
    "$schema": "floe.schema.json",
    "registry": {
        "autoload": "none",
        "disable": ["compute:spark", "distribution:acme-floe", "floe.computes:x", "secrets", "floe.catalogs"],
        "only": ["acme", "distribution:other"],
        "required": ["compute:duckdb", "compute:duckdb"],
        "timeouts": {
            "load": 1,
            "configure": 2,
            "startup": 3.5,
            "shutdown": 4,
            "health": 5,
            "compute:slow": {"startup": 90},
        },
        "workers": 4,
    },
    "plugins": {"compute": {"duckdb": {"distribution": "acme", "config_version": 2, "path": "x"}, "other": None}},
}


def issues_of(source):
    with pytest.raises(PluginConfigurationError) as caught:
        load(source, environ={})
    return [(issue.path, issue.rule) for issue in caught.value.errors]


def test_everything_that_a_file_can_say_of_the_registry_is_read():
    configuration = load(FULL, environ={})
    duckdb = PluginRef.parse("compute:duckdb")
    assert configuration.autoload == "none"
    assert configuration.disable == (
        "compute:spark",
        "distribution:acme-floe",
        "compute:x",
        "secrets",
        "catalog",
    )
    assert configuration.only == ("acme", "other")
    assert configuration.required == (duckdb,)
    assert configuration.timeouts == {"load": 1.0, "configure": 2.0, "startup": 3.5, "shutdown": 4.0, "health": 5.0}
    assert configuration.workers == 4
    assert configuration.pins == {duckdb: "acme"}
    assert configuration.plugins[duckdb].config_version == 2
    assert configuration.plugins[duckdb].table == {"path": "x"}


def test_a_plugins_own_deadlines_win():
    configuration = load(FULL, environ={})
    assert configuration.plugin_timeouts[PluginRef.parse("compute:slow")]["startup"] == 90
    assert configuration.timeouts["startup"] == 3.5


@pytest.mark.parametrize(
    ("source", "autoload"), [(None, "all"), ({}, "configured"), ({"registry": None}, "configured")]
)
def test_all_plugins_are_selected_without_a_file_and_the_configured_ones_with_it(source, autoload):
    assert load(source, environ={}).autoload == autoload


@pytest.mark.parametrize(
    ("source", "path", "rule"),
    [
        ({"pluggins": {}}, "pluggins", "unknown_key"),
        ({1: {}}, "[1]", "unknown_key"),
        ({"registry": []}, "registry", "table"),
        ({"plugins": "x"}, "plugins", "table"),
        ({"plugins": {"compute": 3}}, "plugins.compute", "table"),
        ({"plugins": {"compute": {"x": [1]}}}, "plugins.compute.x", "table"),
        ({"plugins": {"computers": {}}}, "plugins.computers", "unknown_category"),
        ({"plugins": {"floe.computes": {}}}, 'plugins."floe.computes"', "unknown_category"),
        ({"plugins": {True: {}}}, "plugins.True", "unknown_category"),
        ({"plugins": {"compute": {"Duck__DB": {}}}}, "plugins.compute.Duck__DB", "name"),
        ({"plugins": {"compute": {1: {}}}}, "plugins.compute[1]", "name"),
        ({"plugins": {"compute": {"x": {"distribution": 3}}}}, "plugins.compute.x.distribution", "type"),
        ({"plugins": {"compute": {"x": {"config_version": 0}}}}, "plugins.compute.x.config_version", "type"),
        ({"plugins": {"compute": {"x": {"config_version": True}}}}, "plugins.compute.x.config_version", "type"),
        ({"registry": {"auto_load": 1}}, "registry.auto_load", "unknown_key"),
        ({"registry": {"autoload": "some"}}, "registry.autoload", "choice"),
        ({"registry": {"autoload": []}}, "registry.autoload", "choice"),
        ({"registry": {"disable": "compute:x"}}, "registry.disable", "type"),
        ({"registry": {"disable": [3]}}, "registry.disable[0]", "type"),
        ({"registry": {"disable": ["compute:x", "acme"]}}, "registry.disable[1]", "ref"),
        ({"registry": {"disable": ["distribution:"]}}, "registry.disable[0]", "ref"),
        ({"registry": {"required": ["duckdb"]}}, "registry.required[0]", "ref"),
        ({"registry": {"only": {"a": 1}}}, "registry.only", "type"),
        ({"registry": {"workers": 0}}, "registry.workers", "type"),
        ({"registry": {"workers": True}}, "registry.workers", "type"),
        ({"registry": {"timeouts": 30}}, "registry.timeouts", "table"),
        ({"registry": {"timeouts": {"loading": 30}}}, "registry.timeouts.loading", "unknown_key"),
        ({"registry": {"timeouts": {"load": 0}}}, "registry.timeouts.load", "seconds"),
        ({"registry": {"timeouts": {"load": "30"}}}, "registry.timeouts.load", "seconds"),
        ({"registry": {"timeouts": {"load": True}}}, "registry.timeouts.load", "seconds"),
        ({"registry": {"timeouts": {"load": 1e300}}}, "registry.timeouts.load", "seconds"),
        ({"registry": {"timeouts": {"load": float("nan")}}}, "registry.timeouts.load", "finite_number"),
        ({"registry": {"timeouts": {"comput:x": {}}}}, 'registry.timeouts."comput:x"', "ref"),
        ({"registry": {"timeouts": {"compute:x": {"load": -1}}}}, 'registry.timeouts."compute:x".load', "seconds"),
    ],
)
def test_each_wrong_value_is_one_issue_with_its_path(source, path, rule):
    assert issues_of(source) == [(path, rule)]


def test_an_issue_in_a_plugins_table_knows_the_plugin():
    with pytest.raises(PluginConfigurationError) as caught:
        load({"plugins": {"compute": {"duckdb": {"a": "${NO}"}}}}, environ={})
    assert caught.value.ref == caught.value.errors[0].ref == PluginRef.parse("compute:duckdb")


def test_references_work_in_the_registrys_settings_too():
    source = {"registry": {"autoload": "${MODE:-all}", "workers": "${N}", "timeouts": {"load": "${SECONDS:-2.5}"}}}
    configuration = load(source, environ={"N": "3"})
    assert (configuration.autoload, configuration.workers, configuration.timeouts) == ("all", 3, {"load": 2.5})
    with pytest.raises(PluginConfigurationError, match="not a valid number of workers"):
        load(source, environ={"N": "three"})


def test_an_issue_does_not_hide_the_others():
    source = {"registry": {"autoload": 1, "workers": 0}, "plugins": {"computers": {}, "compute": {"x": "${NO}"}}}
    assert len(issues_of(source)) == 4


def test_nearest_words_are_offered():
    with pytest.raises(PluginConfigurationError) as caught:
        load({"registry": {"timeout": {}}, "plugins": {"computes": {}}, "plugin": {}}, environ={})
    assert {issue.hint for issue in caught.value.errors} == {
        "Did you mean 'timeouts'?",
        "Did you mean 'compute'?",
        "Did you mean 'plugins'?",
    }
