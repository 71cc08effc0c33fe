"""Text for foreign objects, whatever their ``__str__`` does."""

from __future__ import annotations

import pytest

from floe_plugins.core.safe_text import (
    MAX_LINES,
    MAX_TEXT,
    describe_error,
    error_message,
    escape,
    escape_lines,
    safe_str,
    with_context,
)


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Textless:
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]  # noqa: PLE0307 broken on purpose


def test_an_object_that_cannot_be_converted_to_text_is_shown_by_its_type() -> None:
    assert safe_str("text") == "text"
    assert safe_str(MuteError()) == "<MuteError that cannot be shown>"
    assert safe_str(Textless()) == "<Textless that cannot be shown>"


def test_an_error_whose_text_cannot_be_read_has_no_message() -> None:
    assert error_message(ValueError("bad")) == "bad"
    assert error_message(ValueError()) == error_message(MuteError()) == ""


def test_an_error_is_described_by_its_type_and_its_message_if_it_has_one() -> None:
    assert describe_error(ValueError("bad")) == "ValueError: bad"
    assert describe_error(ValueError()) == "ValueError"
    assert describe_error(MuteError()) == "MuteError"


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({}, "it failed"),
        ({"ref": "a:b"}, "a:b: it failed"),
        ({"distribution": "acme 1.0"}, "from acme 1.0: it failed"),
        ({"ref": "a:b", "distribution": "acme 1.0", "hint": "Stop"}, "a:b (from acme 1.0): it failed. Stop"),
    ],
)
def test_a_message_has_its_subject_in_front_and_its_hint_behind(context: dict[str, str], text: str) -> None:
    assert with_context("it failed", **context) == text


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), 0x2066])
def test_a_character_that_a_terminal_acts_upon_is_shown_as_an_escape(code: int) -> None:
    shown = escape(f"a{chr(code)}b")
    assert shown.isprintable()
    assert shown.isascii()
    assert shown.startswith("a\\")
    assert shown.endswith("b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Grüße, 東京, 🦆 C:\\temp", "Grüße, 東京, 🦆 C:\\temp"),
        ("\x1b[2J\n\t", "\\x1b[2J\\n\\t"),
        ("\ud800\ufeff\U000e0041\uffff", "\\ud800\\ufeff\\U000e0041\\uffff"),
        (MuteError(), "<MuteError that cannot be shown>"),
        (3, "3"),
    ],
)
def test_all_else_is_shown_as_it_is(text: object, shown: str) -> None:
    assert escape(text) == shown


def test_what_is_shown_has_a_limit() -> None:
    assert len(escape("\x1b" * 1_000_000)) < MAX_TEXT * 4 + 100
    assert escape_lines("x\n" * 10_000).count("\n") == MAX_LINES


def test_a_line_within_a_text_of_several_lines_cannot_pass_for_another_record() -> None:
    assert escape_lines("boom\nINFO platform\x1b healthy") == "  | boom\n  | INFO platform\\x1b healthy"


def test_the_path_of_a_distribution_begins_no_line() -> None:
    assert "\n" not in with_context("it failed", "compute:duckdb", "acme 1.0 in /a\nforged")


def test_texts_are_cut_after_as_many_characters_as_the_page_says() -> None:
    assert escape("x" * 4_000) == "x" * 4_000
    assert escape("x" * 4_001) == "x" * 4_000 + "... (1 more characters)"
