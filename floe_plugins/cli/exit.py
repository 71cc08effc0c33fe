"""How a command ends: exit statuses, error messages and the end of the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol

import click

from floe_plugins.cli.protocol import describe
from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginConfigurationError, PluginError

PROBLEMS_FOUND, USAGE_ERROR = 1, 2


class Documents(Protocol):
    """What a failing command has to know of its options: whether to print a document, and where."""

    @property
    def json(self) -> bool:
        """Whether a document is asked for."""
        ...

    def output(self) -> Any:
        """Return standard output."""
        ...


class CommandError(PluginError):
    """The command cannot be carried out as it was given."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def fail(message: str, status: int) -> NoReturn:
    """End the command with a message and an exit status, within ``run_command``."""
    raise CommandError(message, status)


def print_error(text: str) -> None:
    """Print an escaped error message to standard error."""
    with suppress(OSError, ValueError):  # standard error may be closed
        click.echo(f"floe-plugins: {text}", err=True)


def run_command(command: Callable[..., Any], options: Documents, *args: Any, **kwargs: Any) -> Any:
    """Run a command; print an expected error as one message, and as a document, instead of a traceback.

    Exits with status 2 for a configuration error and 1 for any other ``PluginError``.
    """
    try:
        return command(options, *args, **kwargs)
    except PluginError as error:
        status = USAGE_ERROR if isinstance(error, PluginConfigurationError) else PROBLEMS_FOUND
        end_with(describe(error), options, error.status if isinstance(error, CommandError) else status)
    except BrokenPipeError:
        # The reader has closed the pipe (list | head); keep the interpreter from flushing to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)


def end_with(
    error: Mapping[str, Any], options: Documents, status: int, lines: Sequence[str] = (), *, as_event: bool = False
) -> NoReturn:
    """Print an error, given as JSON data, and exit. Several issues of a configuration have a line each.

    The error without a text has been printed. The lines follow it, and are escaped already. As an event it is one of
    several documents.
    """
    text = str(error.get("text", ""))
    if text:
        several = len(error.get("issues") or ()) > 1
        print_error("\n".join([*(map(escape, text.split("\n")) if several else [escape(text)]), *lines]))
    if options.json and as_event:
        options.output().event({"event": "error", "error": error})
    elif options.json:
        options.output().json({"error": error})
    sys.exit(status)
