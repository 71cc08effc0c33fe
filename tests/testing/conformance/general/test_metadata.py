"""A correct plugin keeps every rule about metadata, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

from typing import Any

import conformance_plugins as faulty
import pytest
from conformance_plugins import Good, GoodConformance
from conformance_suite import conformance
from support import named

from floe_plugins.testing.conformance.general.metadata import MetadataRules
from floe_plugins.testing.conformance.runner import rules, run

FAULTY: dict[str, type[Any]] = {
    "test_a_registry_takes_the_plugin": faulty.NotAName,
    "test_the_version_is_a_version": faulty.NotAVersion,
    "test_the_api_version_is_one_of_this_platform": faulty.OddApiVersion,
    "test_metadata_are_literals": faulty.ComputedVersion,
    "test_metadata_are_those_of_the_source": faulty.SaysOtherwise,
    "test_metadata_stay_the_same": faulty.Changing,
    "test_the_description_is_one_line": faulty.Verbose,
    "test_it_does_not_depend_on_itself": faulty.OnItself,
    "test_hooks_are_plain_methods": faulty.StaticHook,
    "test_hooks_take_what_callers_pass": faulty.FewerArguments,
    "test_no_method_is_named_almost_like_a_hook": faulty.NearlyAHook,
}


def broken(plugin: type[Any]) -> dict[str, str]:
    result = run(conformance(GoodConformance, plugin), rules(MetadataRules))
    return {name: error.seen for name, error in result.failed.items()}


def test_a_correct_plugin_keeps_every_rule() -> None:
    result = run(GoodConformance, rules(MetadataRules))
    assert (dict(result.failed), dict(result.skipped)) == ({}, {})


@pytest.mark.parametrize("rule", rules(MetadataRules))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(FAULTY[rule])) == [rule]


def test_a_plugin_may_depend_on_its_category() -> None:
    plugin = named("a", Good, dependencies=("secrets",))
    assert "test_it_does_not_depend_on_itself" not in broken(plugin)


def test_a_newer_api_is_refused_by_one_rule() -> None:
    assert list(broken(faulty.Newer)) == ["test_a_registry_takes_the_plugin"]


def test_a_method_that_is_named_like_no_hook_is_the_plugins_own() -> None:
    assert broken(faulty.More) == {}
