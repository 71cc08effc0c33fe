"""The options that every command has, before or after its name."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from floe_plugins.cli.output import Output
from floe_plugins.configuration import find_file
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginType
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.registry.facade import PluginRegistry

F = TypeVar("F", bound=Callable[..., Any])

PROBLEMS, USAGE = 1, 2


@attrs.define
class Options:
    """What was said on the command line for every command."""

    config: str | None = None
    json: bool = False
    no_plugins: bool = False
    disable: str = ""
    no_color: bool = False
    verbose: bool = False

    def file(self) -> str | None:
        """The configuration file: as given, as in the environment, or the one in this directory."""
        if self.config is not None:
            return self.config
        found = find_file(Path.cwd(), os.environ)
        return None if found is None else str(found)

    def output(self) -> Output:
        """Standard output for a command."""
        return Output(as_json=self.json, color=self._color())

    def _color(self) -> bool | None:
        # no-color.org and force-color.org: set and not empty.
        if self.no_color or os.environ.get("NO_COLOR"):
            return False
        return True if os.environ.get("FORCE_COLOR") else None

    def registry(self, *, progress: bool = False, autoload: str | None = None) -> PluginRegistry:
        """A registry as configured; with ``progress``, standard error tells what it does.

        ``autoload`` counts in place of the configuration's own, but not of ``--no-plugins``.

        Raises:
            PluginConfigurationError: the configuration cannot be read.
        """
        self._log(progress=progress)
        autoload = "none" if self.no_plugins else autoload
        disable = [name.strip() for name in self.disable.split(",") if name.strip()]
        try:
            return PluginRegistry(self.file(), autoload=autoload, disable=disable)
        except ValueError as error:
            if isinstance(error, PluginError):
                raise
            raise click.BadParameter(str(error), param_hint="--disable") from None

    def _log(self, *, progress: bool) -> None:
        import logging

        shown = self.verbose or progress
        handler: logging.Handler = logging.StreamHandler(sys.stderr) if shown else logging.NullHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        if not self.verbose:
            handler.addFilter(_is_no_problem)
        logger = logging.getLogger("floe_plugins")
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.INFO)


def _is_no_problem(record: Any) -> bool:
    # Problems are printed as such, once and in order.
    return not (record.args and isinstance(record.args[0], Problem))


_COMMON = (
    click.option("--config", metavar="FILE", help="The configuration file (default: floe.toml, .yaml or .json here)."),
    click.option("--json", is_flag=True, default=None, help="Print JSON, and nothing else, to standard output."),
    click.option("--no-plugins", is_flag=True, default=None, help="Leave all installed plugins out."),
    click.option("--disable", metavar="REFS", help="Leave these out: refs, categories, distribution:NAME, by comma."),
    click.option("--no-color", is_flag=True, default=None, help="Never colour (also: the variable NO_COLOR)."),
    click.option("-v", "--verbose", is_flag=True, default=None, help="Show on standard error what is being done."),
)


def common(function: F) -> F:
    """Give a command the common options, as one ``Options``; those after its name win."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in [field.name for field in attrs.fields(Options)]}
        context = click.get_current_context()
        before = context.obj or Options()
        options = attrs.evolve(before, **{name: value for name, value in given.items() if value is not None})
        if context.command.name != context.find_root().command.name:
            return call(function, options, *args, **kwargs)
        context.obj = options
        return function(options, *args, **kwargs)

    for option in reversed(_COMMON):
        command = option(command)
    return command  # type: ignore[return-value]


def call(function: Callable[..., Any], options: Options, *args: Any, **kwargs: Any) -> Any:
    """Run a command; errors of configuration and usage become one message and exit status 2."""
    try:
        return function(options, *args, **kwargs)
    except PluginConfigurationError as error:
        fail(str(error), USAGE)
    except PluginError as error:
        fail(str(error), PROBLEMS)
    except BrokenPipeError:
        # The reader has seen enough (list | head); the interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)


def fail(message: str, status: int) -> None:
    """Say what is wrong on standard error and exit."""
    click.echo(f"floe-plugins: {message}", err=True)
    sys.exit(status)


def parse_category(_context: object, _parameter: object, value: str | None) -> PluginType | None:
    """A category given on the command line."""
    if value is None:
        return None
    try:
        return PluginType.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
