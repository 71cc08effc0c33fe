"""Let threads pause between the lines of a plugin, where others come in unless it guards against them."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

# Also a line that is run again and again, such as that of a loop, is left to others in between.
_AGAIN = 3
# Seconds after which Python lets another thread run: so few that it does within most calls.
_SWITCH = 1e-5
# Long enough for another thread to run some lines, and so few that a call takes little longer.
_LONGEST = 0.002
_MOST = 150


class Pauses:
    """Pauses of one thread, at some lines of a package's code, each when the thread first comes there some times.

    Args:
        package: the top-level package.
        seed: which lines. Threads with different ones pause at different lines.
    """

    def __init__(self, package: str, seed: int) -> None:
        self._package = package
        self._chance = random.Random(seed)  # noqa: S311 no secret hangs on it
        self._passed: Counter[tuple[CodeType, int]] = Counter()

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
        if event == "line" and self._passed[place] < _AGAIN and self._passed.total() < _MOST:
            self._passed[place] += 1
            if self._chance.random() < 0.5:  # noqa: PLR2004 every other line
                time.sleep(self._chance.uniform(0, _LONGEST))
        return self._line


@contextmanager
def switching() -> Generator[None, None, None]:
    """Let threads take turns very often in this block, wherever they are."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
