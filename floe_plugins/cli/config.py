"""``config``: validate, describe, show and migrate the configuration file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from floe_plugins import configuration
from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, fail
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import Output, count
from floe_plugins.configuration import ConfigurationIssue
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.registry.facade import PluginRegistry


@click.group()
@common_options
def config(_options: Options) -> None:
    """Validate, describe, show and migrate the configuration file. Starts nothing."""


@attrs.frozen
class _Loaded:
    """A registry, its selected plugins that could be loaded, and the problems of the others."""

    registry: PluginRegistry
    plugins: Mapping[PluginRef, Any]
    problems: Sequence[Problem]

    @property
    def distributions(self) -> dict[PluginRef, str]:
        """The distribution of each loaded plugin, as text."""
        infos = {info.ref: info.distribution for info in self.registry.infos()}
        return {ref: str(infos[ref]) for ref in self.plugins if infos.get(ref)}


def _load(options: Options, file: str | None) -> _Loaded:
    if file is not None:
        options.config = file
    registry = options.registry()
    plugins = _load_plugins(registry)
    return _Loaded(registry, plugins, [problem for problem in registry.problems if problem.stage != "configure"])


def _load_plugins(registry: PluginRegistry) -> dict[PluginRef, Any]:
    return {PluginRef(PluginType.of(type(plugin)), plugin.name): plugin for plugin in registry.list()}


@config.command()
@click.argument("file", required=False)
@common_options
def validate(options: Options, file: str | None) -> None:
    """Validate FILE against the schemas of the installed plugins. Reports all issues at once.

    Exit status 2 if there are issues, 1 if a plugin cannot be loaded.
    """
    output = options.output()
    loaded = _load(options, file)
    issues, warnings = _validate_plugins(loaded)
    if options.json:
        output.json(
            {
                "file": loaded.registry.configuration.file,
                "issues": [issue.to_dict() for issue in issues],
                "warnings": warnings,
                "problems": [problem.to_dict() for problem in loaded.problems],
            }
        )
    else:
        _print_result(output, loaded, issues, warnings)
    if issues:
        raise SystemExit(USAGE_ERROR)
    if loaded.problems:
        raise SystemExit(PROBLEMS_FOUND)


def _validate_plugins(loaded: _Loaded) -> tuple[list[ConfigurationIssue], list[str]]:
    settings = loaded.registry.configuration
    known = [info.ref for info in loaded.registry.infos()]
    switched_off = loaded.registry.discover().switched_off
    issues = [*settings.issues, *configuration.not_installed(settings, known, switched_off=switched_off)]
    warnings: list[str] = []
    for ref, plugin in loaded.plugins.items():
        found = configuration.validate_settings(settings, ref, plugin, loaded.distributions.get(ref))
        issues.extend(found.issues)
        warnings.extend(found.warnings)
    return sorted(dict.fromkeys(issues), key=lambda issue: (issue.file or "", issue.line or 0, issue.path)), warnings


def _print_result(
    output: Output, loaded: _Loaded, issues: Sequence[ConfigurationIssue], warnings: Sequence[str]
) -> None:
    for text in (*map(str, issues), *warnings):
        output.line(text)
    output.problems(loaded.problems)
    found = count(len(issues), "issue") if issues else "no issues"
    place = loaded.registry.configuration.file or "the environment"
    output.line(f"{place}: {found}, {count(len(loaded.plugins), 'plugin')} checked")


@config.command()
@common_options
def schema(options: Options) -> None:
    """Print the JSON Schema of the file, for editors. Loads all installed plugins that are not disabled."""
    output = options.output()
    registry = options.registry(autoload="all")
    loaded = _load_plugins(registry)
    known: dict[PluginRef, object] = {info.ref: loaded.get(info.ref) for info in registry.infos()}
    output.document(configuration.json_schema(known))


@config.command()
@click.argument("file", required=False)
@common_options
def show(options: Options, file: str | None) -> None:
    """Show every effective value and where it comes from. Secrets are masked."""
    output = options.output()
    loaded = _load(options, file)
    settings, issues = configuration.effective_settings(
        loaded.registry.configuration, loaded.plugins, loaded.distributions
    )
    if options.json:
        output.json({"settings": [each.to_dict() for each in settings], "issues": [each.to_dict() for each in issues]})
    else:
        rows = ((each.path, each.value, each.origin, each.hidden_because) for each in settings)
        output.table(("setting", "value", "from", "hidden because"), rows)
        for issue in issues:
            output.line(str(issue))
    if issues:
        raise SystemExit(USAGE_ERROR)


@config.command()
@click.argument("file", required=False)
@common_options
def migrate(options: Options, file: str | None) -> None:
    """Print FILE migrated to the current schemas. FILE itself is not changed."""
    output = options.output()
    loaded = _load(options, file)
    if loaded.registry.configuration.file is None:
        fail("no configuration file found; give its path as FILE", USAGE_ERROR)
    new = configuration.migrate_text(loaded.registry.configuration, loaded.plugins, loaded.distributions)
    if options.json:
        output.json({"text": new.text, "changed": [str(ref) for ref in new.changed]})
    else:
        output.text(new.text)
