"""The command group ``floe-plugins``: its version and its commands."""

from __future__ import annotations

import importlib
from typing import Any

import click

from floe_plugins._version import __version__
from floe_plugins.cli import usage
from floe_plugins.cli.options import Options, common_options

# The module of each command in ``floe_plugins.cli.commands``.
_COMMANDS = {
    "check": "check",
    "config": "config",
    "health": "health",
    "list": "list",
    "restart": "act",
    "run": "run",
    "show": "show",
    "start": "act",
    "stop": "act",
    "timings": "timings",
}


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is used: ``list`` need not import ``run``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click asks with its context
        """Return the names of the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 as above
        """Return the command of a name, which is that of its module too; None if there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"floe_plugins.cli.commands.{_COMMANDS[cmd_name]}")
        command: click.Command = module.list_ if cmd_name == "list" else getattr(module, cmd_name)
        return command


class App(LazyGroup):
    """The whole command line: wrong usage is a document too where one is asked for."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments before the command's name."""
        with usage.as_document():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the other arguments, and run the command."""
        with usage.as_document():
            return super().invoke(ctx)


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="floe-plugins")
@common_options
def app(_options: Options) -> None:
    """Show, check and run the plugins of a floe platform.

    Exit status: 0 success, 1 problems found, 2 usage or configuration error.
    """
