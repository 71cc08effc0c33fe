"""What goes wrong in a plugin where nobody waits for it: logged, without the secrets of its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.configuration.redaction import conceal_secrets
from floe_plugins.core.log import log
from floe_plugins.core.safe_text import shown, told


class Background:
    """The log of one plugin's background. Safe from any thread; no method raises what a plugin can make it raise.

    Attributes:
        name: whose background it is.
        model: the plugin's validated configuration; None as long as it has none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: object = None

    def failed(self, what: str, error: BaseException) -> None:
        """Log what failed, with the error's traceback."""
        log("error", "%s\n%s", what, self._concealed(lambda: _traceback(error)))

    def reported(self, _loop: object, context: Mapping[str, Any]) -> None:
        """Log what an event loop reports; asyncio calls it as an exception handler."""
        what = f"in the background of {self.name}: {context.get('message') or 'an error'}"
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.failed(what, error)
            return
        about = next((context[key] for key in ("task", "future", "asyncgen", "handle") if key in context), None)
        log("error", "%s\n%s", what, self._concealed(lambda: shown(about)))

    def _concealed(self, text: Callable[[], str]) -> str:
        try:
            said: str = conceal_secrets(text(), self.model)
        except (Exception, SystemExit) as error:  # noqa: BLE001 the plugin's own classes are asked
            return f"(withheld, since showing it raised {type(error).__name__})"
        return said


def _traceback(error: BaseException) -> str:
    # Not imported before there is something to say.
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
    except Exception:  # noqa: BLE001 the error's class is the plugin's own
        return told(error)
