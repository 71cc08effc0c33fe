"""Where plugin code raised: the frames of an exception's traceback, without asking the exception itself."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from floe_plugins.core.safe_text import safe_str
from floe_plugins.errors import PluginError
from floe_plugins.execution.boundary import ForeignError

# The innermost frames of a deep recursion tell enough.
MAX_FRAMES = 30

_MAX_SOURCE = 2**22
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]
_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH120, PTH100 no Path is needed here
_LEFT_OUT = (_OURS + os.sep, "<frozen importlib", os.path.dirname(importlib.__file__) + os.sep)  # noqa: PTH120 as above


def frames_of(error: BaseException | None) -> list[dict[str, Any]]:
    """Return the frames in which plugin code raised the exception behind an error, the innermost last; may be empty.

    The exception is foreign: only what Python itself keeps of it is read. The frames of this package, and of Python's
    import system, are left out.
    """
    exception = error.exception if isinstance(error, (PluginError, ForeignError)) else None
    if exception is None:
        return []
    found = [_describe(*each) for each in _walk(_TRACEBACK.__get__(exception)) if not _is_ours(each[0])]
    return found[-MAX_FRAMES:]


def _walk(traceback: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield safe_str(code.co_filename), traceback.tb_lineno or 0, safe_str(code.co_name)
        traceback = traceback.tb_next


def _is_ours(file: str) -> bool:
    return file.startswith(_LEFT_OUT)


def _describe(file: str, line: int, function: str) -> dict[str, Any]:
    return {"file": file, "line": line, "function": function, "source": _source(file, line)}


def _source(file: str, line: int) -> str:
    """Return one line of a file of Python code; empty if it cannot be read.

    Code may name any file as its own: one without end, or the one that has the secrets.
    """
    if not file.endswith(".py"):
        return ""
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            lines = stream.read(_MAX_SOURCE).splitlines()
    except (OSError, ValueError):
        return ""
    return lines[line - 1].decode("utf-8", "replace").strip() if 0 < line <= len(lines) else ""
