"""The width of the terminal."""

from __future__ import annotations

import os
from contextlib import suppress

_MAX_DIGITS = 4


def columns(descriptor: int = 1, default: int = 80) -> int:
    """Return the number of columns: of the variable COLUMNS, else of the terminal; the default where there is none.

    Anything in the variable that is not a number of columns is ignored. Never raises.
    """
    text = os.environ.get("COLUMNS") or ""
    if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and int(text):
        return int(text)
    with suppress(OSError, ValueError):  # shutil, which does the same, takes as long to import as all of this package
        return os.get_terminal_size(descriptor).columns or default
    return default
