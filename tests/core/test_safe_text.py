"""Text for foreign objects, whatever their ``__str__`` does."""

from __future__ import annotations

import pytest

from floe_plugins.core.safe_text import describe_error, error_message, safe_str, with_context


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
