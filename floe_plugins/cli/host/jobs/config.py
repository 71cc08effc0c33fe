"""Validate, describe, show and migrate the configuration, with the schemas of the plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from floe_plugins.cli.host.process import PROBLEMS_FOUND, USAGE_ERROR, Result
from floe_plugins.cli.host.session import Session
from floe_plugins.cli.host.validation import all_issues, validate
from floe_plugins.cli.output import traceback_lines
from floe_plugins.configuration.issues import ConfigurationIssue
from floe_plugins.core.problem import Problem
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.reporting.json_schema import json_schema, plugin_schema
from floe_plugins.reporting.migrated_file import migrate_table, migrate_text
from floe_plugins.reporting.origins import plugin_settings, registry_settings
from floe_plugins.reporting.schema_calls import SchemaCalls, call_each


def run(session: Session) -> Result:
    """Return what the action that the options name came to."""
    actions = {"validate": _validate_all, "schema": _schema, "show": _show, "migrate": _migrate}
    return actions[session.options["action"]](session)


def _registry(session: Session, autoload: str | None = None, *, tells_warnings: bool = True) -> PluginRegistry:
    return session.registry(file=session.options.get("file"), autoload=autoload, tells_warnings=tells_warnings)


def _problems(registry: PluginRegistry, calls: SchemaCalls[Any]) -> list[Problem]:
    """Return the problems of loading and of the calls. Those of configuring are shown as issues."""
    return [*(problem for problem in registry.problems if problem.stage != "configure"), *calls.problems]


def _validate_all(session: Session) -> Result:
    registry = _registry(session, tells_warnings=False)
    calls = call_each(registry, partial(validate, registry.configuration))
    problems = _problems(registry, calls)
    issues = all_issues(registry, calls.results.values())
    shown = session.issues(issues)
    warnings = [text for each in calls.results.values() for text in each.warnings]
    warnings += session.warnings
    document = {
        "file": registry.configuration.file,
        "issues": shown,
        "warnings": warnings,
        "problems": session.problems(problems),
        "checked": len(calls.results),
    }
    status = USAGE_ERROR if issues else PROBLEMS_FOUND if problems else 0
    return Result(document, status, (*_lines(issues, shown), *warnings))


def _lines(issues: Sequence[ConfigurationIssue], shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each issue as text, with its frames, and after the last of a plugin's in a row whose plugin it is."""
    lines: list[str] = []
    for at, issue in enumerate(issues):
        lines += [str(issue), *traceback_lines(shown[at])]
        is_last = at + 1 == len(issues) or issues[at + 1].ref != issue.ref
        if issue.ref is not None and issue.distribution and is_last:
            lines.append(f"    {issue.ref} is from {issue.distribution}")
    return lines


def _schema(session: Session) -> Result:
    registry = _registry(session, autoload="all")
    calls = call_each(registry, lambda ref, plugin, _distribution: plugin_schema(ref, plugin))
    known = {info.ref: calls.results.get(info.ref) for info in registry.infos()}
    document = {"schema": json_schema(known, registry.platform), "problems": session.problems(calls.problems)}
    return Result(document, PROBLEMS_FOUND if calls.problems else 0, tuple(map(str, calls.problems)))


def _show(session: Session) -> Result:
    registry = _registry(session)
    configuration = registry.configuration
    calls = call_each(registry, partial(plugin_settings, configuration))
    found = [calls.results[ref] for ref in sorted(calls.results, key=str)]
    settings = [*registry_settings(configuration), *(setting for each, _ in found for setting in each)]
    issues = [*configuration.issues, *(issue for _, each in found for issue in each)]
    shown = session.issues(issues)
    document = {
        "settings": [each.to_dict() for each in settings],
        "issues": shown,
        "problems": session.problems(calls.problems),
    }
    status = USAGE_ERROR if issues else PROBLEMS_FOUND if calls.problems else 0
    return Result(document, status, tuple(_lines(issues, shown)))


def _migrate(session: Session) -> Result:
    registry = _registry(session)
    source = registry.configuration.source
    if source is None:
        return Result({"text": None}, USAGE_ERROR)
    calls = call_each(registry, partial(migrate_table, registry.configuration, source.parse()))
    if calls.problems:
        document = {"text": None, "changed": [], "problems": session.problems(calls.problems)}
        return Result(document, PROBLEMS_FOUND, tuple(map(str, calls.problems)))
    new = migrate_text(registry.configuration, calls.results)
    return Result({"text": new.text, "changed": [str(ref) for ref in new.changed], "problems": []})
