"""Migrate a plugin's settings to the current version of its schema, step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath, dotted
from floe_plugins.configuration.schema.error_reporter import ErrorReporter, leaves
from floe_plugins.configuration.schema.raising_frames import Frame, raised_at
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import copy, is_table
from floe_plugins.core.safe_text import describe_error


@attrs.frozen
class VersionedSettings:
    """A plugin's table and its version.

    Attributes:
        table: The settings.
        from_version: The schema version that the table was written for.
        to_version: The current version of the plugin's schema.
        is_explicit: Whether the table states its version.
    """

    table: Mapping[str, Any] = attrs.field(repr=False)
    from_version: int
    to_version: int
    is_explicit: bool = True


def possible_versions(plugin: object, settings: PluginSettings, reporter: ErrorReporter) -> list[VersionedSettings]:
    """Return the plugin's table in the current version; several candidates if its version is not stated.

    A table without ``config_version`` is first assumed to have version 1, then to have the current one.
    If a migration fails, or the table is newer than the plugin, add an issue and return no candidate.
    """
    current = schema_version(plugin, reporter)
    version = settings.config_version or 1
    if current is None:
        return []
    if version > current:
        hint = "Install a newer version of the plugin's distribution, or rewrite the table for the installed one"
        add_newer_version(version, current, reporter, hint)
        return []
    if version == current or not settings.table:
        return [VersionedSettings(settings.table, current, current)]
    is_explicit = settings.config_version is not None
    unchanged = [] if is_explicit else [VersionedSettings(settings.table, current, current, is_explicit=False)]
    old = VersionedSettings(settings.table, version, current, is_explicit=is_explicit)
    table = upgrade(plugin, old, reporter)
    return unchanged if table is None else [attrs.evolve(old, table=table), *unchanged]


def add_newer_version(version: int, current: int, reporter: ErrorReporter, hint: str = "") -> None:
    """Add an issue for a table that is newer than the plugin."""
    message = f"the table has config_version {version}, but the plugin supports at most {current}"
    reporter.add_issue(("config_version",), "newer_version", message, f"at most {current}", hint)


def schema_version(plugin: object, reporter: ErrorReporter) -> int | None:
    """Return the current version of the plugin's schema. If it is invalid, add an issue and return None."""
    try:
        version = getattr(plugin, "config_version", 1)
    except (Exception, SystemExit) as error:  # noqa: BLE001 a property is the plugin's code
        reporter.add_schema_issue(f"reading config_version raised {type(error).__name__}", raised_at(error))
        return None
    if type(version) is int and version >= 1:
        return version
    reporter.add_schema_issue("config_version is not an integer of at least 1")
    return None


def upgrade(plugin: Any, versioned: VersionedSettings, reporter: ErrorReporter) -> dict[str, Any] | None:
    """Migrate a table to the current version, one step per version. If a step fails, add an issue and return None."""
    data = copy(versioned.table)
    for version in range(versioned.from_version, versioned.to_version):
        result, error, frames = _step(plugin, data, version)
        if error is not None:
            hint = f"Set config_version = {versioned.to_version} if the table already has the current version"
            reporter.add_issue(
                (),
                "migration",
                f"cannot migrate the configuration from version {version} to {version + 1}: "
                + reporter.redact(error, values=True),
                hint="" if versioned.is_explicit else hint,
                frames=frames,
            )
            return None
        data = {key: value for key, value in result.items() if key != "config_version"}
    return data


def _step(plugin: Any, data: dict[str, Any], version: int) -> tuple[Mapping[str, Any], str | None, tuple[Frame, ...]]:
    """Return the migrated table, or why there is none and where that was raised."""
    try:
        result = plugin.migrate_config(version, copy(data))
    except NotImplementedError:
        return {}, "the plugin does not support this migration", ()
    except (Exception, SystemExit) as error:  # noqa: BLE001 the step is the plugin's code
        return {}, f"migrate_config raised {describe_error(error)}", raised_at(error)
    if is_table(result):
        return result, None, ()
    return {}, f"migrate_config returned {type(result).__name__}, not a dict", ()


def migration_warning(versioned: VersionedSettings, settings: PluginSettings, reporter: ErrorReporter) -> str | None:
    """Return one line that tells the operator how to update the file, without secrets, or None."""
    table, current = dotted(reporter.base), versioned.to_version
    if versioned.from_version == current:
        return None if versioned.is_explicit else f"{table}: add config_version = {current}, its current version"
    old, new = dict(leaves(settings.table, ())), dict(leaves(versioned.table, ()))
    changes = [
        f"{dotted(path)} = {_literal(reporter, path, new[path])}" for path in new if _is_new(path, new[path], old)
    ]
    removed = ", ".join(dotted(path) for path in old if path not in new)
    file = reporter.location(()).get("file")
    return (
        f"{table}{f' ({file})' if file else ''} was migrated from configuration version {versioned.from_version} "
        f"to {current} for this run. In the file, write {', '.join([f'config_version = {current}', *changes])}"
        + (f"; remove {removed}" if removed else "")
    )


def _is_new(path: KeyPath, value: Any, old: Mapping[KeyPath, Any]) -> bool:
    return path not in old or type(old[path]) is not type(value) or old[path] != value


def _literal(reporter: ErrorReporter, path: KeyPath, value: Any) -> str:
    return json.dumps(reporter.mask_value(path, value), ensure_ascii=False, default=str)
