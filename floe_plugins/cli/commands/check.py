"""``check``: load the selected plugins and report problems."""

from __future__ import annotations

import click

from floe_plugins.cli.exit import PROBLEMS_FOUND
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
    output = options.output()
    registry = options.registry()
    loaded = len(registry.list(category))
    problems = registry.problems
    if options.json:
        output.json({"loaded": loaded, "problems": [problem.to_dict() for problem in problems]})
    else:
        output.line(f"{count(loaded, 'plugin')} loaded")
        output.problems(problems)
    if problems:
        raise SystemExit(PROBLEMS_FOUND)
