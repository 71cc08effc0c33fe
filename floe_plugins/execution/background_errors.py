"""Log the errors of a plugin that nobody waits for, without the secrets of its configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from floe_plugins.configuration.redaction.redactor import Redactor
from floe_plugins.core.log import log
from floe_plugins.core.safe_text import describe_error, escape_lines, safe_str, type_name
from floe_plugins.execution import threads
from floe_plugins.execution.boundary import traceback_of

# A traceback of a deep call is longer than a message, and says what failed at its end.
_MAX_LENGTH = 40_000

# How long a thread waits until another one has reported for it; nothing but the order of log lines depends on it.
_REPORT_TIMEOUT = 0.5

_reports: SimpleQueue[tuple[Callable[[], object], threading.Lock]] = SimpleQueue()
_reporters: list[threading.Thread] = []

# Shared, since most plugins have no secrets, and preparing a redactor takes longer than making a worker.
_NO_SECRETS = Redactor()


def start_reporter() -> None:
    """Start the thread for ``report_elsewhere``, if there is none."""
    if not any(thread.is_alive() for thread in _reporters):
        with suppress(RuntimeError):  # no thread can be started
            _reporters[:] = [threads.start(_report, "floe background errors")]


def report_elsewhere(report: Callable[[], object]) -> None:
    """Make a report on a thread of its own, for a thread that must not look at a plugin's objects.

    The collector may call this while its thread holds any lock, so that no thread can be started here.
    """
    done = threading.Lock()
    done.acquire()
    _reports.put((report, done))
    done.acquire(timeout=_REPORT_TIMEOUT)


def _report() -> None:
    while True:
        report, done = _reports.get()
        try:
            report()
        finally:
            done.release()
        del report


class BackgroundErrors:
    """Logs the background errors of one plugin. Safe from any thread; no method raises.

    Attributes:
        name: The plugin's ref.
        redactor: Knows the secrets of the plugin's configuration; of none as long as it has none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.redactor = _NO_SECRETS

    def redact(self, text: str) -> str:
        """Mask the secrets of the plugin's configuration in a text."""
        return self.redactor.redact(text)

    def log_error(self, what: str, error: BaseException) -> None:
        """Log what failed, with the error's traceback."""
        shown = self._redacted(lambda: _traceback(error))
        log("error", "%s: %s\n%s", self.name, what, escape_lines(shown), ref=self.name, exception=shown)

    def handle_loop_exception(self, _loop: object, context: Mapping[str, Any]) -> None:
        """Log what an event loop reports; asyncio calls it as an exception handler."""
        message = self._redacted(lambda: safe_str(context.get("message") or "an error"))
        what = f"in the background: {message}"
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.log_error(what, error)
            return
        about = next((context[key] for key in ("task", "future", "asyncgen", "handle") if key in context), None)
        details = escape_lines(self._redacted(lambda: safe_str(about)))
        log("error", "%s: %s\n%s", self.name, self._redacted(lambda: what), details, ref=self.name)

    def _redacted(self, text: Callable[[], str]) -> str:
        try:
            return self.redactor.redact(text(), _MAX_LENGTH)
        except BaseException as error:  # noqa: BLE001 the plugin's own classes are asked
            return f"(withheld, since showing it raised {type_name(error)})"


def _traceback(error: BaseException) -> str:
    try:
        return traceback_of(error)
    except BaseException:  # noqa: BLE001 the error's class is the plugin's own
        return describe_error(error)
