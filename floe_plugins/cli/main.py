"""The commands that show what is installed; ``run`` and ``config`` have modules of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from floe_plugins._version import __version__
from floe_plugins.cli.config import config
from floe_plugins.cli.options import PROBLEMS, USAGE, Options, common, fail, parse_category
from floe_plugins.cli.output import count
from floe_plugins.cli.run import health, run
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.errors import PluginNotFoundError
from floe_plugins.registry.plugin_info import PluginInfo

UNKNOWN = "known when loaded"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="floe-plugins")
@common
def app(_options: Options) -> None:
    """Show, check and run the plugins of a floe platform.

    Exit status: 0 fine, 1 problems were found, 2 wrong usage or configuration.
    """


app.add_command(run)
app.add_command(health)
app.add_command(config)


@app.command("list")
@click.option("--category", metavar="CATEGORY", callback=parse_category, help="Only this category.")
@common
def list_(options: Options, category: PluginType | None) -> None:
    """List what is installed, the broken too. Imports no plugin."""
    output = options.output()
    registry = options.registry()
    infos = registry.infos(category)
    # The same fact may be known of the scan and of the plugin.
    problems = tuple(dict.fromkeys((*registry.problems, *(problem for info in infos for problem in info.problems))))
    if options.json:
        output.json({"plugins": [info.to_dict() for info in infos], "problems": [each.to_dict() for each in problems]})
        return
    if infos:
        output.table(("plugin", "version", "api", "state", "distribution"), map(_row, infos))
    else:
        output.line("No plugin is installed." if category is None else f"No {category.slug} plugin is installed.")
    output.problems(problems)


def _row(info: PluginInfo) -> Sequence[object]:
    origin = f"{info.distribution.name} {info.distribution.version}" if info.distribution else "registered by hand"
    return info.ref, info.version or "?", info.floe_api_version or "?", info.state, origin


@app.command()
@click.option("--category", metavar="CATEGORY", callback=parse_category, help="Only this category.")
@common
def check(options: Options, category: PluginType | None) -> None:
    """Load every selected plugin and report what does not work. Starts nothing.

    Exit status 1 if there are problems.
    """
    output = options.output()
    registry = options.registry()
    loaded = len(registry.list(category))
    problems = registry.problems
    if options.json:
        output.json({"loaded": loaded, "problems": [problem.to_dict() for problem in problems]})
    else:
        output.line(f"{count(loaded, 'plugin')} can be loaded")
        output.problems(problems)
    if problems:
        raise SystemExit(PROBLEMS)


@app.command()
@click.argument("ref")
@common
def show(options: Options, ref: str) -> None:
    """Show what is known of the plugin REF, such as compute:duckdb. Imports no plugin."""
    try:
        parsed = PluginRef.parse(ref)
    except ValueError as error:
        fail(str(error), USAGE)
        return
    output = options.output()
    try:
        info = options.registry().info(parsed.type, parsed.name)
    except PluginNotFoundError as error:
        fail(str(error), USAGE)
        return
    if options.json:
        output.json({"plugin": info.to_dict()})
        return
    output.table((), _facts(info))
    output.problems(info.problems)


def _facts(info: PluginInfo) -> Iterable[tuple[str, Any]]:
    yield "plugin", info.ref
    yield "state", info.state
    yield "distribution", info.distribution or "registered by hand"
    yield "entry point", info.entry_point
    yield "version", info.version or UNKNOWN
    yield "made for API", info.floe_api_version or UNKNOWN
    yield "description", UNKNOWN if info.description is None else info.description
    for label, waited_for in (("needs", info.dependencies), ("uses if present", info.optional_dependencies)):
        yield label, UNKNOWN if waited_for is None else ", ".join(waited_for) or "nothing"
