"""The command group ``floe-plugins``: its version and its commands."""

from __future__ import annotations

from typing import Any

import click

from floe_plugins._version import __version__
from floe_plugins.cli import program, usage_errors
from floe_plugins.cli.lazy_group import LazyGroup
from floe_plugins.cli.options import Options, common_options


class App(LazyGroup):
    """The whole command line: wrong usage is a document too where one is asked for."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments before the command's name."""
        with usage_errors.as_document():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the other arguments, and run the command."""
        with usage_errors.as_document():
            return super().invoke(ctx)


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=program.name())
@common_options
def app(_options: Options) -> None:
    """Show, check and run the plugins of a platform.

    Exit status: 0 success, 1 problems found, 2 usage or configuration error.
    """
