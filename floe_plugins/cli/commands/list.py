"""``list``: the installed plugins, without importing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from floe_plugins.cli import program
from floe_plugins.cli.options import Options, category_option, common_options

if TYPE_CHECKING:
    # Completing its options needs none of these.
    from floe_plugins.cli.installed import InstalledPlugins
    from floe_plugins.core.categories import Category
    from floe_plugins.registry.plugin_info import PluginInfo

_COLUMNS = ("plugin", "version", "api", "state", "selected", "required", "distribution")


_WIDE_COLUMNS = ("why", "needs", "hooks", "entry point", "class at", "in")

_RUNNING_COLUMNS = ("plugin", "version", "state", "health", "selected", "required", "distribution", "reason")
_WIDE_RUNNING_COLUMNS = ("start s", "check s", "attempts", "restarts", "needs", "needed by")


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
    from floe_plugins.cli.installed import InstalledPlugins

    output = options.output()
    installed = InstalledPlugins.make(options)
    infos, problems = installed.infos(category), installed.problems(category)
    if options.json:
        facts = {"configuration": installed.configuration, "plugins": [installed.facts(info.ref) for info in infos]}
        shown = [problem.to_dict() for problem in problems]
        output.json({**facts, "problems": shown, "warnings": installed.warnings})
        return
    if infos:
        columns = (*_COLUMNS, *_WIDE_COLUMNS) if output.is_wide else _COLUMNS
        output.table(columns, [_row(info, installed, is_wide=output.is_wide) for info in infos])
    else:
        output.line(installed.nothing(category))
    output.problems([each.to_dict() for each in problems])
    output.line()
    output.line(installed.configuration_line())


def _list_running(options: Options, category: Category | None) -> None:
    from floe_plugins.cli.status_client import require_running

    snapshot = require_running(options, "snapshot")["snapshot"]
    plugins, problems = snapshot["plugins"], snapshot["problems"]
    if category is not None:
        plugins = [each for each in plugins if each["category"] == category.slug]
        problems = [each for each in problems if each["ref"] is None or each["ref"].startswith(f"{category.slug}:")]
    output = options.output()
    if options.json:
        output.json({"platform": snapshot["platform"], "plugins": plugins, "problems": problems})
        return
    columns = (*_RUNNING_COLUMNS, *_WIDE_RUNNING_COLUMNS) if output.is_wide else _RUNNING_COLUMNS
    output.table(columns, [_running_row(each)[: len(columns)] for each in plugins])
    output.problems(problems)
    platform = snapshot["platform"]
    output.line()
    output.line(f"platform {platform['state']}, {platform['health'] or 'health not known'}, process {platform['pid']}")
    output.line(program.configuration_line(platform["configuration"]))


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
        *(_seconds(plugin[stage]) for stage in ("start", "health")),
        "" if plugin["start"] is None else plugin["start"]["attempts"],
        plugin["restarts"],
        ", ".join(plugin["needs"]),
        ", ".join(plugin["needed_by"]),
    )


def _seconds(facts: Mapping[str, Any] | None) -> str:
    return "" if facts is None or facts["seconds"] is None else f"{facts['seconds']:.3f}"


def _row(info: PluginInfo, installed: InstalledPlugins, *, is_wide: bool) -> Sequence[object]:
    distribution, dependencies = info.distribution, installed.overview.dependencies
    return (
        info.ref,
        info.version or "?",
        info.floe_api_version or "?",
        installed.state(info.ref),
        "no" if info.ref not in dependencies.started else "as needed" if info.ref in dependencies.because else "yes",
        "yes" if info.required else "no",
        f"{distribution.name} {distribution.version}".rstrip() if distribution else "registered in code",
        *(_wide_cells(info, installed) if is_wide else ()),
    )


def _wide_cells(info: PluginInfo, installed: InstalledPlugins) -> Sequence[object]:
    details, dependencies = installed.details(info.ref), installed.overview.dependencies
    needs = [each.text for each in dependencies.of[info.ref]]
    return (
        info.refused or installed.overview.reasons[info.ref],
        "known when loaded" if info.ref in dependencies.unknown else ", ".join(needs),
        "known when loaded" if details.hooks is None else ", ".join(details.hooks),
        info.entry_point or "",
        installed.place(info.ref) if info.entry_point else "",
        info.distribution.path if info.distribution else "",
    )
