"""``show``: what is known about one plugin, without importing it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from floe_plugins.cli import completing
from floe_plugins.cli.options import Options, common_options

if TYPE_CHECKING:
    # Completing its options needs none of these.
    from floe_plugins.cli.installed import InstalledPlugins
    from floe_plugins.core.refs import PluginRef
    from floe_plugins.reporting.static_dependencies import StaticDependency
    from floe_plugins.reporting.static_details import StaticDetails

UNKNOWN = "known when loaded"


@click.command()
@click.argument("ref", shell_complete=completing.refs)
@common_options
def show(options: Options, ref: str) -> None:
    """Show one plugin by its REF, which is CATEGORY:NAME. Imports no plugin.

    A name without its category will do where only one plugin has it.
    """
    from floe_plugins.cli.installed import InstalledPlugins

    output = options.output()
    installed = InstalledPlugins.make(options)
    found = installed.find(ref)
    details = installed.details(found)
    if options.json:
        dependencies = installed.overview.dependencies
        known = {
            "resolved_dependencies": [dependency.to_dict() for dependency in dependencies.of[found]],
            "dependents": [str(other) for other in dependencies.dependents().get(found, ())],
            **details.to_dict(),
        }
        plugin = {**installed.facts(found), **known}
        output.json({"configuration": installed.configuration, "plugin": plugin, "warnings": installed.warnings})
        return
    output.table((), [*_rows(installed, found, details)])
    output.problems([each.to_dict() for each in installed.overview.infos[found].problems])
    output.line()
    output.line(installed.configuration_line())


def _rows(installed: InstalledPlugins, ref: PluginRef, details: StaticDetails) -> Iterable[tuple[str, Any]]:
    overview = installed.overview
    info, dependencies = overview.infos[ref], overview.dependencies
    yield "plugin", ref
    yield "state", installed.state(ref)
    yield "selected", f"{'yes' if overview.selected(ref) else 'no'}: {overview.reasons[ref]}"
    yield "required", "yes" if info.required else "no"
    yield "distribution", info.distribution or "registered in code"
    yield "entry point", info.entry_point
    yield "class at", installed.place(ref)
    yield "version", info.version or UNKNOWN
    yield "plugin API", info.floe_api_version or UNKNOWN
    yield "description", UNKNOWN if info.description is None else info.description
    unknown = [UNKNOWN] if ref in dependencies.unknown else []
    yield from _several("needs", [*map(_dependency, dependencies.of[ref]), *unknown])
    yield from _several("needed by", map(str, dependencies.dependents().get(ref, ())))
    yield "hooks", UNKNOWN if details.hooks is None else ", ".join(details.hooks) or "none"
    yield "settings", UNKNOWN if details.settings is None else ", ".join(details.settings) or "none"


def _several(label: str, rows: Iterable[str]) -> Iterable[tuple[str, str]]:
    for place, row in enumerate([*rows] or ["nothing"]):
        yield "" if place else label, row


def _dependency(dependency: StaticDependency) -> str:
    refs = ", ".join(map(str, dependency.refs))
    met = f": {refs}" if refs and refs != dependency.text else ""
    notes = [*(["optional"] if dependency.optional else []), *([] if dependency.state == "met" else [dependency.state])]
    return f"{dependency.text}{met}" + (f" ({', '.join(notes)})" if notes else "")
