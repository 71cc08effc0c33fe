"""How a command ends: exit statuses, error messages and the end of the process."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    # Help and completion end without any of these.
    from floe_plugins.errors import PluginError

PROBLEMS_FOUND, USAGE_ERROR = 1, 2


def fail(message: str, status: int) -> NoReturn:
    """Print an error message on one line of standard error and exit."""
    from floe_plugins.core.safe_text import escape

    print_error(escape(message))
    sys.exit(status)


def fail_with(error: PluginError, status: int) -> NoReturn:
    """Print an error to standard error and exit. Several issues of a configuration have a line each."""
    from floe_plugins.core.safe_text import escape
    from floe_plugins.errors import PluginConfigurationError

    several = isinstance(error, PluginConfigurationError) and len(error.errors) > 1
    print_error("\n".join(map(escape, str(error).split("\n"))) if several else escape(error))
    sys.exit(status)


def print_error(text: str) -> None:
    """Print an escaped error message to standard error."""
    with suppress(OSError, ValueError):  # standard error may be closed
        click.echo(f"floe-plugins: {text}", err=True)


def run_command(command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a command; print an expected error as one message instead of a traceback.

    Exits with status 2 for a configuration error and 1 for any other ``PluginError``.
    """
    try:
        return command(*args, **kwargs)
    except OSError as error:  # all others are caught where they concern a plugin or a file
        end_without_output(error)
    except Exception as error:
        from floe_plugins.errors import PluginConfigurationError, PluginError

        if isinstance(error, PluginError):
            fail_with(error, USAGE_ERROR if isinstance(error, PluginConfigurationError) else PROBLEMS_FOUND)
        raise


def end_without_output(error: OSError) -> NoReturn:
    """End at once because standard output cannot be written to.

    Says nothing and succeeds if the reader has closed the pipe, as ``list | head`` does.
    """
    status = 0
    if not isinstance(error, BrokenPipeError):
        print_error(f"cannot write to standard output: {error.strerror or error}")
        status = PROBLEMS_FOUND
    # An ordinary exit would try to write the rest again, and show a traceback.
    os._exit(status)


def end_at_once(status: object) -> NoReturn:
    """End the process without what the interpreter does at its end, which takes as long as a short command.

    Only for commands that have run no plugin code. What was registered with ``atexit`` is called.
    """
    if isinstance(status, str):
        print_error(status)
        status = PROBLEMS_FOUND
    atexit._run_exitfuncs()  # noqa: SLF001 nothing else calls them # pyright: ignore[reportPrivateUsage]
    try:
        sys.stdout.flush()
    except OSError as error:
        end_without_output(error)
    except (AttributeError, ValueError):  # standard output is closed
        pass
    os._exit(status if isinstance(status, int) else 0)
