"""What a traceback says of frames: the names of their files and functions, and lines of code that are in no file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any

from floe_plugins.core.safe_text import MAX_TEXT, safe_str

MAX_FRAMES = 1_000


class TooManyFramesError(Exception):
    """Raised for more than ``MAX_FRAMES`` different frames, or names longer than ``MAX_TEXT``."""


def names(tracebacks: Iterable[TracebackType | None]) -> Iterator[str]:
    """Yield what is said of each frame beside its line of code, once.

    Raises:
        TooManyFramesError: There are too many, or their names are too long.
    """
    for each in _different(tracebacks):
        name = _name(each)
        if len(name) > MAX_TEXT:
            raise TooManyFramesError
        yield name


def lines_in_no_file(tracebacks: Iterable[TracebackType | None]) -> Iterator[str]:
    """Yield the lines of code of frames that are in no file of Python code: who made them gave them to ``linecache``.

    Raises:
        TooManyFramesError: There are too many frames.
        BaseException: What a loader of a plugin raises.
    """
    import linecache

    for each in _different(tracebacks):
        filename = each.tb_frame.f_code.co_filename
        _, *known = linecache.cache.get(filename, ("",))
        # Lines of a file have the time of the file beside them.
        is_file = known[0] is not None if known else os.access(filename, os.R_OK)
        if not (is_file and filename.endswith(".py")):
            found = linecache.getlines(filename, each.tb_frame.f_globals)
            yield "".join(found[each.tb_lineno - 1 : _last_line(each)])


def innermost(traceback: TracebackType | None) -> str:
    """Return what is said of the innermost frame, cut if it is long; empty without any."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "" if traceback is None else safe_str(_name(traceback))


def _name(frame: TracebackType) -> str:
    code = frame.tb_frame.f_code
    # A subclass of str could be asked for more than its text.
    filename, function = str.__str__(code.co_filename), str.__str__(code.co_name)
    return f'File "{filename}", line {frame.tb_lineno}, in {function}'


def _different(tracebacks: Iterable[TracebackType | None]) -> Iterator[TracebackType]:
    seen: set[tuple[int, int, int]] = set()
    for each in tracebacks:
        traceback = each
        while traceback is not None:
            place = id(traceback.tb_frame.f_code), traceback.tb_lineno, traceback.tb_lasti
            if place not in seen:
                seen.add(place)
                if len(seen) > MAX_FRAMES:
                    raise TooManyFramesError
                yield traceback
            traceback = traceback.tb_next


def _last_line(frame: TracebackType) -> int:
    """Return the last line of the expression that a frame has reached; since Python 3.13, all of them are shown."""
    positions: Iterable[tuple[Any, ...]] = getattr(frame.tb_frame.f_code, "co_positions", tuple)()
    _, last, *_ = next(islice(positions, frame.tb_lasti // 2, None), (None, None))
    return max(frame.tb_lineno, last or 0)
