"""Capture the output of a host: its length, its beginning and its end."""

from __future__ import annotations

import os
from contextlib import suppress

_KEPT = 4096
_CHUNK = 2**16


class Captured:
    """Reads what a host prints. Of a long text, only the beginning and the end are kept.

    Attributes:
        size: The number of bytes.
        is_closed: Whether nothing can come any more.
    """

    def __init__(self) -> None:
        self.size = 0
        self.is_closed = False
        self._head = bytearray()
        self._tail = bytearray()

    def read(self, descriptor: int) -> bool:
        """Read once what is there; return whether there was something. Does not wait where the descriptor does not."""
        data = None
        with suppress(BlockingIOError):
            data = os.read(descriptor, _CHUNK)
            self.is_closed = not data
        if not data:
            return False
        self.size += len(data)
        self._head += data[: _KEPT - len(self._head)]
        self._tail = (self._tail + data)[-_KEPT:]
        return True

    @property
    def head(self) -> str:
        """The first characters of it."""
        return self._head.decode("utf-8", "replace")

    @property
    def tail(self) -> str:
        """The last characters of it."""
        return self._tail.decode("utf-8", "replace")
