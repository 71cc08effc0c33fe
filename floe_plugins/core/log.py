"""The log of this package. Whatever the application's handlers do, it interrupts nothing."""

from __future__ import annotations

from contextlib import suppress


def log(level: str, message: str, *args: object) -> None:
    """Log a message at a level ("info", "warning", "error") under this package's name.

    A handler that raises has its traceback printed, as logging itself does for handlers that fail to write.
    """
    # Not imported before there is something to say: most processes only ask what is installed.
    import logging

    try:
        getattr(logging.getLogger("floe_plugins"), level)(message, *args, stacklevel=2)
    except Exception:  # noqa: BLE001 it is the application's
        if logging.raiseExceptions:
            import traceback

            with suppress(Exception):  # standard error may be closed
                # Not the error that was being handled: what a plugin raised may hold its secrets.
                traceback.print_exc(chain=False)
