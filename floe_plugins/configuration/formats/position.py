"""Where in a text things stand."""

from __future__ import annotations

import bisect
from collections.abc import Mapping

Position = tuple[int, int]
Positions = Mapping[tuple[object, ...], Position]


class FormatError(ValueError):
    """A text cannot be parsed; the message repeats nothing of it but punctuation and keys."""

    def __init__(self, message: str, position: Position | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


class Lines:
    """Turns offsets into lines and columns, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def position(self, offset: int) -> Position:
        """Line and column of an offset."""
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
