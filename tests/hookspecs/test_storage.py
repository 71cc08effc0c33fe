"""Storage: one place is asked, and binary files are read unless the caller says otherwise."""

from __future__ import annotations

import io
from typing import Any

import pytest

from floe_plugins import StoragePlugin


@pytest.mark.parametrize("hook", ["uri", "open", "list", "delete", "filesystem", "properties"])
def test_one_place_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(StoragePlugin, hook) == ("second", ["second"])


def test_a_file_is_opened_for_reading_and_everything_is_listed_unless_the_caller_says_otherwise(calling: Any) -> None:
    hook = calling(
        StoragePlugin,
        memory={
            "open": lambda _self, path, mode: io.BytesIO(f"{path} {mode}".encode()),
            "list": lambda _self, prefix: ("all", prefix),
        },
    )
    assert hook.open(path="a").read() == b"a rb"
    assert hook.open(path="a", mode="wb").read() == b"a wb"
    assert hook.list() == ("all", "")


def test_that_nothing_was_deleted_is_an_answer(calling: Any) -> None:
    hook = calling(StoragePlugin, a={"delete": lambda _self, path: path == "there"}, b={"delete": lambda _self: False})
    assert hook.delete(path="there") is False
