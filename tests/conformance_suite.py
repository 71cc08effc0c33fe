"""What the tests of the conformance suite share: run rules on a plugin, and find the rules that it breaks."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from floe_plugins.testing import PluginConformance
from floe_plugins.testing.conformance.runner import Result, rules, run

# What the operators of filters mean.
OPERATORS: dict[str, Any] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, values: value in values,
}


def conformance(base: type[Any], plugin: type[Any], **attributes: Any) -> type[Any]:
    """A conformance class for a plugin."""
    return type(f"Test{plugin.__name__}", (base,), {"plugin": plugin, **attributes})


def own_rules(cls: type[Any]) -> list[str]:
    """The rules that a category adds to those of all plugins."""
    return sorted(rules(cls, without=PluginConformance))


def check(cls: type[Any], names: Iterable[str] | None = None) -> Result:
    """What comes of some rules, by default of those of the class's category."""
    return run(cls, own_rules(cls) if names is None else names)


def broken(cls: type[Any], names: Iterable[str] | None = None) -> dict[str, str]:
    """The rules that a plugin breaks, by default of its category, and what was seen."""
    return {name: error.seen for name, error in check(cls, names).failed.items()}


class RulesOfNewerApi:
    """The tests of rules that a newer API adds to a category, for the test module that names their plugins."""

    new: type[Any]  # the conformance class of a correct plugin of the newer API
    old: type[Any]  # of one of the older
    faulty: Mapping[str, type[Any]]  # for each rule a plugin that breaks it alone
    attributes: Mapping[str, Mapping[str, Any]] = {}  # of the conformance class, for some of these rules

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "rule" in metafunc.fixturenames:
            metafunc.parametrize("rule", self.faulty)

    def test_a_correct_plugin_keeps_every_rule_and_they_all_apply(self) -> None:
        result = check(self.new)
        assert (dict(result.failed), [name for name in result.skipped if name in self.faulty]) == ({}, [])

    def test_a_plugin_of_the_older_api_is_not_asked(self) -> None:
        result = check(self.old, self.faulty)
        assert (dict(result.failed), set(result.skipped)) == ({}, set(self.faulty))

    def test_a_faulty_plugin_breaks_exactly_its_own_rule(self, rule: str) -> None:
        cls = conformance(self.new, self.faulty[rule], **self.attributes.get(rule, {}))
        assert list(broken(cls, self.faulty)) == [rule]
