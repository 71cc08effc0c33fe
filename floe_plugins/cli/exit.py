"""How a command ends: exit statuses, error messages and the end of the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import click

from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginConfigurationError, PluginError

PROBLEMS_FOUND, USAGE_ERROR = 1, 2


def fail(message: str, status: int) -> NoReturn:
    """Print an error message on one line of standard error and exit."""
    print_error(escape(message))
    sys.exit(status)


def fail_with(error: PluginError, status: int) -> NoReturn:
    """Print an error to standard error and exit. Several issues of a configuration have a line each."""
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
    except PluginConfigurationError as error:
        fail_with(error, USAGE_ERROR)
    except PluginError as error:
        fail_with(error, PROBLEMS_FOUND)
    except BrokenPipeError:
        # The reader has closed the pipe (list | head); keep the interpreter from flushing to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
