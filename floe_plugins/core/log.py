"""Logging that never raises, whatever the application's log handlers do."""

from __future__ import annotations

from contextlib import suppress


def log(level: str, message: str, *args: object) -> None:
    """Log a message at a level ("info", "warning", "error") under the logger ``floe_plugins``.

    If a handler raises, its traceback is printed unless ``logging.raiseExceptions`` is false.
    """
    # Most processes log nothing, and importing logging takes a while.
    import logging

    try:
        getattr(logging.getLogger("floe_plugins"), level)(message, *args, stacklevel=2)
    except Exception:  # noqa: BLE001 handlers belong to the application
        if logging.raiseExceptions:
            import traceback

            with suppress(Exception):  # standard error may be closed
                # Leave out the error that was being handled: a plugin's error may contain secrets.
                traceback.print_exc(chain=False)
