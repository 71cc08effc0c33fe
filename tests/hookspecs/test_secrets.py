"""Secrets: the stores are asked one after another until one of them has the secret."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import SecretsPlugin, UnsupportedOperationError


@pytest.mark.parametrize("hook", ["get_secret", "secret_names", "put_secret"])
def test_one_store_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(SecretsPlugin, hook) == ("second", ["second"])


def test_a_store_that_does_not_have_a_secret_lets_the_next_one_answer(calling: Any) -> None:
    def store(**kept: str) -> Any:
        return {"get_secret": lambda _self, key: kept.get(key)}

    hook = calling(SecretsPlugin, fallback=store(user="floe", host="db"), preferred=store(user="admin"))
    assert hook.get_secret(key="user") == "admin"
    assert hook.get_secret(key="host") == "db"
    assert hook.get_secret(key="absent") is None


def test_all_names_are_listed_unless_the_caller_gives_a_prefix(calling: Any) -> None:
    hook = calling(SecretsPlugin, echo={"secret_names": lambda _self, prefix: ("from", prefix)})
    assert hook.secret_names() == ("from", "")
    assert hook.secret_names(prefix="db/") == ("from", "db/")


def test_a_store_that_cannot_be_written_says_so_and_the_secret_goes_nowhere_else(calling: Any) -> None:
    written: list[str] = []

    def refuse(_self: object) -> None:
        raise UnsupportedOperationError("this store is read-only")

    writable = {"put_secret": lambda _self, key: written.append(key)}
    hook = calling(SecretsPlugin, writable=writable, readonly={"put_secret": refuse})
    with pytest.raises(UnsupportedOperationError):
        hook.put_secret(key="user", value="admin")
    assert written == []
