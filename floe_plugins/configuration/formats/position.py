"""Positions in a text, as line and column."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from typing import NamedTuple


class Position(NamedTuple):
    """A line and a column, both counted from 1. Both are None if the position is unknown."""

    line: int | None = None
    column: int | None = None


UNKNOWN = Position()

# Positions of deeper values are not determined: a path of thousands of keys for each of many values fills the memory.
MAX_DEPTH = 100

Positions = Mapping[tuple[object, ...], Position]


class FormatError(ValueError):
    """Raised if a text cannot be parsed. The message contains keys and punctuation, but no values."""

    def __init__(self, message: str, position: Position = UNKNOWN, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


class Lines:
    r"""Converts the offsets of one text to positions.

    >>> Lines("a = 1\nb = 2").position(6)
    Position(line=2, column=1)
    """

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, offset: int) -> Position:
        """Return the position of an offset, which is counted from 0."""
        line = bisect.bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)


def longest_number(text: str, token: re.Pattern[str]) -> Position:
    """Return where the longest number of a text begins, which is the one that Python refuses to read."""
    words = [match for match in token.finditer(text) if match[0].replace("_", "").lstrip("+-").isdigit()]
    longest = max(words, key=lambda match: len(match[0]), default=None)
    return Lines(text).position(longest.start()) if longest else UNKNOWN
