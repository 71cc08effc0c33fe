"""``check``: load the selected plugins and report problems."""

from __future__ import annotations

import sys

import click

from floe_plugins.cli.hosted import HostedCommand
from floe_plugins.cli.options import Options, category_option, common_options
from floe_plugins.cli.output import count
from floe_plugins.core.refs import PluginType


@click.command()
@category_option
@common_options
def check(options: Options, category: PluginType | None) -> None:
    """Load every selected plugin and report problems. Starts nothing.

    Exit status 1 if there are problems.
    """
    finished = HostedCommand(options).run("check", category=None if category is None else category.slug)
    output = options.output()
    if options.json:
        output.json(finished.document)
    else:
        output.line(f"{count(finished.document['loaded'], 'plugin')} loaded")
        output.problems(finished.document["problems"])
    sys.exit(finished.status)
