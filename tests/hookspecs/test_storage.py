"""Storage: one place is asked, and binary files are read unless the caller says otherwise."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydantic import SecretStr

from floe_plugins import StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.storage import ObjectInfo


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


@pytest.mark.parametrize("hook", ["access", "objects", "info", "write_if", "presign"])
def test_one_place_answers_a_hook_that_was_added_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(StoragePlugin, hook) == ("second", ["second"])


def test_every_setting_of_an_older_plugin_counts_as_a_secret(calling: Any) -> None:
    hook = calling(StoragePlugin, old={"properties": lambda _self, consumer: {"key": consumer}})
    assert hook.access(consumer="duckdb") == {"key": SecretStr("duckdb")}


def test_an_older_plugin_lists_and_describes_by_its_list(calling: Any) -> None:
    def listed(_self: Any, prefix: str) -> Any:
        return tuple(each for each in (ObjectInfo("a", 1), ObjectInfo("ab", 2)) if each.path.startswith(prefix))

    hook = calling(StoragePlugin, old={"list": listed})
    assert [each.path for each in hook.objects()] == ["a", "ab"]
    assert hook.info(path="ab").size == 2
    with pytest.raises(FileNotFoundError, match="storage:old has no object 'abc'"):
        hook.info(path="abc")


@pytest.mark.parametrize(
    ("hook", "arguments"), [("write_if", {"path": "a", "data": b"", "version": None}), ("presign", {"path": "a"})]
)
def test_what_a_place_does_not_offer_is_said_with_what_to_do_instead(
    calling: Any, hook: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"storage:old .*'a'") as caught:
        getattr(calling(StoragePlugin, old={}), hook)(**arguments)
    assert caught.value.hint
