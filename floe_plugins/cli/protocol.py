"""Messages between the supervisor and the host: one JSON object a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from floe_plugins.core.record import to_plain
from floe_plugins.core.safe_text import safe_str, type_name

if TYPE_CHECKING:
    from logging import LogRecord

    from floe_plugins.errors import PluginError

VERSION = 1

# A message is never longer; a line that is, does not come from a host.
MAX_LINE = 64 * 2**20
_CHUNK = 2**16

# Longer texts of a log record are cut.
MAX_LOGGED = 40_000


def encode(message: Mapping[str, Any]) -> bytes:
    r"""Return a message as one line of ASCII. What JSON does not allow becomes text.

    >>> encode({"event": "beat"})
    b'{"event": "beat"}\n'
    """
    try:
        text = json.dumps(message, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        text = json.dumps(to_plain(message))
    return text.encode("ascii") + b"\n"


def describe(error: PluginError) -> dict[str, Any]:
    """Return an error as JSON data."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "ref": None if error.ref is None else str(error.ref),
        "distribution": error.distribution,
        "hint": error.hint,
        "docs_url": error.docs_url,
        "text": str(error),
        "issues": [issue.to_dict() for issue in getattr(error, "errors", ())],
    }


def describe_record(record: LogRecord) -> dict[str, Any]:
    """Return a log record as JSON data, whatever a plugin has put into it.

    The message and the exception are cut to ``MAX_LOGGED`` characters. An exception that the record carries is
    redacted; nothing is escaped.
    """
    return {
        "level": safe_str(record.levelname).lower(),
        "message": _cut(_message(record)),
        "time": record.created,
        "pid": record.process,
        "logger": safe_str(record.name),
        "ref": _text(record, "ref"),
        "stage": _text(record, "stage"),
        "exception": _text(record, "exception") or _exception(record),
        "is_problem": getattr(record, "is_problem", False) is True,
    }


def _message(record: LogRecord) -> str:
    try:
        return str.__str__(record.getMessage())
    except BaseException:  # noqa: BLE001 a record of plugin code; a handler that raises would end what logs
        return f"{safe_str(record.msg)} (with arguments that cannot be shown)"


def _text(record: LogRecord, name: str) -> str | None:
    fact = getattr(record, name, None)
    return None if fact is None else _cut(fact if type(fact) is str else safe_str(fact))


def _exception(record: LogRecord) -> str | None:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is None:
        return None
    from floe_plugins.configuration.redaction.redactor import Redactor
    from floe_plugins.execution.boundary import traceback_of

    try:
        return Redactor().redact(traceback_of(error), MAX_LOGGED)
    except BaseException:  # noqa: BLE001 the exception may be a plugin's own
        return type_name(error)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LOGGED else f"{text[:MAX_LOGGED]}... ({len(text) - MAX_LOGGED} more characters)"


class MessageReader:
    """Reads the messages that come from a descriptor. Lines that are no messages are counted and left out.

    Attributes:
        is_closed: Whether the other side has closed the descriptor.
        has_read: Whether the last read brought anything.
        invalid: The number of lines that were no messages.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = bytearray()
        self.is_closed = False
        self.has_read = False
        self.invalid = 0

    def read(self) -> Iterator[dict[str, Any]]:
        """Read once, blocking unless there is something to read, and yield the messages that are complete."""
        self.has_read = False
        try:
            data = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.has_read = bool(data)
        self.is_closed = not data
        scanned = len(self._rest)
        self._rest += data
        if b"\n" not in data:
            if scanned > MAX_LINE:
                self._rest.clear()
                self.invalid += 1
            return
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            message = decode(bytes(line))
            if message is None:
                self.invalid += 1
            else:
                yield message


def decode(line: bytes) -> dict[str, Any] | None:
    """Return the message on a line; None if it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("event"), str) else None
