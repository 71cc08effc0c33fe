"""What goes wrong in a plugin where nobody waits for it: logged, without the secrets of its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.configuration.redaction import redact
from floe_plugins.core.log import log
from floe_plugins.core.safe_text import describe_error, safe_str


class BackgroundErrors:
    """The log of one plugin's background. Safe from any thread; no method raises what a plugin can make it raise.

    Attributes:
        name: whose background it is.
        model: the plugin's validated configuration; None as long as it has none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: object = None

    def log_error(self, what: str, error: BaseException) -> None:
        """Log what failed, with the error's traceback."""
        log("error", "%s\n%s", what, self._redacted(lambda: _traceback(error)))

    def handle_loop_exception(self, _loop: object, context: Mapping[str, Any]) -> None:
        """Log what an event loop reports; asyncio calls it as an exception handler."""
        what = f"in the background of {self.name}: {context.get('message') or 'an error'}"
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.log_error(what, error)
            return
        about = next((context[key] for key in ("task", "future", "asyncgen", "handle") if key in context), None)
        log("error", "%s\n%s", what, self._redacted(lambda: safe_str(about)))

    def _redacted(self, text: Callable[[], str]) -> str:
        try:
            said: str = redact(text(), self.model)
        except (Exception, SystemExit) as error:  # noqa: BLE001 the plugin's own classes are asked
            return f"(withheld, since showing it raised {type(error).__name__})"
        return said


def _traceback(error: BaseException) -> str:
    # Not imported before there is something to say.
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
    except Exception:  # noqa: BLE001 the error's class is the plugin's own
        return describe_error(error)
