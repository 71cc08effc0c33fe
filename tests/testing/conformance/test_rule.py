from __future__ import annotations

import pickle

import pytest

from floe_plugins.testing import ContractError
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import error_text, rule, rule_of, shown


class Example(Case):
    plugin = dict

    @rule(
        """
        def answer(self):
            return 42
        """
    )
    def test_answer(self) -> None:
        """The answer
        is 42.

        Which everybody knows.
        """
        self.broken("it is 41\x1b[2J")


def test_a_rule_is_its_sentence_its_example_and_its_name() -> None:
    found = rule_of(Example.test_answer)
    assert found is not None
    assert (found.name, found.wanted) == ("test_answer", "The answer is 42.")
    assert found.example == "def answer(self):\n    return 42"
    assert rule_of(Example.settings) is None


def test_a_failure_says_what_is_wanted_what_was_seen_and_what_is_right() -> None:
    with pytest.raises(ContractError) as caught:
        Example().test_answer()
    assert str(caught.value).splitlines() == [
        "builtins:dict breaks its contract.",
        "  Wanted: The answer is 42.",
        r"  Seen:   it is 41\x1b[2J",
        "  Right:",
        "    def answer(self):",
        "        return 42",
    ]
    assert caught.value.rule == "test_answer"


def test_a_failure_can_be_passed_between_processes() -> None:
    error = ContractError("a", "b", "c", plugin="d", rule="e")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 made here


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError


def test_any_object_can_be_shown() -> None:
    assert shown(Hostile()) == "an object that cannot be shown (Hostile)"
    assert shown("\x1b") == r"'\x1b' (str)"
    assert shown(None) == "None"
    assert len(shown("x" * 1000)) < 250


def test_an_error_is_shown_on_one_line() -> None:
    assert error_text(ValueError("a\nb")) == r"ValueError: a\nb"
