"""Write messages and log records to standard error: lines for people, or a JSON object a line for programs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from floe_plugins.cli import program
from floe_plugins.core.safe_text import Shown, escape, escape_lines

LOGGER = "floe_plugins"
_KEYS = ("ref", "stage", "exception")

_is_json = False


def use(log_format: str) -> None:
    """Have all that follows written in a format, ``text`` or ``json``."""
    global _is_json  # noqa: PLW0603 of this process, as standard error is
    _is_json = log_format == "json"


def is_json() -> bool:
    """Whether JSON lines are written."""
    return _is_json


def line(level: str, message: str, *, prefix: str | None = None, **facts: Any) -> str:
    r"""Return one record as text or as a line of JSON, with the end of the line.

    >>> line("warning", "compute:duckdb started late", prefix="floe-plugins: ")
    'floe-plugins: compute:duckdb started late\n'

    Args:
        level: ``info``, ``warning`` or ``error``.
        message: What there is to say; as text it stands as it is, behind the prefix.
        prefix: What stands in front of a text, by default the name of the program.
        facts: ``ref``, ``stage``, ``exception`` and what else is known; ``time``, ``pid`` and ``logger`` if they are
            not those of this moment and this process. A text has none of them.
    """
    if not _is_json:
        return f"{program.name()}: {message}\n" if prefix is None else f"{prefix}{message}\n"
    import json

    known = {"time": timestamp(facts.pop("time", None)), "level": level, "pid": facts.pop("pid", os.getpid())}
    known |= {"logger": facts.pop("logger", LOGGER), "message": message}
    return json.dumps({**known, **dict.fromkeys(_KEYS), **facts}).replace("\x7f", "\\u007f") + "\n"


def write(level: str, message: str, **facts: Any) -> None:
    """Write one record to standard error, unless that is closed. Raises nothing; blocks as long as nobody reads it."""
    try:
        sys.stderr.write(line(level, message, **facts))
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return


def write_record(record: Mapping[str, Any], *, length: int | None = None) -> None:
    """Write a log record, as ``protocol.describe_record`` describes it; a text of at most this length."""
    message, facts = str(record["message"]), {key: record.get(key) for key in (*_KEYS, "time", "pid", "logger")}
    if not _is_json:
        trace = str(facts["exception"] or "")
        if "\n" in trace and trace not in message:  # the server's or a library's: theirs is not in the message
            message = f"{message}\n{trace}"
        message = lines_of(message)[:length]
    elif facts["exception"]:
        message = message.partition("\n")[0]  # its other lines are the exception
    write(str(record.get("level") or "info"), message, prefix="", **facts)


def lines_of(message: str) -> str:
    r"""Return a text escaped; its further lines are marked, so that none can pass for another record.

    >>> print(lines_of("failed\nevil\x1b"))
    failed
      | evil\x1b
    """
    first, *rest = message.split("\n")
    if not rest:
        return escape(first)
    marked = escape_lines("\n".join(each.removeprefix("  | ") for each in rest))
    return Shown(f"{escape(first)}\n{marked}")


def timestamp(seconds: float | None = None) -> str:
    """Return a moment in UTC as ISO 8601 has it; without one, this moment.

    >>> timestamp(0.0625)
    '1970-01-01T00:00:00.062Z'
    """
    seconds = time.time() if seconds is None else seconds
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def attach(*names: str, level: str = "INFO") -> None:
    """Have loggers of this process write their records here from now on, and nowhere else."""
    import logging

    from floe_plugins.cli.protocol import describe_record

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            write_record(describe_record(record))

    for name in names:
        logger = logging.getLogger(name)
        logger.addHandler(Handler())
        logger.propagate = False
        logger.setLevel(level)
