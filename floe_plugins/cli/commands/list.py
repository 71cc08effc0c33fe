"""``list``: the installed plugins, without importing them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from floe_plugins.cli.options import Options, category_option, common_options
from floe_plugins.core.refs import PluginType
from floe_plugins.registry.plugin_info import PluginInfo


@click.command("list")
@category_option
@common_options
def list_(options: Options, category: PluginType | None) -> None:
    """List the installed plugins, including broken ones. Imports no plugin."""
    output = options.output()
    registry = options.registry()
    infos = registry.infos(category)
    # Discovery and the plugin may both report the same problem.
    problems = tuple(dict.fromkeys((*registry.problems, *(problem for info in infos for problem in info.problems))))
    if options.json:
        output.json({"plugins": [info.to_dict() for info in infos], "problems": [each.to_dict() for each in problems]})
        return
    if infos:
        output.table(("plugin", "version", "api", "state", "distribution"), map(_row, infos))
    else:
        kind = "plugin" if category is None else f"{category.slug} plugin"
        off = registry.discover().switched_off
        output.line("Installed plugins are switched off." if off else f"No {kind} is installed.")
    output.problems([each.to_dict() for each in problems])


def _row(info: PluginInfo) -> Sequence[object]:
    distribution = info.distribution
    origin = f"{distribution.name} {distribution.version}" if distribution else "registered in code"
    return info.ref, info.version or "?", info.floe_api_version or "?", info.state, origin
