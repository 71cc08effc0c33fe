"""``config``: validate, show and migrate the configuration file. Starts no plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from floe_plugins import configuration
from floe_plugins.cli.options import PROBLEMS, USAGE, Options, common, fail
from floe_plugins.cli.output import Output, count
from floe_plugins.configuration import ConfigurationIssue
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.registry.facade import PluginRegistry


@click.group()
@common
def config(_options: Options) -> None:
    """Validate, show and migrate the configuration file. Starts no plugins."""


@attrs.frozen
class _Loaded:
    """The selected plugins of a registry, as far as they could be loaded."""

    registry: PluginRegistry
    plugins: Mapping[PluginRef, Any]
    problems: Sequence[Problem]

    @property
    def distributions(self) -> dict[PluginRef, str]:
        """Where each plugin comes from, as text."""
        infos = {info.ref: info.distribution for info in self.registry.infos()}
        return {ref: str(infos[ref]) for ref in self.plugins if infos.get(ref)}


def _load(options: Options, file: str | None) -> _Loaded:
    if file is not None:
        options.config = file
    registry = options.registry()
    plugins = {PluginRef(PluginType.of(type(plugin)), plugin.name): plugin for plugin in registry.list()}
    return _Loaded(registry, plugins, [problem for problem in registry.problems if problem.stage != "configure"])


@config.command()
@click.argument("file", required=False)
@common
def validate(options: Options, file: str | None) -> None:
    """Validate FILE with the schemas of the installed plugins and report all issues.

    The exit status is 2 if there are issues, and 1 if a plugin cannot be loaded.
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
        _print(output, loaded, issues, warnings)
    if issues:
        raise SystemExit(USAGE)
    if loaded.problems:
        raise SystemExit(PROBLEMS)


def _validate_plugins(loaded: _Loaded) -> tuple[list[ConfigurationIssue], list[str]]:
    settings = loaded.registry.configuration
    known = [info.ref for info in loaded.registry.infos()]
    issues = [*settings.issues, *configuration.not_installed(settings, known)]
    warnings: list[str] = []
    for ref, plugin in loaded.plugins.items():
        found = configuration.validate_settings(settings, ref, plugin, loaded.distributions.get(ref))
        issues.extend(found.issues)
        warnings.extend(found.warnings)
    return sorted(dict.fromkeys(issues), key=lambda issue: (issue.file or "", issue.line or 0, issue.path)), warnings


def _print(output: Output, loaded: _Loaded, issues: Sequence[ConfigurationIssue], warnings: Sequence[str]) -> None:
    for text in (*map(str, issues), *warnings):
        output.line(text)
    output.problems(loaded.problems)
    found = count(len(issues), "issue") if issues else "no issues"
    place = loaded.registry.configuration.file or "the environment"
    output.line(f"{place}: {found}, {count(len(loaded.plugins), 'plugin')} checked")


@config.command()
@common
def schema(options: Options) -> None:
    """Print a JSON Schema of the file for editors, with all installed plugins that are not disabled."""
    output = options.output()
    registry = options.registry(autoload="all")
    loaded = {PluginRef(PluginType.of(type(plugin)), plugin.name): plugin for plugin in registry.list()}
    known: dict[PluginRef, object] = {info.ref: loaded.get(info.ref) for info in registry.infos()}
    output.document(configuration.json_schema(known))


@config.command()
@click.argument("file", required=False)
@common
def show(options: Options, file: str | None) -> None:
    """Show every effective setting and its origin. Secrets are masked."""
    output = options.output()
    loaded = _load(options, file)
    settings, issues = configuration.effective_settings(
        loaded.registry.configuration, loaded.plugins, loaded.distributions
    )
    if options.json:
        output.json({"settings": [each.to_dict() for each in settings], "issues": [each.to_dict() for each in issues]})
    else:
        output.table(("setting", "value", "from"), ((each.path, each.value, each.origin) for each in settings))
        for issue in issues:
            output.line(str(issue))
    if issues:
        raise SystemExit(USAGE)


@config.command()
@click.argument("file", required=False)
@common
def migrate(options: Options, file: str | None) -> None:
    """Print FILE with every plugin's table migrated to the current version. FILE is not changed."""
    output = options.output()
    loaded = _load(options, file)
    if loaded.registry.configuration.file is None:
        fail("no configuration file found: pass one as FILE", USAGE)
    new = configuration.migrate_text(loaded.registry.configuration, loaded.plugins, loaded.distributions)
    if options.json:
        output.json({"text": new.text, "changed": [str(ref) for ref in new.changed]})
    else:
        output.text(new.text)
