"""Settings written for an older version of a plugin's schema, brought up to date step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath, dotted
from floe_plugins.configuration.schema.error_reporter import ErrorReporter, leaves
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import copy, is_table
from floe_plugins.core.safe_text import describe_error


@attrs.frozen
class VersionedSettings:
    """A table as it is to be validated.

    Attributes:
        written: the version that the table was written for.
        wanted: the version that the plugin's schema describes.
        stated: the table says its version itself.
    """

    table: Mapping[str, Any] = attrs.field(repr=False)
    written: int
    wanted: int
    stated: bool = True


def possible_versions(plugin: object, settings: PluginSettings, reporter: ErrorReporter) -> list[VersionedSettings]:
    """The table in the plugin's present form; several where that cannot be told, best first.

    A table without ``config_version`` is taken for version 1; where that leads to
    mistakes and the table is right as it stands, it is taken for the present form.
    No form, but issues, where a step fails or the table is newer than the plugin.
    """
    wanted = present_version(plugin, reporter)
    written = settings.config_version or 1
    if wanted is None:
        return []
    if written > wanted:
        message = f"the table is written for version {written} of the configuration, the plugin knows up to {wanted}"
        hint = "Install a newer version of the plugin's distribution, or write the table for this one"
        reporter.issue(("config_version",), "newer_version", message, f"at most {wanted}", hint)
        return []
    if written == wanted or not settings.table:
        return [VersionedSettings(settings.table, wanted, wanted)]
    stated = settings.config_version is not None
    as_it_stands = [] if stated else [VersionedSettings(settings.table, wanted, wanted, stated=False)]
    old = VersionedSettings(settings.table, written, wanted, stated=stated)
    table = upgrade(plugin, old, reporter)
    return as_it_stands if table is None else [attrs.evolve(old, table=table), *as_it_stands]


def present_version(plugin: object, reporter: ErrorReporter) -> int | None:
    """The version of configuration that the plugin's schema describes."""
    try:
        wanted = getattr(plugin, "config_version", 1)
    except (Exception, SystemExit) as error:  # noqa: BLE001 a property is the plugin's code
        reporter.broken(f"reading config_version raised {type(error).__name__}")
        return None
    if type(wanted) is int and wanted >= 1:
        return wanted
    reporter.broken("config_version is not a whole number from 1")
    return None


def upgrade(plugin: Any, form: VersionedSettings, reporter: ErrorReporter) -> dict[str, Any] | None:
    """The form's table after one step for each version that it is behind, or None and a fault."""
    data = copy(form.table)
    for version in range(form.written, form.wanted):
        result, configuration_error = _step(plugin, data, version)
        if configuration_error is not None:
            doubt = "" if form.stated else f"Write config_version = {form.wanted} if the table is in the present form"
            message = f"the configuration cannot be brought from version {version} to {version + 1}: "
            reporter.issue((), "migration", message + reporter.redacted(configuration_error, values=True), hint=doubt)
            return None
        data = {key: value for key, value in result.items() if key != "config_version"}
    return data


def _step(plugin: Any, data: dict[str, Any], version: int) -> tuple[Mapping[str, Any], str | None]:
    try:
        result = plugin.migrate_config(version, copy(data))
    except NotImplementedError:
        return {}, "the plugin knows no such step"
    except (Exception, SystemExit) as error:  # noqa: BLE001 the step is the plugin's code
        return {}, f"migrate_config raised {describe_error(error)}"
    if is_table(result):
        return result, None
    return {}, f"migrate_config returned {type(result).__name__}, not a dict"


def migration_warning(form: VersionedSettings, settings: PluginSettings, reporter: ErrorReporter) -> str | None:
    """What an operator should write now, in one line without secrets; None where all is up to date."""
    table = dotted(reporter.base)
    wanted = form.wanted
    if form.written == wanted:
        return None if form.stated else f"{table}: write config_version = {wanted}, the form that it is in"
    old, new = dict(leaves(settings.table, ())), dict(leaves(form.table, ()))
    writes = [
        f"{dotted(path)} = {_literal(reporter, path, value)}"
        for path, value in new.items()
        if _is_new(path, value, old)
    ]
    write = ", ".join([f"config_version = {wanted}", *writes])
    gone = ", ".join(dotted(path) for path in old if path not in new)
    where = f" ({reporter.place(()).get('file')})" if reporter.place(()).get("file") else ""
    return (
        f"{table}{where} is written for version {form.written} of the configuration and was brought up to version "
        f"{wanted}. Write now: {write}" + (f"; leave out: {gone}" if gone else "")
    )


def _is_new(path: KeyPath, value: Any, old: Mapping[KeyPath, Any]) -> bool:
    return path not in old or type(old[path]) is not type(value) or old[path] != value


def _literal(reporter: ErrorReporter, path: KeyPath, value: Any) -> str:
    return json.dumps(reporter.shown_value(path, value), ensure_ascii=False, default=str)
