"""Logging that raises nothing, whatever the application's log handlers do."""

from __future__ import annotations

import threading
from contextlib import suppress


def log(level: str, message: str, *args: object) -> None:
    """Log a message at a level ("info", "warning", "error") under the logger ``floe_plugins``.

    If a handler raises, its traceback is printed unless ``logging.raiseExceptions`` is false. A handler that blocks,
    blocks the caller.

    Raises:
        KeyboardInterrupt: On the main thread, where it is a signal's.
    """
    # Most processes log nothing, and importing logging takes a while.
    import logging

    try:
        getattr(logging.getLogger("floe_plugins"), level)(message, *args, stacklevel=2)
    except BaseException as error:
        if _is_interrupt(error):
            raise
        if logging.raiseExceptions:
            import traceback

            with suppress(BaseException):  # standard error may be closed, or replaced
                # Leave out the error that was being handled: a plugin's error may contain secrets.
                traceback.print_exc(chain=False)


def _is_interrupt(error: BaseException) -> bool:
    """Whether an error is the signal's: only the main thread gets those."""
    return issubclass(type(error), KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
