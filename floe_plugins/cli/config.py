"""``config``: validate, describe, show and migrate the configuration file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import attrs
import click

from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, exit_process, fail
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import count
from floe_plugins.configuration.issues import ConfigurationIssue
from floe_plugins.configuration.loader import not_installed
from floe_plugins.configuration.migration.rewrite import migrate_table, migrate_text
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.origins import Setting, effective_settings
from floe_plugins.configuration.schema.json_schema import json_schema, plugin_schema
from floe_plugins.configuration.schema.validation import validate_settings
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import escape
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.registry.schema_calls import SchemaCalls, call_each


@click.group()
@common_options
def config(_options: Options) -> None:
    """Validate, describe, show and migrate the configuration file. Starts nothing."""


def _registry(options: Options, file: str | None) -> PluginRegistry:
    if file is not None:
        options.config = file
    return options.registry()


def _problems(registry: PluginRegistry, calls: SchemaCalls[Any]) -> list[Problem]:
    """Return the problems of loading and of the calls. Those of configuring are shown as issues."""
    return [*(problem for problem in registry.problems if problem.stage != "configure"), *calls.problems]


@config.command()
@click.argument("file", required=False)
@common_options
def validate(options: Options, file: str | None) -> None:
    """Validate FILE against the schemas of the installed plugins. Reports all issues at once.

    Exit status 2 if there are issues, 1 if a plugin cannot be loaded.
    """
    output = options.output()
    registry = _registry(options, file)
    calls = call_each(registry, partial(_validate, registry.configuration))
    problems = _problems(registry, calls)
    issues = _issues(registry, calls.results.values())
    warnings = [text for each in calls.results.values() for text in each.warnings]
    if options.json:
        output.json(
            {
                "file": registry.configuration.file,
                "issues": [issue.to_dict() for issue in issues],
                "warnings": warnings,
                "problems": [problem.to_dict() for problem in problems],
            }
        )
    else:
        for text in (*issues, *warnings):
            output.line(text)
        output.problems(problems)
        found = count(len(issues), "issue") if issues else "no issues"
        place = registry.configuration.file or "the environment"
        output.line(f"{place}: {found}, {count(len(calls.results), 'plugin')} checked")
    exit_process(registry, output, USAGE_ERROR if issues else PROBLEMS_FOUND if problems else 0)


@attrs.frozen
class _Validated:
    """What is wrong with the settings of one plugin. The model stays with the plugin's thread."""

    issues: tuple[ConfigurationIssue, ...]
    warnings: tuple[str, ...]


def _validate(settings: Configuration, ref: PluginRef, plugin: object, distribution: str | None) -> _Validated:
    result = validate_settings(settings, ref, plugin, distribution)
    return _Validated(result.issues, result.warnings)


def _issues(registry: PluginRegistry, validated: Iterable[_Validated]) -> list[ConfigurationIssue]:
    settings = registry.configuration
    known = [info.ref for info in registry.infos()]
    switched_off = registry.discover().switched_off
    issues = [*settings.issues, *not_installed(settings, known, switched_off=switched_off)]
    issues.extend(issue for each in validated for issue in each.issues)
    return sorted(dict.fromkeys(issues), key=lambda issue: (issue.file or "", issue.line or 0, issue.path))


@config.command()
@common_options
def schema(options: Options) -> None:
    """Print the JSON Schema of the file, for editors. Loads all installed plugins that are not disabled.

    Exit status 1 if a plugin's schema does not answer in time.
    """
    output = options.output()
    registry = options.registry(autoload="all")
    calls = call_each(registry, lambda ref, plugin, _distribution: plugin_schema(ref, plugin))
    known: dict[PluginRef, object] = {info.ref: calls.results.get(info.ref) for info in registry.infos()}
    output.document(json_schema(known))
    _warn(calls.problems)
    exit_process(registry, output, PROBLEMS_FOUND if calls.problems else 0)


def _warn(problems: Iterable[Problem]) -> None:
    for problem in problems:
        click.echo(f"floe-plugins: {escape(problem)}", err=True)


@config.command()
@click.argument("file", required=False)
@common_options
def show(options: Options, file: str | None) -> None:
    """Show every effective value and where it comes from. Secrets are masked.

    Exit status 2 if there are issues, 1 if a plugin's schema does not answer in time.
    """
    output = options.output()
    registry = _registry(options, file)
    own_settings, own_issues = effective_settings(registry.configuration, {})
    calls = call_each(registry, partial(_effective, registry.configuration))
    found = [calls.results[ref] for ref in sorted(calls.results, key=str)]
    settings = [*own_settings, *(setting for each in found for setting in each[0][len(own_settings) :])]
    issues = [*own_issues, *(issue for each in found for issue in each[1][len(own_issues) :])]
    if options.json:
        output.json({"settings": [each.to_dict() for each in settings], "issues": [each.to_dict() for each in issues]})
        _warn(calls.problems)
    else:
        columns = ["setting", "value", "from"] + ["hidden because"] * any(each.hidden_because for each in settings)
        rows = [(each.path, each.value, each.origin, each.hidden_because)[: len(columns)] for each in settings]
        output.table(columns, rows)
        for issue in issues:
            output.line(issue)
        output.problems(calls.problems)
    exit_process(registry, output, USAGE_ERROR if issues else PROBLEMS_FOUND if calls.problems else 0)


def _effective(
    settings: Configuration, ref: PluginRef, plugin: object, distribution: str | None
) -> tuple[Sequence[Setting], Sequence[ConfigurationIssue]]:
    """Return the settings and issues of the registry, and after them those of one plugin."""
    return effective_settings(settings, {ref: plugin}, {ref: distribution} if distribution else {})


@config.command()
@click.argument("file", required=False)
@common_options
def migrate(options: Options, file: str | None) -> None:
    """Print FILE migrated to the current schemas. FILE itself is not changed."""
    output = options.output()
    registry = _registry(options, file)
    source = registry.configuration.source
    if source is None:
        fail("no configuration file found; give its path as FILE", USAGE_ERROR)
    calls = call_each(registry, partial(migrate_table, registry.configuration, source.parse()))
    if calls.problems:
        _warn(calls.problems)
        exit_process(registry, output, PROBLEMS_FOUND)
    new = migrate_text(registry.configuration, calls.results)
    if options.json:
        output.json({"text": new.text, "changed": [str(ref) for ref in new.changed]})
    else:
        output.text(new.text)
    exit_process(registry, output, 0)
