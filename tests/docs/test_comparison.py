"""The page that compares libraries has an answer for each, and this package's own answers are true."""

from __future__ import annotations

import pytest
from docs_scripts import DOCS, script

comparison = script("comparison")
PAGE = comparison.read((DOCS / "comparison.md").read_text(encoding="utf-8"))


def test_each_question_has_an_answer_of_each_library() -> None:
    assert PAGE.keys() == {"Version", comparison.RATIO, *comparison.QUESTIONS}
    for question, answers in PAGE.items():
        assert len(answers) == len(comparison.NAMES), question
        assert all(answers), question


@pytest.mark.once
@pytest.mark.parametrize("name", ["floe-plugins", "pluggy"])
@pytest.mark.parametrize("question", [each for each in comparison.QUESTIONS if "misspelt" not in each])
def test_what_is_said_of_this_package_and_of_the_one_that_it_is_built_on_is_so(name: str, question: str) -> None:
    said = PAGE[question][comparison.NAMES.index(name)]
    assert comparison.QUESTIONS[question](name) == said


def test_other_answers_are_told() -> None:
    found = {question: list(answers) for question, answers in PAGE.items()}
    assert list(comparison.differences(PAGE, found)) == []
    question = next(iter(comparison.QUESTIONS))
    found[question][0] = "no"
    [told] = comparison.differences(PAGE, found)
    assert told == f"{question}: floe-plugins: the page says 'yes', and now it is 'no'"
