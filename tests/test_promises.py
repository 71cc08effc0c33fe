"""Each sentence of the documents has the tests that would fail if it were false, or promises nothing."""

from __future__ import annotations

import pytest
from promises import NAMED, PAGE, current, mistakes, page, read, sentences, updated, write

GOOD = "test_promises.py::test_the_page_is_made_of_what_is_named"


def test_each_sentence_names_tests_that_are_there_or_promises_nothing() -> None:
    assert [*mistakes(read(NAMED.read_text(encoding="utf-8")), current())] == []


def test_the_page_is_made_of_what_is_named() -> None:
    table = read(NAMED.read_text(encoding="utf-8"))
    assert write(table) == NAMED.read_text(encoding="utf-8")
    assert page(table) == PAGE.read_text(encoding="utf-8"), "run python tests/promises.py"


@pytest.mark.parametrize(
    ("markdown", "found"),
    [
        ("# Head\n\nOne is. Two\nare (see `a. b`). three, ... (at most 5 s).\n", 3),
        ("It waits 0.1 s. `code` follows, [a link](x.md#a.b) too.\n", 2),
        ("One of:\n\n- a word\n- `another`\n\nOr:\n\n- This is a sentence. So is this.\n- so is this;\n", 5),
        ("1. **First** it is.\n   Then it goes on.\n2. Second.\n", 3),
        ("| a | b |\n|---|---|\n| c | d |\n\nText.\n", 2),
        ("```python\nx = 1  # why it is\n\n# What follows\ny = 'a#b'\n```\n", 3),
        ("```sh\n# a comment of a shell\nls\n```\n", 1),
        ("Lines:\n\n    command one      does this\n    command two      does that\n", 3),
        ("<!-- hidden. -->\nShown.\n\n[link]: https://example.org\n", 1),
        ("Twice.\n\nTwice.\n", 1),
    ],
)
def test_sentences_are_told_apart(markdown: str, found: int) -> None:
    assert len(sentences(markdown)) == found


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "new or gone: It works."),
        ({"It works.": [GOOD], "It worked.": [GOOD]}, "new or gone: It worked."),
        ({"It works.": []}, "name the tests"),
        ({"It works.": ["?", GOOD]}, "name the tests"),
        ({"It works.": ["-"]}, "why there are none"),
        ({"It works.": [GOOD, "- a description"]}, "why there are none"),
        ({"It works.": ["test_promises.py::test_gone"]}, "there is no test"),
        ({"It works.": ["test_gone.py::test_gone"]}, "there is no test"),
    ],
)
def test_a_mistake_is_named(named: dict[str, list[str]], words: str) -> None:
    [mistake] = mistakes({"a.md": named}, {"a.md": ["It works."]})
    assert words in mistake


@pytest.mark.parametrize("lines", [[GOOD], [GOOD, GOOD], ["- a description"]])
def test_what_is_named_or_promises_nothing_is_no_mistake(lines: list[str]) -> None:
    assert [*mistakes({"a.md": {"It works.": lines}}, {"a.md": ["It works."]})] == []


def test_a_changed_sentence_is_to_be_looked_at_and_keeps_the_tests_that_it_had() -> None:
    before = {"a.md": {"It stops within 5 s.": ["a"], "It is kept.": ["b"], "It is gone.": ["c"]}}
    now = {"a.md": ["It is kept.", "It stops within 6 s.", "Unlike all of them"]}
    after = {"a.md": {"It is kept.": ["b"], "It stops within 6 s.": ["?", "a"], "Unlike all of them": ["?"]}}
    assert updated(before, now) == after
    assert read(write(after)) == after
