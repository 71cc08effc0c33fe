"""``graph``: what each plugin needs, drawn, without importing a plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from floe_plugins.cli import completing, logs
from floe_plugins.cli.options import Options, common_options

if TYPE_CHECKING:
    # Completing its options needs none of these.
    from floe_plugins.cli.drawing.graph_model import Diagram
    from floe_plugins.cli.installed import InstalledPlugins
    from floe_plugins.cli.output import Output
    from floe_plugins.core.refs import PluginRef

_FORMATS = ("text", "mermaid", "dot", "svg", "json")


@click.command()
@click.argument("ref", required=False, shell_complete=completing.refs)
@click.option("--format", "form", type=click.Choice(_FORMATS), help="How to draw it; as text by default.")
@common_options
def graph(options: Options, ref: str | None, form: str | None) -> None:
    """Draw what each plugin needs, or what the plugin REF needs. Imports no plugin.

    What a plugin needs is read from its source. Where that does not say it, the graph says "known when loaded".
    """
    from floe_plugins.cli.drawing.graph_model import diagram
    from floe_plugins.cli.installed import InstalledPlugins

    if options.json and form not in {None, "json"}:
        raise click.UsageError(f"--json and --format {form} exclude each other")
    output = options.output()
    installed = InstalledPlugins.make(options)
    root = None if ref is None else installed.find(ref)
    overview = installed.overview
    states = {each: installed.state(each) for each in overview.infos}
    drawn = diagram(overview.dependencies, states, overview.reasons, root)
    if options.json or form == "json":
        output.json(_document(drawn, states, installed))
    elif form in {None, "text"}:
        _print_tree(drawn, output, installed)
    else:
        output.text(_draw(drawn, form or ""))
        logs.write("info", installed.configuration_line())


def _draw(drawn: Diagram, form: str) -> str:
    if form == "svg":
        from floe_plugins.cli.drawing.svg import svg

        return svg(drawn)
    from floe_plugins.cli.drawing.mermaid_and_dot import dot, mermaid

    return mermaid(drawn) if form == "mermaid" else dot(drawn)


def _print_tree(drawn: Diagram, output: Output, installed: InstalledPlugins) -> None:
    from floe_plugins.cli.drawing.tree import ASCII, LINES, tree

    for line in tree(drawn, LINES if output.can_show(LINES.branch + LINES.last + LINES.down) else ASCII):
        output.line(line)
    if not drawn.nodes:
        output.line(installed.nothing())
    output.line()
    output.line(installed.configuration_line())


def _document(drawn: Diagram, states: Mapping[PluginRef, str], installed: InstalledPlugins) -> dict[str, Any]:
    overview = installed.overview
    return {
        "configuration": installed.configuration,
        "plugins": [
            {
                "ref": str(each),
                "state": states[each],
                "selected": overview.selected(each),
                "reason": overview.reasons[each],
                "known": each not in overview.dependencies.unknown,
                "dependencies": [dependency.to_dict() for dependency in overview.dependencies.of[each]],
            }
            for each in overview.infos
            if str(each) in drawn.nodes
        ],
        "cycles": [list(cycle) for cycle in drawn.cycles],
        "warnings": installed.warnings,
    }
