from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Generator
from typing import Any

import pytest

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule
from floe_plugins.testing.origin import Origin, origin_of


class Plugin:
    def rows(self) -> list[int]:
        raise OSError("the plugin")


class Rules(Case):
    """Rules that a host gives to its authors."""

    @rule("pass")
    def test_it(self) -> None:
        """It has rows."""

    def given(self) -> Any:
        return self.outage()

    def outage(self) -> Any:
        raise NotImplementedError


class Author(Rules):
    plugin = Plugin

    @property
    def places(self) -> list[int]:
        raise OSError("the author")

    def outage(self) -> Any:
        raise OSError("the author")

    @contextlib.contextmanager
    def held(self) -> Generator[None, None, None]:
        yield
        raise OSError("the author")

    def nested(self) -> list[int]:
        return [each for each in map(self._fail, "a")]  # noqa: C416 a function within it

    def _fail(self, _: str) -> int:
        raise OSError("the author")

    def asking(self) -> Any:
        return Plugin().rows()

    @contextlib.contextmanager
    def waiting(self) -> Generator[None, None, None]:
        yield


def origin(call: Callable[[], Any], plugin: object = Plugin) -> Origin | None:
    with pytest.raises(OSError, match="the ") as caught:
        call()
    return origin_of(caught.value, Author, plugin)


def use(context: contextlib.AbstractContextManager[None]) -> None:
    with context:
        pass


@pytest.mark.parametrize(
    ("call", "method"),
    [
        (lambda: Author().outage(), "Author.outage"),
        (lambda: Author().given(), "Author.outage"),
        (lambda: use(Author().held()), "Author.held"),
        (lambda: Author().places, "Author.places"),
        (lambda: Author().nested(), "Author.nested"),
    ],
)
def test_what_a_method_of_an_author_raises_is_its_own(call: Callable[[], Any], method: str) -> None:
    found = origin(call)
    assert found is not None
    assert (found.method, found.name) == (method, method.partition(".")[2])
    file, _, line = found.place.rpartition(":")
    assert file.endswith("test_origin.py")
    assert line.isdecimal()


def test_what_it_calls_in_the_plugin_is_the_plugins() -> None:
    assert origin(lambda: Author().asking()) is None


def test_what_the_plugin_raises_within_a_block_of_the_author_is_the_plugins() -> None:
    def check() -> None:
        with Author().waiting():
            Plugin().rows()

    assert origin(check) is None


def test_what_neither_is_called_for_comes_from_elsewhere() -> None:
    def fail() -> None:
        raise OSError("the rule")

    assert origin(fail) is None


def test_functions_of_the_authors_module_count_where_the_plugin_has_another() -> None:
    def connect() -> None:
        raise OSError("the author")

    elsewhere = types.new_class("Elsewhere", exec_body=lambda names: names.update(__module__="acme"))
    found = origin(lambda: Author().eventually(connect), elsewhere)
    assert found is not None
    assert found.method == "connect"
