"""A command group that imports the module of a command when the command is used: ``list`` need not import ``run``."""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

from floe_plugins.cli import program
from floe_plugins.cli.drawing.terminal import columns
from floe_plugins.cli.help_texts import SUMMARIES, examples, variables

_NARROWEST, _WIDEST = 40, 100
# The modules of commands that have none of their own.
_MODULES: dict[str, str] = dict.fromkeys(("start", "stop", "restart"), "start_stop_restart")


def complete_variable() -> str:
    """Return the variable with which shells ask for completion, as click calls it after the program.

    >>> complete_variable()
    '_FLOE_PLUGINS_COMPLETE'
    """
    return f"_{program.name()}_COMPLETE".replace("-", "_").replace(".", "_").upper()


class LazyGroup(click.Group):
    """The group of all commands, each in a module of its name or in one with others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click asks with its context
        """Return the names of the commands."""
        return sorted(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 as above
        """Return the command of a name; None if there is none."""
        if cmd_name not in SUMMARIES:
            return None
        module = importlib.import_module(f"floe_plugins.cli.commands.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.list_ if cmd_name == "list" else getattr(module, cmd_name)
        command.short_help = SUMMARIES[cmd_name]
        command.epilog = epilog(cmd_name)
        for name, each in command.commands.items() if isinstance(command, click.Group) else ():
            each.epilog = epilog(f"{cmd_name} {name}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 as above
        """Write the list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(SUMMARIES.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the environment variables."""
        self.epilog = epilog("")
        super().format_epilog(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the options, or the commands with their summaries, without importing them."""
        if incomplete and not incomplete[0].isalnum():
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=text) for name, text in sorted(SUMMARIES.items()) if name.startswith(incomplete)
        ]

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line, or complete it where a shell asks for that."""
        if complete_variable() in os.environ:
            from floe_plugins.cli.shells import register

            register()
        width = max(_NARROWEST, min(columns(), _WIDEST)) - 2
        return super().main(*args, terminal_width=width, **kwargs)


def epilog(command: str) -> str:
    r"""Return the end of a command's help: examples of it, and the environment variables.

    >>> epilog("list").splitlines()[:3]
    ['\x08', 'Examples:', '  floe-plugins list']
    """
    read = variables(program.platform())
    size = max(map(len, read))
    environment = "\n".join(f"  {name:{size}}  {text}" for name, text in read.items())
    shown = "\n".join(f"  {program.name()} {example}" for example in examples(program.platform(), command))
    return f"\b\nExamples:\n{shown}\n\n\b\nEnvironment:\n{environment}" if shown else f"\b\nEnvironment:\n{environment}"
