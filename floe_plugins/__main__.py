"""The command line of a platform, and the entry of ``python -m floe_plugins`` and of the script ``floe-plugins``."""

from __future__ import annotations

# The part of signal that is built in: importing signal itself takes so long that an interrupt would often hit it.
import _signal  # type: ignore[import-not-found] # pyright: ignore[reportMissingImports] no stub
import functools
import gc
import os
import sys
from collections.abc import Callable

from floe_plugins.cli import program
from floe_plugins.core.platform import FLOE, Platform

# Runs plugin code, and is imported before any of it.
_RUNS_PLUGINS = "floe_plugins.registry.services"
_COLLECT_AFTER = 50_000
_INTERRUPTED = 128 + _signal.SIGINT


def main(platform: Platform = FLOE) -> None:
    """Run the command line of a platform and exit with its status.

    Reads ``sys.argv``, and does not return: 0 success, 1 problems, 2 wrong usage or configuration, 130 interrupted. A
    process has one command line: this sets its signal handler and opens its standard descriptors.
    """
    _open_standard_descriptors()
    _end_with_a_line_on_interrupt(platform.command)
    program.use(platform)
    # Most commands end before there is anything to collect, and looking for it takes a tenth of their time.
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    try:
        import click  # noqa: F401 # pyright: ignore[reportUnusedImport] to report in one line that it is missing
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"{platform.command}: the command line requires {error.name}: pip install 'floe-plugins[cli]'\n"
        )
        sys.exit(2)
    from floe_plugins.cli.exit import OutputError, end_without_output
    from floe_plugins.cli.main import app

    try:
        app(prog_name=platform.command)
    except OutputError as error:
        end_without_output(error.cause)
    except OSError as error:  # click prints help itself
        end_without_output(error)
    except SystemExit as end:
        if _RUNS_PLUGINS not in sys.modules:
            from floe_plugins.cli.exit import end_at_once

            end_at_once(end.code)
        raise


def command_line(platform: Platform) -> Callable[[], None]:
    """Return the command line of a platform, for the script of its host.

    ``main = command_line(SITE)`` in a module ``site_host.cli`` and ``site = "site_host.cli:main"`` below
    ``[project.scripts]`` give the host all commands under its own name. What is returned reads ``sys.argv``, and ends
    the process with the status of the command. It needs the extra ``cli``, and says so in one line where that is
    missing.
    """
    return functools.partial(main, platform)


def _open_standard_descriptors() -> None:
    """Open what was closed before: a pipe to the host that got its number would be taken for it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 its only parameter


def _end_with_a_line_on_interrupt(name: str) -> None:
    """End with one line at SIGINT, wherever an import is. Commands that start plugins handle it themselves."""

    def end(_number: int, _frame: object) -> None:
        os.write(2, f"{name}: interrupted\n".encode())
        os._exit(_INTERRUPTED)

    # Not where the signal is ignored, as in a shell's background job.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, end)


if __name__ == "__main__":
    main()
