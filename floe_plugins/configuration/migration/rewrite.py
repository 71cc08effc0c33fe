"""The configuration file's text with every plugin's table in its present form."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.file import ConfigurationFile
from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error, raise_issues
from floe_plugins.configuration.migration.steps import VersionedSettings, present_version, upgrade
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.error_reporter import ErrorReporter
from floe_plugins.configuration.sections import RESERVED
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import copy, is_table
from floe_plugins.core.refs import PluginRef


@attrs.frozen
class MigratedText:
    """A file's new text.

    Attributes:
        text: what to write into the file; as it was where nothing is out of date.
        changed: the plugins whose table is new.
    """

    text: str = attrs.field(repr=False)
    changed: tuple[PluginRef, ...] = ()


def migrate_text(
    configuration: Configuration, plugins: Mapping[PluginRef, object], distributions: Mapping[PluginRef, str] = {}
) -> MigratedText:
    """The text of the file that ``configuration`` was read from, brought up to date.

    Each plugin is given as its class or instance. References such as ``${NAME}`` stay
    as they are: the steps see them instead of the values. Comments are kept in TOML and YAML.

    Raises:
        PluginConfigurationError: there is no file, a step fails, a table is newer than
            the plugin, or the library that keeps TOML's comments is missing.
    """
    source = configuration.source
    if source is None:
        raise configuration_error(
            ConfigurationIssue(path="", rule="file", message="there is no file to bring up to date")
        )
    content = source.parse()
    tables: dict[PluginRef, dict[str, Any]] = {}
    issues: list[ConfigurationIssue] = []
    for ref, plugin in plugins.items():
        written = _table(content, ref)
        if written:
            raw = attrs.evolve(configuration, plugins={ref: _settings(written)})
            reporter = ErrorReporter(raw, ref, distributions.get(ref))
            table = _present(plugin, written, reporter)
            issues += reporter.issues
            if table is not None:
                tables[ref] = table
    raise_issues(issues)
    return MigratedText(_write(source, tables) if tables else source.text, tuple(tables))


def _table(content: Any, ref: PluginRef) -> dict[str, Any]:
    for key in ("plugins", ref.type.slug, ref.name):
        content = content.get(key) if is_table(content) else None
    return dict(content) if is_table(content) else {}


def _settings(written: Mapping[str, Any]) -> PluginSettings:
    return PluginSettings(table={key: value for key, value in written.items() if key not in RESERVED})


def _present(plugin: object, written: Mapping[str, Any], reporter: ErrorReporter) -> dict[str, Any] | None:
    """The table in the present form; None where it already is."""
    wanted, version = present_version(plugin, reporter), written.get("config_version", 1)
    if wanted is None or type(version) is not int or version == wanted:
        return None
    if version > wanted:
        message = f"the table is written for version {version} of the configuration, the plugin knows up to {wanted}"
        reporter.issue(("config_version",), "newer_version", message, f"at most {wanted}")
        return None
    form = VersionedSettings(_settings(written).table, version, wanted, stated="config_version" in written)
    table = upgrade(plugin, form, reporter)
    if table is None:
        return None
    kept = {key: written[key] for key in RESERVED if key in written}
    return {**kept, "config_version": wanted, **table}


def _write(source: ConfigurationFile, tables: Mapping[PluginRef, Mapping[str, Any]]) -> str:
    if source.suffix == ".json":
        return _write_json(source, tables)
    return _write_toml(source, tables) if source.suffix == ".toml" else _write_yaml(source, tables)


def _replace(document: Any, tables: Mapping[PluginRef, Mapping[str, Any]]) -> Any:
    for ref, table in tables.items():
        _update(document["plugins"][ref.type.slug][ref.name], table)
    return document


def _update(table: Any, wanted: Mapping[str, Any]) -> None:
    """Make a table equal to the wanted one, touching nothing that is equal already."""
    for key, value in wanted.items():
        if is_table(value) and is_table(table.get(key)):
            _update(table[key], value)
        elif key not in table:
            _add(table, key, value, [old for old in table if old not in wanted])
        elif table[key] != value:
            table[key] = value
    for key in [key for key in table if key not in wanted]:
        del table[key]


def _add(table: Any, key: str, value: Any, leaving: list[str]) -> None:
    """Add a key; where it is an old one renamed, with the comment that stands behind it."""
    renamed = next((old for old in leaving if table[old] == value), None)
    table[key] = value if renamed is None else table[renamed]
    comments = getattr(getattr(table, "ca", None), "items", {})  # where YAML keeps them; TOML's values hold their own
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
        issue = source.issue(
            rule="extra",
            message="keeping TOML's comments needs the extra 'cli'",
            hint="Install it: pip install 'floe-plugins[cli]'",
        )
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
