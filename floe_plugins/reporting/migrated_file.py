"""Rewrite a configuration file with every plugin's table migrated to the current version."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.file import ConfigurationFile
from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error, raise_issues
from floe_plugins.configuration.migration import VersionedSettings, add_newer_version, schema_version, upgrade
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.error_reporter import ErrorReporter
from floe_plugins.configuration.sections import RESERVED
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import copy, is_table
from floe_plugins.core.refs import PluginRef


@attrs.frozen
class MigratedTable:
    """The migrated table of one plugin; None if it is up to date already or there are issues.

    Attributes:
        table: The whole new table, with its ``config_version``. Its ``repr`` is left out, as it may hold secrets.
        issues: Why it could not be migrated.
    """

    table: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    issues: tuple[ConfigurationIssue, ...] = ()


@attrs.frozen
class MigratedText:
    """The migrated text of a configuration file.

    Attributes:
        text: The new text; the old one if no table is out of date.
        changed: The plugins whose tables were migrated.
    """

    text: str = attrs.field(repr=False)
    changed: tuple[PluginRef, ...] = ()


def migrate_table(
    configuration: Configuration, content: Any, ref: PluginRef, plugin: object, distribution: str | None
) -> MigratedTable:
    """Migrate the table of one plugin in the parsed content of the file; runs code of the plugin.

    Args:
        configuration: A configuration that was loaded from a file.
        content: The content of that file, which is not changed.
        ref: The plugin's ref.
        plugin: The plugin's class or instance.
        distribution: The distribution that provides it, for the issues.

    Raises nothing: what ``migrate_config`` raises is an issue, with its secrets masked.
    """
    old = _table(content, ref)
    if not old:
        return MigratedTable()
    raw = attrs.evolve(configuration, plugins={ref: _settings(old)})
    reporter = ErrorReporter(raw, ref, distribution)
    table = _migrate_table(plugin, copy(old), reporter)
    return MigratedTable(table, tuple(reporter.issues))


def migrate_text(configuration: Configuration, tables: Mapping[PluginRef, MigratedTable]) -> MigratedText:
    r"""Migrate the text of the file that ``configuration`` was loaded from. The file is not changed.

    Comments are kept in TOML and YAML. References such as ``${NAME}`` are not interpolated, so
    ``migrate_config`` of a plugin is called with the references.

    Args:
        configuration: A configuration that was loaded from a file.
        tables: What ``migrate_table`` returned for each plugin.

    Raises:
        PluginConfigurationError: There is no file, a migration fails, a table is newer than
            the plugin, or the extra "cli" is not installed and the file is TOML.

    >>> import pathlib, tempfile
    >>> from floe_plugins.configuration.loader import load
    >>> class Duck:
    ...     config_version = 2
    ...     def migrate_config(self, old_version, data):
    ...         return {"location": data["path"]}
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     file = pathlib.Path(directory, "floe.json")
    ...     _ = file.write_text('{"plugins": {"compute": {"duckdb": {"path": "db"}}}}')
    ...     configuration = load(file, environ={})
    >>> ref = PluginRef.parse("compute:duckdb")
    >>> table = migrate_table(configuration, configuration.source.parse(), ref, Duck(), None)
    >>> migrated = migrate_text(configuration, {ref: table})
    >>> migrated.text
    '{"plugins": {"compute": {"duckdb": {"config_version": 2, "location": "db"}}}}\n'
    >>> [str(ref) for ref in migrated.changed]
    ['compute:duckdb']
    """
    source = configuration.source
    if source is None:
        message = "there is no configuration file to migrate"
        raise configuration_error(ConfigurationIssue(path="", rule="file", message=message))
    raise_issues([issue for each in tables.values() for issue in each.issues])
    changed = {ref: each.table for ref, each in tables.items() if each.table is not None}
    write = {".json": _write_json, ".toml": _write_toml}.get(source.suffix, _write_yaml)
    return MigratedText(write(source, changed) if changed else source.text, tuple(changed))


def _table(content: Any, ref: PluginRef) -> dict[str, Any]:
    for key in ("plugins", ref.type.slug, ref.name):
        content = content.get(key) if is_table(content) else None
    return dict(content) if is_table(content) else {}


def _settings(table: Mapping[str, Any]) -> PluginSettings:
    return PluginSettings(table={key: value for key, value in table.items() if key not in RESERVED})


def _migrate_table(plugin: object, old: Mapping[str, Any], reporter: ErrorReporter) -> dict[str, Any] | None:
    """Return the table in the current version, or None if it has this version already or an issue was added."""
    current, version = schema_version(plugin, reporter), old.get("config_version", 1)
    if current is None or type(version) is not int or version == current:
        return None
    if version > current:
        add_newer_version(version, current, reporter)
        return None
    versioned = VersionedSettings(_settings(old).table, version, current, is_explicit="config_version" in old)
    table = upgrade(plugin, versioned, reporter)
    if table is None:
        return None
    reserved = {key: old[key] for key in RESERVED if key in old}
    return {**reserved, "config_version": current, **table}


def _replace(document: Any, tables: Mapping[PluginRef, Mapping[str, Any]]) -> Any:
    for ref, table in tables.items():
        _update(document["plugins"][ref.type.slug][ref.name], table)
    return document


def _update(table: Any, new: Mapping[str, Any]) -> None:
    """Make a table equal to the new one without replacing equal values, so that comments are kept."""
    for key, value in new.items():
        if is_table(value) and is_table(table.get(key)):
            _update(table[key], value)
        elif key not in table:
            _add(table, key, value, [old for old in table if old not in new])
        elif table[key] != value:
            table[key] = value
    for key in [key for key in table if key not in new]:
        del table[key]


def _add(table: Any, key: str, value: Any, removed: list[str]) -> None:
    """Add a key. If it has the value of a removed one, keep the comment of that."""
    renamed = next((old for old in removed if table[old] == value), None)
    table[key] = value if renamed is None else table[renamed]
    comments = getattr(getattr(table, "ca", None), "items", {})  # of YAML; in TOML, values contain their comments
    if renamed in comments:
        comments[key] = comments[renamed]


def _write_json(source: ConfigurationFile, tables: Mapping[PluginRef, Mapping[str, Any]]) -> str:
    line = next((line for line in source.text.splitlines()[1:] if line.strip()), "")
    indent = len(line) - len(line.lstrip()) or None
    document = copy(source.parse())
    for ref, table in tables.items():
        document["plugins"][ref.type.slug][ref.name] = dict(table)
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"


def _write_toml(source: ConfigurationFile, tables: Mapping[PluginRef, Mapping[str, Any]]) -> str:
    try:
        import tomlkit
    except ImportError:
        message, hint = "migrating a TOML file requires the extra 'cli'", "Install it: pip install 'floe-plugins[cli]'"
        issue = source.issue("extra", message, hint=hint)
    else:
        return tomlkit.dumps(_replace(tomlkit.parse(source.text), tables))
    raise configuration_error(issue)


def _write_yaml(source: ConfigurationFile, tables: Mapping[PluginRef, Mapping[str, Any]]) -> str:
    from ruamel.yaml import YAML

    writer: Any = YAML(pure=True)
    writer.preserve_quotes = True
    writer.width = 120
    stream = io.StringIO()
    writer.dump(_replace(writer.load(source.text), tables), stream)
    return stream.getvalue()
