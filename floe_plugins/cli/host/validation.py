"""Validate the settings of loaded plugins, and put all issues of a configuration together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error
from floe_plugins.configuration.loader import not_installed
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.validation import validate_settings
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage
from floe_plugins.registry.facade import PluginRegistry


@attrs.frozen
class Validated:
    """The issues and warnings of one plugin's settings. The model stays with the plugin's thread.

    Attributes:
        issues: What is wrong, without any value.
        warnings: What should be changed in the file although it is valid, one line each, without secrets.
    """

    issues: tuple[ConfigurationIssue, ...]
    warnings: tuple[str, ...]


def validate(settings: Configuration, ref: PluginRef, plugin: object, distribution: str | None) -> Validated:
    """Return what is wrong with the settings of one plugin; runs code of its schema."""
    result = validate_settings(settings, ref, plugin, distribution)
    return Validated(result.issues, result.warnings)


def all_issues(registry: PluginRegistry, validated: Iterable[Validated]) -> list[ConfigurationIssue]:
    """Return the issues of the configuration itself and those of the plugins, each once, by file and line."""
    settings = registry.configuration
    known = [info.ref for info in registry.infos()]
    switched_off = registry.discover().switched_off
    issues = [*settings.issues, *not_installed(settings, known, switched_off=switched_off)]
    issues.extend(issue for each in validated for issue in each.issues)
    # What is found before a plugin is known does not say whose plugin it is.
    owners = {each.ref: str(each.distribution) for each in registry.discover().candidates}
    issues = [attrs.evolve(each, distribution=each.distribution or _owner(each, owners)) for each in issues]
    return sorted(dict.fromkeys(issues), key=lambda issue: (issue.file or "", issue.line or 0, issue.path))


def problem_of(issue: ConfigurationIssue) -> Problem:
    """Return an issue as a problem, which says by itself where in which file the wrong value stands."""
    return Problem(
        stage=Stage.CONFIGURE,
        ref=issue.ref,
        distribution=issue.distribution,
        message=str(attrs.evolve(issue, hint="")),
        hint=issue.hint,
        cause=configuration_error(issue),
    )


def _owner(issue: ConfigurationIssue, owners: Mapping[PluginRef, str]) -> str | None:
    return None if issue.ref is None else owners.get(issue.ref)
