"""Show where plugin code raised: the frames of a traceback as JSON data, for ``-vv``."""

from __future__ import annotations

import importlib
import os
import stat
import sys
from collections.abc import Iterable
from typing import Any

from floe_plugins.configuration.issues import ConfigurationIssue
from floe_plugins.configuration.schema.raising_frames import Frame, raised_at
from floe_plugins.core.safe_text import safe_str
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.execution.boundary import ForeignError, RedactedError

# The innermost frames of a deep recursion tell enough.
MAX_FRAMES = 30

_MAX_SOURCE = 2**22
_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH120, PTH100 no Path is needed here
_LEFT_OUT = (_OURS + os.sep, "<frozen importlib", os.path.dirname(importlib.__file__) + os.sep)  # noqa: PTH120 as above


def frames_of(error: BaseException | None) -> list[dict[str, Any]]:
    """Return the frames in which plugin code raised the exception behind an error, the innermost last; may be empty.

    The exception is foreign: only what Python itself keeps of it is read. The frames of this package, of pydantic
    and of Python's import system are left out, and all where one of them holds a secret.
    """
    exception = error.exception if isinstance(error, (PluginError, ForeignError)) else None
    shown = error.chained if isinstance(error, ForeignError) else error.__cause__ if error is not None else None
    if isinstance(shown, RedactedError) and shown.__traceback__ is None:
        return []  # a secret is in the frames
    if exception is not None:
        return _described(raised_at(exception))
    issues = error.errors if isinstance(error, PluginConfigurationError) else ()
    return next(filter(None, map(frames_of_issue, issues)), [])


def frames_of_issue(issue: ConfigurationIssue) -> list[dict[str, Any]]:
    """Return the frames in which the code of a plugin's schema raised, the innermost last; may be empty."""
    return _described(issue.frames)


def _described(frames: Iterable[Frame]) -> list[dict[str, Any]]:
    return [_describe(*each) for each in frames if not _is_ours(each[0])][-MAX_FRAMES:]


def _is_ours(file: str) -> bool:
    return file.startswith(_LEFT_OUT) or file.startswith(_pydantic())


def _pydantic() -> str:
    # Schemas run in it, and it is no plugin's code. It is imported only where there are schemas.
    file = getattr(sys.modules.get("pydantic"), "__file__", None)
    return os.path.dirname(file) + os.sep if file else "<no pydantic>"  # noqa: PTH120 as above


def _describe(file: str, line: int, function: str) -> dict[str, Any]:
    return {
        "file": safe_str(file),
        "line": line,
        "function": safe_str(function),
        "source": safe_str(_source(file, line)),
    }


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
