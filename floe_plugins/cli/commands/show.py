"""``show``: what is known about one plugin, without importing it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from floe_plugins.cli.exit import USAGE_ERROR, fail
from floe_plugins.cli.options import Options, common_options
from floe_plugins.core.refs import PluginRef
from floe_plugins.errors import PluginNotFoundError
from floe_plugins.registry.plugin_info import PluginInfo

UNKNOWN = "unknown until loaded"


@click.command()
@click.argument("ref")
@common_options
def show(options: Options, ref: str) -> None:
    """Show one plugin by its REF, such as compute:duckdb. Imports no plugin."""
    try:
        parsed = PluginRef.parse(ref)
    except ValueError as error:
        fail(str(error), USAGE_ERROR)
    output = options.output()
    try:
        info = options.registry().info(parsed.type, parsed.name)
    except PluginNotFoundError as error:
        fail(str(error), USAGE_ERROR)
    if options.json:
        output.json({"plugin": info.to_dict()})
        return
    output.table((), _rows(info))
    output.problems([each.to_dict() for each in info.problems])


def _rows(info: PluginInfo) -> Iterable[tuple[str, Any]]:
    yield "plugin", info.ref
    yield "state", info.state
    yield "distribution", info.distribution or "registered in code"
    yield "entry point", info.entry_point
    yield "version", info.version or UNKNOWN
    yield "plugin API", info.floe_api_version or UNKNOWN
    yield "description", UNKNOWN if info.description is None else info.description
    for label, refs in (("dependencies", info.dependencies), ("optional dependencies", info.optional_dependencies)):
        yield label, UNKNOWN if refs is None else ", ".join(refs) or "none"
