"""``list``: the installed plugins, without importing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from floe_plugins.cli.options import Options, category_option, common_options

if TYPE_CHECKING:
    # Completing its options needs none of these.
    from floe_plugins.cli.survey import Survey
    from floe_plugins.core.categories import Category
    from floe_plugins.registry.plugin_info import PluginInfo

_COLUMNS = ("plugin", "version", "api", "state", "selected", "required", "distribution")


_RUNNING_COLUMNS = ("plugin", "version", "state", "health", "selected", "required", "distribution", "reason")


@click.command("list")
@click.option("--running", is_flag=True, help="Ask the platform that runs, which knows states and health.")
@category_option
@common_options
def list_(options: Options, category: Category | None, *, running: bool) -> None:
    """List the installed plugins, including broken ones. Imports no plugin.

    A plugin is "refused" if it is known to be made for other versions. It is selected "as needed" if a start includes
    it because of another plugin.
    """
    if running:
        _list_running(options, category)
        return
    from floe_plugins.cli.survey import Survey

    output = options.output()
    survey = Survey.make(options)
    infos, problems = survey.infos(category), survey.problems(category)
    if options.json:
        facts = {"configuration": survey.configuration, "plugins": [survey.facts(info.ref) for info in infos]}
        shown = [problem.to_dict() for problem in problems]
        output.json({**facts, "problems": shown, "warnings": survey.warnings})
        return
    if infos:
        output.table(_COLUMNS, [_row(info, survey) for info in infos])
    else:
        output.line(survey.nothing(category))
    output.problems([each.to_dict() for each in problems])
    output.line()
    output.line(survey.configuration_line())


def _list_running(options: Options, category: Category | None) -> None:
    from floe_plugins.cli.running import require_running

    snapshot = require_running(options, "snapshot")["snapshot"]
    plugins, problems = snapshot["plugins"], snapshot["problems"]
    if category is not None:
        plugins = [each for each in plugins if each["category"] == category.slug]
        problems = [each for each in problems if each["ref"] is None or each["ref"].startswith(f"{category.slug}:")]
    output = options.output()
    if options.json:
        output.json({"platform": snapshot["platform"], "plugins": plugins, "problems": problems})
        return
    output.table(_RUNNING_COLUMNS, [_running_row(each) for each in plugins])
    output.problems(problems)
    platform = snapshot["platform"]
    output.line()
    output.line(f"platform {platform['state']}, {platform['health'] or 'health not known'}, process {platform['pid']}")


def _running_row(plugin: Mapping[str, Any]) -> Sequence[object]:
    return (
        plugin["ref"],
        plugin["version"] or "?",
        plugin["state"],
        "" if plugin["health"] is None else plugin["health"]["state"],
        "yes" if plugin["selected"] else "no",
        "yes" if plugin["required"] else "no",
        plugin["distribution"] or "registered in code",
        plugin["reason"] or ("" if plugin["health"] is None else plugin["health"]["message"]),
    )


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
