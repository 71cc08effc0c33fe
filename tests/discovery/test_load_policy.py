"""The load policy: what arguments, environment and configuration allow to be loaded."""

from __future__ import annotations

import pytest

from floe_plugins import Candidate, Distribution, PluginConfigurationError, PluginRef
from floe_plugins.discovery.load_policy import LoadPolicy, Rule

DUCKDB = Candidate(PluginRef.parse("compute:duckdb"), "m:C", Distribution("Acme.Floe", "1.0", "/site/acme.dist-info"))


def policy(**environ: str) -> LoadPolicy:
    return LoadPolicy.from_environ({f"FLOE_PLUGINS_{name.upper()}": value for name, value in environ.items()})


@pytest.mark.parametrize("text", ["1", "true", "Yes", " on ", "all"])
def test_autoload_switched_on_means_all(text: str) -> None:
    assert policy(autoload=text).autoload == "all"


def test_autoload_takes_the_configurations_word() -> None:
    assert policy(autoload="configured").autoload == "configured"


@pytest.mark.parametrize("variable", ["autoload", "strict", "disable", "only"])
def test_an_empty_variable_says_nothing(variable: str) -> None:
    assert policy(**{variable: " "}) == LoadPolicy()


@pytest.mark.parametrize(("text", "strict"), [("1", True), ("on", True), ("0", False), ("FALSE", False)])
def test_strict_is_on_or_off(text: str, *, strict: bool) -> None:
    assert policy(strict=text).strict is strict


@pytest.mark.parametrize(
    ("variable", "text"),
    [("autoload", "2"), ("autoload", "maybe"), ("strict", "maybe"), ("disable", "1"), ("disable", "nonsense:x")],
)
def test_a_value_without_meaning_is_an_error_that_names_the_variable(variable: str, text: str) -> None:
    with pytest.raises(PluginConfigurationError, match=f"FLOE_PLUGINS_{variable.upper()}"):
        policy(**{variable: text})


@pytest.mark.parametrize("text", ["0", "false", "", " , ", "no"])
def test_disable_switched_off_disables_nothing(text: str) -> None:
    assert policy(disable=text).disable == ()


def test_the_environment_wins_over_the_configuration_and_both_may_disable() -> None:
    configured = LoadPolicy.from_configuration("none", ("compute:spark",), ("acme-floe",))
    merged = policy(autoload="1", disable="secrets", only="x").merged(configured)
    assert (merged.autoload, merged.only) == ("all", frozenset({"x"}))
    assert {rule.text for rule in merged.disable} == {"compute:spark", "secrets"}


def test_the_configuration_counts_where_the_environment_says_nothing() -> None:
    configured = LoadPolicy.from_configuration("configured", (), None)
    assert LoadPolicy.from_environ({}).merged(configured) == LoadPolicy(autoload="configured")


def test_a_wrong_rule_in_the_configuration_names_its_place() -> None:
    with pytest.raises(PluginConfigurationError, match=r"registry\.disable: .*nonsense"):
        LoadPolicy.from_configuration(None, ("nonsense",), None)


def test_switching_strict_off_in_the_environment_wins() -> None:
    assert LoadPolicy(strict=False).merged(LoadPolicy(strict=True)).strict is False


def test_an_unknown_autoload_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="autoload"):
        LoadPolicy.create(autoload="some")


@pytest.mark.parametrize("text", ["", "compute:", "compute:Upper", "distribution:", "computes"])
def test_a_rule_of_no_known_form_says_what_is_expected(text: str) -> None:
    expected = r"; expected a ref \(compute:\w+\), a category \(compute\) or distribution:NAME$"
    with pytest.raises(ValueError, match=expected):
        Rule.parse(text, "here")


@pytest.mark.parametrize(
    "text", ["compute:duckdb", "floe.computes:duckdb", "compute", "floe.computes", "distribution:acme_floe"]
)
def test_a_rule_matches_a_plugin_by_ref_category_or_distribution(text: str) -> None:
    assert Rule.parse(text, "here").matches(DUCKDB)


@pytest.mark.parametrize("text", ["compute:spark", "storage:duckdb", "storage", "distribution:acme"])
def test_a_rule_matches_no_other_plugin(text: str) -> None:
    assert not Rule.parse(text, "here").matches(DUCKDB)


def test_a_policy_gives_the_reason_why_a_plugin_is_disabled() -> None:
    assert LoadPolicy().disabled_reason(DUCKDB) is None
    assert LoadPolicy(autoload="none").disabled_reason(DUCKDB) == "disabled: autoload is off"
    by_rule = LoadPolicy.create(disable=["compute"], origin="the test")
    assert by_rule.disabled_reason(DUCKDB) == "disabled by 'compute' in the test"
    allowed = LoadPolicy.create(only=["acme-floe"])
    assert allowed.disabled_reason(DUCKDB) is None
    other = LoadPolicy.create(only=["other"])
    assert other.disabled_reason(DUCKDB) == "disabled: Acme.Floe is not in the list of allowed distributions"


def test_a_rule_that_is_given_twice_counts_once() -> None:
    rule = LoadPolicy.create(disable=["compute"], origin="here")
    assert rule.merged(rule).disable == rule.disable


def test_a_wrong_mode_is_told_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"no autoload mode 'some'; expected one of all, configured, none$"):
        LoadPolicy.create(autoload="some")
    with pytest.raises(PluginConfigurationError) as caught:
        policy(autoload="some")
    assert caught.value.message == (
        "FLOE_PLUGINS_AUTOLOAD is neither on (1, true, yes, on) nor off (0, false, no, off), "
        "nor one of all, configured, none"
    )
    assert caught.value.hint == "Correct the variable or unset it."
