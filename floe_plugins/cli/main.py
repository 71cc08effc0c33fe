"""The command group ``floe-plugins``: its version and its commands."""

from __future__ import annotations

import click

from floe_plugins._version import __version__
from floe_plugins.cli.lazy_group import LazyGroup
from floe_plugins.cli.options import Options, common_options


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="floe-plugins")
@common_options
def app(_options: Options) -> None:
    """Show, check and run the plugins of a floe platform.

    Exit status: 0 success, 1 problems found, 2 usage or configuration error.
    """
