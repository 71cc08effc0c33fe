"""``list``: the installed plugins, without importing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from floe_plugins.cli.options import Options, category_option, common_options

if TYPE_CHECKING:
    # Completing its options needs none of these.
    from floe_plugins.cli.survey import Survey
    from floe_plugins.core.refs import PluginType
    from floe_plugins.registry.plugin_info import PluginInfo

_COLUMNS = ("plugin", "version", "api", "state", "selected", "required", "distribution")


@click.command("list")
@category_option
@common_options
def list_(options: Options, category: PluginType | None) -> None:
    """List the installed plugins, including broken ones. Imports no plugin.

    A plugin is "refused" if it is known to be made for other versions. It is selected "as needed" if a start includes
    it because of another plugin.
    """
    from floe_plugins.cli.survey import Survey

    output = options.output()
    survey = Survey.make(options)
    infos, problems = survey.infos(category), survey.problems(category)
    if options.json:
        facts = {"configuration": survey.configuration, "plugins": [survey.facts(info.ref) for info in infos]}
        output.json({**facts, "problems": [problem.to_dict() for problem in problems]})
        return
    if infos:
        output.table(_COLUMNS, [_row(info, survey) for info in infos])
    else:
        output.line(survey.nothing(category))
    output.problems([each.to_dict() for each in problems])
    output.line()
    output.line(survey.configuration_line())


def _row(info: PluginInfo, survey: Survey) -> Sequence[object]:
    distribution, dependencies = info.distribution, survey.overview.dependencies
    return (
        info.ref,
        info.version or "?",
        info.floe_api_version or "?",
        survey.state(info.ref),
        "no" if info.ref not in dependencies.started else "as needed" if info.ref in dependencies.because else "yes",
        "yes" if info.required else "no",
        f"{distribution.name} {distribution.version}".rstrip() if distribution else "registered in code",
    )
