"""Read settings from environment variables such as ``FLOE_PLUGINS__COMPUTE__DUCKDB__PATH``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath
from floe_plugins.configuration.model import normalize_ref
from floe_plugins.configuration.settings import PluginSettings, Variable
from floe_plugins.configuration.values import MAX_DEPTH, TOO_DEEP, json_table
from floe_plugins.core.categories import NAME_RULE, is_name
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.suggestions import closest

SEPARATOR = "__"


def apply_environment(
    plugins: Mapping[PluginRef, PluginSettings], environ: Mapping[str, str], platform: Platform = FLOE
) -> tuple[dict[PluginRef, PluginSettings], list[ConfigurationIssue]]:
    """Add the settings from environment variables to those of the plugins.

    Names are not case-sensitive behind the prefix, and a plugin's name may be spelled with ``_`` for ``-``.

    >>> environ = {"FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__SIZE": "4", "FLOE_PLUGINS__COMPUT__DUCKDB__PATH": "db"}
    >>> plugins, [issue] = apply_environment({}, environ)
    >>> plugins[PluginRef.parse("compute:duckdb")].variables[("pool", "size")].text
    '4'
    >>> issue.hint
    'Did you mean FLOE_PLUGINS__COMPUTE__...?'

    Returns:
        The plugins' settings, and an issue for each invalid variable.
    """
    merged = dict(plugins)
    prefix = platform.settings_prefix
    issues: list[ConfigurationIssue] = []
    for name in sorted(key for key in environ if key.startswith(prefix)):
        target = _target(name, plugins, platform)
        if isinstance(target, ConfigurationIssue):
            issues.append(target)
            continue
        ref, path = target
        changed = _set(merged.get(ref, PluginSettings()), path, Variable(name, environ[name]), ref, prefix)
        if isinstance(changed, ConfigurationIssue):
            issues.append(changed)
        else:
            merged[ref] = changed
    return merged, issues


def _target(
    name: str, plugins: Iterable[PluginRef], platform: Platform
) -> tuple[PluginRef, KeyPath] | ConfigurationIssue:
    prefix = platform.settings_prefix
    category, *rest = name[len(prefix) :].lower().split(SEPARATOR)
    found = platform.categories.find_slug(category)
    if found is None:
        slugs = platform.categories.slugs
        close = closest(category, slugs)
        hint = f"Did you mean {prefix}{close[0].upper()}{SEPARATOR}...?" if close else ""
        return _issue(name, "unknown_category", f"unknown category {category!r}", f"one of {', '.join(slugs)}", hint)
    if not rest or not is_name(rest[0]) or not all(rest):
        form = f"{prefix}CATEGORY{SEPARATOR}NAME{SEPARATOR}FIELD"
        return _issue(name, "name", "the variable does not name a plugin", form, f"A name consists of {NAME_RULE}")
    if len(rest) > MAX_DEPTH - 1:  # they stand in the table of all categories
        return _issue(name, "depth", TOO_DEEP, "", "")
    named = PluginRef(found, rest[0])
    matches = [ref for ref in plugins if normalize_ref(ref) == named]
    if len(matches) > 1:
        names = " and ".join(str(ref) for ref in matches)
        return _issue(name, "ambiguous", f"the variable matches {names}", "one plugin", "Set the value in the file")
    return (matches[0] if matches else named), tuple(rest[1:])


def _set(
    settings: PluginSettings, path: KeyPath, variable: Variable, ref: PluginRef, prefix: str
) -> PluginSettings | ConfigurationIssue:
    if path == ("distribution",):
        return attrs.evolve(settings, distribution=variable.text)
    if path == ("config_version",):
        if not variable.text.isdecimal() or not 0 < len(variable.text) < 10:  # noqa: PLR2004 versions are small
            return _issue(variable.name, "version", "not a valid schema version", "an integer of at least 1", "")
        return attrs.evolve(settings, config_version=int(variable.text))
    if path in settings.variables:
        other = settings.variables[path].name
        return _issue(variable.name, "ambiguous", f"{other} sets the same value", "only one of the two", "")
    if not path and json_table(variable.text) is None:
        expected = f"a JSON object, or {prefix}...{SEPARATOR}FIELD"
        return _issue(variable.name, "table", f"the variable does not contain a table for {ref}", expected, "")
    return attrs.evolve(settings, variables={**settings.variables, path: variable})


def _issue(variable: str, rule: str, message: str, expected: str, hint: str) -> ConfigurationIssue:
    return ConfigurationIssue(path="", rule=rule, message=message, expected=expected, hint=hint, variable=variable)
