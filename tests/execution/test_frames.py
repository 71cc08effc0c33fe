"""What a traceback says of frames is known without formatting it."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest

from floe_plugins.execution.frames import MAX_FRAMES, TooManyFramesError, innermost, lines_in_no_file, names


def raised(call: Callable[[], Any]) -> TracebackType | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 whatever it raises
        return error.__traceback__
    raise AssertionError(call)


def compiled(source: str, filename: str) -> TracebackType | None:
    return raised(lambda: exec(compile(source, filename, "exec"), {}))  # noqa: S102 as makers of code do


def fail(depth: int = 0) -> None:
    if depth:
        fail(depth - 1)
    raise ValueError


def test_each_place_of_all_tracebacks_is_named_once() -> None:
    deep = raised(lambda: fail(50))
    found = [*names([deep, deep, None])]
    assert [name.rpartition(" in ")[2] for name in found] == ["raised", "<lambda>", "fail", "fail"]
    assert all(name.startswith(f'File "{__file__}", line ') for name in found)


def test_what_is_named_is_what_a_traceback_shows() -> None:
    found = raised(lambda: fail(3))
    shown = "".join(traceback.format_tb(found))
    assert all(name in shown for name in names([found]))


def test_lines_of_files_are_left_out() -> None:
    linecache.clearcache()
    assert [*lines_in_no_file([raised(fail)])] == []
    assert linecache.getlines(__file__)  # now it is known there
    assert [*lines_in_no_file([raised(fail)])] == []


def test_a_line_that_was_handed_over_is_given_and_one_that_nobody_has_is_empty() -> None:
    linecache.cache["<rules>"] = 9, None, ["x = 1\n", "1 / 0\n"], "<rules>"
    try:
        assert [*lines_in_no_file([compiled("x = 1\n1 / 0\n", "<rules>")])] == ["1 / 0\n"]
    finally:
        linecache.clearcache()
    assert [*lines_in_no_file([compiled("1 / 0", "<rules>")])] == [""]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no positions")
def test_all_lines_of_the_expression_that_raised_are_given() -> None:
    source = "".join(f"x{number} = {number}\n" for number in range(20)) + "y = (\n1 /\n0\n)\n"
    linecache.cache["<rules>"] = len(source), None, source.splitlines(keepends=True), "<rules>"
    try:
        assert [*lines_in_no_file([compiled(source, "<rules>")])] == ["1 /\n0\n"]
    finally:
        linecache.clearcache()


def test_the_innermost_frame_is_where_it_was_raised() -> None:
    assert innermost(compiled("\n1 / 0", "<rules>")) == 'File "<rules>", line 2, in <module>'
    assert innermost(None) == ""


def test_too_many_places_are_an_error() -> None:
    with pytest.raises(TooManyFramesError):
        [*names(compiled("\n" * number + "1 / 0", "<rules>") for number in range(MAX_FRAMES + 1))]
