"""Log the errors of a plugin that nobody waits for, without the secrets of its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.configuration.redaction.redactor import Redactor
from floe_plugins.core.log import log
from floe_plugins.core.safe_text import describe_error, escape_lines, safe_str, type_name

# A traceback of a deep call is longer than a message, and says what failed at its end.
_MAX_LENGTH = 40_000


class BackgroundErrors:
    """Logs the background errors of one plugin. Safe from any thread; no method raises.

    Attributes:
        name: The plugin's ref.
        redactor: Knows the secrets of the plugin's configuration; of none as long as it has none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.redactor = Redactor()

    def redact(self, text: str) -> str:
        """Mask the secrets of the plugin's configuration in a text."""
        return self.redactor.redact(text)

    def log_error(self, what: str, error: BaseException) -> None:
        """Log what failed, with the error's traceback."""
        log("error", "%s: %s\n%s", self.name, what, escape_lines(self._redacted(lambda: _traceback(error))))

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
        log("error", "%s: %s\n%s", self.name, self._redacted(lambda: what), details)

    def _redacted(self, text: Callable[[], str]) -> str:
        try:
            return self.redactor.redact(text(), _MAX_LENGTH)
        except BaseException as error:  # noqa: BLE001 the plugin's own classes are asked
            return f"(withheld, since showing it raised {type_name(error)})"


def _traceback(error: BaseException) -> str:
    # Not imported before there is something to say.
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
    except BaseException:  # noqa: BLE001 the error's class is the plugin's own
        return describe_error(error)
