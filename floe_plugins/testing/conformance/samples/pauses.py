"""Let threads pause between the lines of a plugin, where others come in unless it guards against them."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

# Long enough for another thread to run some lines, and so few that a call takes little longer.
_LONGEST = 0.002
_MOST = 150


class Pauses:
    """Pauses of one thread, at some lines of a package's code, each where the thread first comes there.

    Args:
        package: the top-level package.
        seed: which lines. Threads with different ones pause at different lines.
    """

    def __init__(self, package: str, seed: int) -> None:
        self._package = package
        self._chance = random.Random(seed)  # noqa: S311 no secret hangs on it
        self._passed: set[tuple[CodeType, int]] = set()

    @contextmanager
    def taken(self) -> Generator[None, None, None]:
        """Pause in this block; not where a debugger or a measurement of coverage follows the thread."""
        if sys.gettrace() is not None:
            yield
            return
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_globals.get("__name__")
        return self._line if isinstance(name, str) and name.partition(".")[0] == self._package else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        place = frame.f_code, frame.f_lineno
        if event == "line" and place not in self._passed and len(self._passed) < _MOST:
            self._passed.add(place)
            if self._chance.random() < 0.5:  # noqa: PLR2004 every other line
                time.sleep(self._chance.uniform(0, _LONGEST))
        return self._line
