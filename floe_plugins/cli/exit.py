"""End a command: exit statuses, error messages and the end of the process."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from floe_plugins.cli import logs

PROBLEMS_FOUND, USAGE_ERROR = 1, 2


class Documents(Protocol):
    """The options that decide how an error is printed: as a document or not, and where."""

    @property
    def json(self) -> bool:
        """Whether a document is asked for."""
        ...

    def output(self) -> Any:
        """Return standard output."""
        ...


class CommandError(Exception):
    """The command cannot be carried out as it was given."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class OutputError(Exception):
    """Standard output cannot be written to."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class InterruptedCommandError(BaseException):
    """A signal ends the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def fail(message: str, status: int) -> NoReturn:
    """End the command with a message and an exit status, within ``run_command``.

    Raises:
        CommandError: Always.
    """
    raise CommandError(message, status)


def print_error(text: str, **facts: Any) -> None:
    """Print an escaped error message to standard error; as JSON, with the facts."""
    logs.write("error", text, **facts)


def run_command(command: Callable[..., Any], options: Documents, *args: Any, **kwargs: Any) -> Any:
    """Run a command and return what it returns; print an expected error as one message, and as a document.

    Raises:
        SystemExit: The command failed: with status 2 for a configuration error, 1 for any other ``PluginError`` and for
            what the system refuses, and 128 and the number of the signal after ``InterruptedCommandError``.
        Exception: Anything else, which is a mistake of this package: it keeps its traceback.
    """
    try:
        return command(options, *args, **kwargs)
    except OutputError as error:
        end_without_output(error.cause)
    except InterruptedCommandError as error:
        end_with(interruption(error.number), options, 128 + error.number)
    except Exception as error:
        from floe_plugins.cli.protocol import describe
        from floe_plugins.errors import PluginConfigurationError, PluginError

        if isinstance(error, OSError):  # what the system refuses to any command, such as another process or file
            file = "" if error.filename is None else f": {error.filename}"
            refused = PluginError(f"the command cannot go on: {error.strerror or error}{file}")
            end_with({**describe(refused), "type": type(error).__name__}, options, PROBLEMS_FOUND)
        if isinstance(error, CommandError):
            facts = {**describe(PluginError(str(error))), "type": type(error).__name__}
            end_with(facts, options, error.status)
        if isinstance(error, PluginError):
            is_usage = isinstance(error, PluginConfigurationError)
            end_with(describe(error), options, USAGE_ERROR if is_usage else PROBLEMS_FOUND)
        raise


def interruption(number: int) -> dict[str, Any]:
    """Return the error of a command that a signal ended, as JSON data."""
    import signal  # few commands are interrupted, and it takes long to import

    from floe_plugins.cli.protocol import describe
    from floe_plugins.errors import PluginError

    return {**describe(PluginError(f"ended by {signal.Signals(number).name}")), "type": "Interrupted"}


@contextmanager
def cleaning_up() -> Generator[None, None, None]:
    """Within the block, a signal raises ``InterruptedCommandError``; a second one ends the process at once.

    For a command that has more to end or to remove than this process.
    """
    from floe_plugins.authoring.signals import handled_by  # few commands need it, and signal takes long to import

    received: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        raise InterruptedCommandError(number)

    with handled_by(interrupt):
        yield


def end_with(
    error: Mapping[str, Any], options: Documents, status: int, lines: Sequence[str] = (), *, as_event: bool = False
) -> NoReturn:
    """Print an error, given as JSON data, and exit. Several issues of a configuration have a line each.

    The error without a text has been printed. The lines follow it, and are escaped already. As an event it is one of
    several documents.
    """
    from floe_plugins.core.safe_text import escape

    text = str(error.get("text", ""))
    if text:
        several = len(error.get("issues") or ()) > 1
        url = error.get("docs_url") if getattr(options, "verbose", 0) else ""
        links = [f"    see {escape(url)}"] if url else []
        shown = "\n".join([*(map(escape, text.split("\n")) if several else [escape(text)]), *lines, *links])
        print_error(shown, ref=error.get("ref"))
    if options.json and as_event:
        options.output().event({"event": "error", "error": error})
    elif options.json:
        options.output().json({"error": error})
    sys.exit(status)


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
