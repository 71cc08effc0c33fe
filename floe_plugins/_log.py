"""The log of this package. Whatever the application's handlers do, it interrupts nothing."""

from __future__ import annotations

from contextlib import suppress


def log(level: str, message: str, *args: object, exc_info: bool = False) -> None:
    """Log a message at a level ("info", "warning", "error") under this package's name.

    With ``exc_info``, the traceback of the exception being handled is added.

    A handler that raises has its traceback printed, as logging itself does for handlers that fail to write.
    """
    # Not imported before there is something to say: most processes only ask what is installed.
    import logging

    try:
        getattr(logging.getLogger(__package__), level)(message, *args, exc_info=exc_info, stacklevel=2)
    except Exception:  # noqa: BLE001 it is the application's
        if logging.raiseExceptions:
            import traceback

            with suppress(Exception):  # standard error may be closed
                traceback.print_exc()
