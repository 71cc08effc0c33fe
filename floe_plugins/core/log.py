"""Logging that raises nothing, whatever the application's log handlers do."""

from __future__ import annotations

import threading
from contextlib import suppress

from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import Shown, escape, type_name

_AS_THEY_ARE = frozenset({int, float, bool, Shown})


_silent = False


def silence() -> None:
    """Log nothing from now on: a command prints problems itself, and importing ``logging`` takes a while."""
    global _silent  # noqa: PLW0603 of this process, as log handlers are
    _silent = True


def log(level: str, message: str, *args: object, **facts: object) -> None:
    """Log a message at a level ("info", "warning", "error") under the logger ``floe_plugins``.

    The arguments are escaped. The record has the attributes ``is_problem``, whether the first one is a ``Problem``, and
    ``ref``, ``stage`` and ``exception``: the plugin that it is about, as text, the stage, and what was raised; each is
    None where that is not known. They are taken from the first argument if that is a problem or a ref; ``facts`` win.
    If a handler raises, its traceback is printed unless ``logging.raiseExceptions`` is false. A handler that blocks,
    blocks the caller.

    Raises:
        KeyboardInterrupt: On the main thread, where it is a signal's.
    """
    if _silent:
        return
    # Most processes log nothing, and importing logging takes a while.
    import logging

    try:
        logger, number = logging.getLogger("floe_plugins"), getattr(logging, level.upper())
        if logger.isEnabledFor(number):
            shown = [each if type(each) in _AS_THEY_ARE else escape(each) for each in args]
            extra = {**_about(args[0] if args else None), **{name: str(fact) for name, fact in facts.items()}}
            logger.log(number, message, *shown, stacklevel=2, extra=extra)
    except BaseException as error:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and issubclass(type(error), KeyboardInterrupt):  # a signal's
            raise
        if logging.raiseExceptions:
            import traceback

            with suppress(BaseException):  # standard error may be closed, or replaced
                # Leave out the error that was being handled: a plugin's error may contain secrets.
                traceback.print_exc(chain=False)


def _about(subject: object) -> dict[str, object]:
    """Return the attributes of a record whose message begins with this."""
    ref, stage, raised = subject, None, None
    if isinstance(subject, Problem):
        ref, stage = subject.ref, str(subject.stage)
        exception = getattr(subject.cause, "exception", None)
        raised = None if exception is None else type_name(exception)
    return {
        "is_problem": isinstance(subject, Problem),
        "ref": str(ref) if isinstance(ref, PluginRef) else None,
        "stage": stage,
        "exception": raised,
    }
