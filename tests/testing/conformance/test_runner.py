from __future__ import annotations

from typing import Any

from support import Secrets

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule
from floe_plugins.testing.conformance.runner import rules, run


class Base(Case):
    plugin = Secrets

    @rule("pass")
    def test_first(self) -> None:
        """It holds."""


class Derived(Base):
    calls: list[Any] = []  # noqa: RUF012

    def setup_method(self) -> None:
        self.calls.append(self)

    def teardown_method(self) -> None:
        self.calls.append(None)

    @rule("pass")
    def test_second(self) -> None:
        """It fails."""
        self.broken("as it does")

    @rule("pass")
    def test_third(self) -> None:
        """It does not apply."""
        self.skip("not here")


def test_rules_are_found_by_name_and_without_those_of_a_base_class() -> None:
    assert list(rules(Derived)) == ["test_first", "test_second", "test_third"]
    assert list(rules(Derived, without=Base)) == ["test_second", "test_third"]
    assert rules(Derived)["test_second"].wanted == "It fails."


def test_each_rule_passes_fails_or_is_skipped() -> None:
    result = run(Derived)
    assert result.passed == ("test_first",)
    assert {name: error.seen for name, error in result.failed.items()} == {"test_second": "as it does"}
    assert result.skipped == {"test_third": "not here"}


def test_each_rule_has_an_instance_of_its_own_that_is_set_up_and_torn_down() -> None:
    Derived.calls.clear()
    run(Derived, ["test_first", "test_second"])
    first, after_first, second, after_second = Derived.calls
    assert first is not second
    assert after_first is after_second is None
