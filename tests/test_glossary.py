"""The package uses the words of docs/glossary.md, and none that the page replaces."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import floe_plugins

PACKAGE = Path(floe_plugins.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS, NAMES_THAT_STAY = PAGE.split("## Names that stay")
# Term, meaning, and the words that are not used for the term.
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ?([^|]*?) ?\|$", TERMS, re.MULTILINE)
UNUSED = {word for _, _, words in ROWS for word in re.findall(r"`(\w+)`", words)} - {"PluginType"}
EXCEPTIONS = {
    *re.findall(r"^\| `(\w+)` \|", NAMES_THAT_STAY, re.MULTILINE),
}


def words_of(identifier: str) -> set[str]:
    """The words of an identifier, whether in snake_case or CamelCase."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def identifiers() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        with tokenize.open(path) as file:
            for token in tokenize.generate_tokens(file.readline):
                if token.type == tokenize.NAME:
                    yield token.string, f"{path.relative_to(PACKAGE)}:{token.start[0]}"


def test_each_term_is_defined_once() -> None:
    terms = [term for term, _, _ in ROWS if term != "term" and not term.startswith("-")]
    assert len(terms) == len(set(terms)) >= 40


def test_no_identifier_uses_a_word_that_the_glossary_replaces() -> None:
    assert len(UNUSED) >= 12
    found = [f"{place}: {name}" for name, place in identifiers() if words_of(name) & UNUSED and name not in EXCEPTIONS]
    assert found == []


@pytest.mark.parametrize(
    ("identifier", "words"),
    [("_needs", {"needs"}), ("TokenFault", {"token", "fault"}), ("FLOE_API_VERSION", {"floe", "api", "version"})],
)
def test_identifiers_are_split_into_words(identifier: str, words: set[str]) -> None:
    assert words_of(identifier) == words
