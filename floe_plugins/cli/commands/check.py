"""``check``: find all that can be found without starting a plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from floe_plugins.cli import completing, program
from floe_plugins.cli.job_runner import JobRunner
from floe_plugins.cli.options import Options, category_option, common_options
from floe_plugins.cli.output import count
from floe_plugins.core.categories import Category
from floe_plugins.core.refs import PluginRef

_WIDE_COLUMNS = ("plugin", "version", "state", "load s", "hooks", "entry point", "class at", "distribution")


def _parse_refs(_context: object, _parameter: object, values: Sequence[str]) -> Sequence[str]:
    known = program.categories()
    for value in values:
        try:
            PluginRef.parse(value, known)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return values


@click.command()
@click.argument("refs", metavar="[REF]...", nargs=-1, callback=_parse_refs, shell_complete=completing.refs)
@click.option("--all", "everything", is_flag=True, help="Check what is installed and not selected too.")
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings too.")
@category_option
@common_options
def check(options: Options, refs: Sequence[str], category: Category | None, *, everything: bool, strict: bool) -> None:
    """Load the selected plugins, or those of each REF, and find what is wrong. Starts nothing.

    Finds wrong settings, missing and circular dependencies, versions that do not fit, wrong hooks and names, also of
    the plugins that these depend on. Exit status 1 if there are problems.
    """
    if refs and (everything or category):
        raise click.UsageError("give either REF, or --all or --category")
    slug = None if category is None else category.slug
    arguments = {"category": slug, "refs": list(refs), "all": everything, "strict": strict}
    arguments["details"] = options.json or options.style == "wide"
    finished = JobRunner(options).run("check", **arguments)
    facts, output = finished.document, options.output()
    if options.json:
        output.json({"configuration": options.configuration_name(), **facts})
    else:
        if output.is_wide:
            output.table(_WIDE_COLUMNS, map(_wide_row, facts["plugins"]))
            output.line()
        output.line("; ".join(_summary(facts, is_partial=bool(refs or category))))
        output.problems(facts["problems"])
        for warning in facts["warnings"]:
            output.line(f"warning: {warning}")
        output.line()
        output.line(program.configuration_line(options.configuration_name()))
    sys.exit(finished.status)


def _wide_row(plugin: Mapping[str, Any]) -> Sequence[object]:
    return (
        plugin["ref"],
        plugin["version"] or "?",
        plugin["state"],
        f"{plugin['load_seconds']:.3f}",
        "" if plugin["hooks"] is None else ", ".join(plugin["hooks"]),
        plugin["entry_point"],
        "" if plugin["file"] is None else f"{plugin['file']}:{plugin['line']}",
        plugin["distribution"] or "registered in code",
    )


def _summary(facts: Mapping[str, Any], *, is_partial: bool) -> Iterator[str]:
    yield f"{count(facts['loaded'], 'plugin')} loaded"
    others, disabled = len(facts["not_selected"]), len(facts["disabled"])
    if others and not is_partial:
        yield f"{others} more {'is' if others == 1 else 'are'} installed and not selected (check --all)"
    if disabled and not is_partial:
        yield f"{disabled} {'is' if disabled == 1 else 'are'} disabled"
