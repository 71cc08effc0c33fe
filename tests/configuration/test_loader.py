import re
import time
from pathlib import Path

import pytest

from floe_plugins import Configuration, PluginConfigurationError, PluginRef
from floe_plugins.configuration.loader import load, not_installed

GUIDE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
DUCK = PluginRef.parse("compute:duckdb")


def test_the_file_in_the_guide_loads(tmp_path):
    file = tmp_path / "floe.toml"
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    file.write_text(example, "utf-8")
    configuration = load(file, environ={})
    assert configuration.plugins[DUCK].table == {"path": "/var/lib/floe/warehouse.duckdb"}
    assert configuration.plugin_timeouts[PluginRef.parse("compute:slow")]["startup"] == 120


def test_the_process_environment_counts_unless_another_is_given(monkeypatch):
    monkeypatch.setenv("FLOE_PLUGINS__COMPUTE__DUCKDB__PATH", "x")
    assert DUCK in load().plugins
    assert load(environ={}).plugins == {}


def test_a_configuration_is_returned_as_it_is():
    configuration = Configuration(autoload="none")
    assert load(configuration, environ={"FLOE_PLUGINS__NONSENSE": "x"}) is configuration


def test_a_path_may_be_text_or_a_path(tmp_path):
    file = tmp_path / "floe.json"
    file.write_text('{"registry": {"workers": 2}}', "utf-8")
    assert load(file, environ={}) == load(str(file), environ={})


def test_collected_issues_leave_the_rest_readable():
    source = {"registry": {"workers": 0, "autoload": "all"}, "plugins": {"compute": {"duckdb": {"a": 1, "b": "${NO}"}}}}
    configuration = load(source, environ={}, collect=True)
    assert [issue.path for issue in configuration.issues] == ["plugins.compute.duckdb.b", "registry.workers"]
    assert (configuration.autoload, configuration.workers) == ("all", None)
    with pytest.raises(PluginConfigurationError):
        load(source, environ={})


def test_a_file_that_cannot_be_read_is_raised_also_where_issues_are_collected(tmp_path):
    with pytest.raises(PluginConfigurationError):
        load(tmp_path / "floe.toml", collect=True)


@pytest.mark.parametrize(
    ("rule", "source", "environ"),
    [
        ("missing_variable", {"plugins": {"compute": {"x": {"a": ["${NO}"]}}}}, {}),
        ("too_many", {"plugins": {"compute": {"x": {"a": "${A}" * 2_000}}}}, {"A": ""}),
        ("too_long", {"plugins": {"compute": {"x": {"a": ["${A}"] * 140}}}}, {"A": "x" * 30_000}),
        ("reference", {"plugins": {"compute": {"x": {"a": "${"}}}}, {}),
        ("too_long", {"plugins": {"compute": {"x": {"a": "${A}${A}"}}}}, {"A": "x" * 40_000}),
    ],
)
def test_a_wrong_reference_is_one_issue_that_names_the_key(rule, source, environ):
    with pytest.raises(PluginConfigurationError) as caught:
        load(source, environ=environ)
    (issue,) = caught.value.errors
    assert issue.rule == rule
    assert issue.path.startswith("plugins.compute.x.a")


def test_a_required_plugin_that_is_not_installed_is_named(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text('[registry]\nrequired = ["compute:quack"]\n', "utf-8")
    (issue,) = not_installed(load(file, environ={}), [DUCK])
    assert (issue.path, issue.line, issue.ref) == ("registry.required", 2, PluginRef.parse("compute:quack"))


def test_a_plugin_that_only_a_variable_mentions_is_named_with_the_variable():
    name = "FLOE_PLUGINS__COMPUTE__QUACK__PATH"
    (issue,) = not_installed(load(None, environ={name: "x"}), [DUCK])
    assert issue.variable == name


def test_a_hint_names_a_distribution_only_if_it_is_pinned_and_none_where_plugins_are_switched_off():
    table = {"plugins": {"compute": {"quack": {"distribution": "acme-quack"}, "quick": {}}}}
    pinned, free = not_installed(load(table, environ={}), [])
    assert pinned.hint == "Install acme-quack"
    assert free.hint == "Install a distribution with an entry point 'quick' in the group floe.computes"
    for issue in not_installed(load(table, environ={}), [], switched_off=True):
        assert issue.rule == "switched_off"
        assert "nstall " not in str(issue)


def test_very_many_plugins_that_are_not_installed_are_found_at_once():
    tables = {f"plugix{number}": {"a": 1} for number in range(20_000)}
    known = [PluginRef.parse(f"compute:plugin{number}") for number in range(100)]
    begun = time.process_time()
    issues = not_installed(load({"plugins": {"compute": tables}}, environ={}), known)
    assert time.process_time() - begun < 20
    assert len(issues) == 20_000
    assert "Did you mean" in issues[0].hint
