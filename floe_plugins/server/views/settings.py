"""The effective settings and the JSON Schema of the configuration, for a snapshot."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from floe_plugins.configuration.model import Configuration
from floe_plugins.core.refs import PluginRef
from floe_plugins.reporting.json_schema import PluginSchema, json_schema, plugin_schema
from floe_plugins.reporting.origins import plugin_settings, registry_settings
from floe_plugins.reporting.schema_calls import call_each

if TYPE_CHECKING:
    from floe_plugins.registry.facade import PluginRegistry


def describe_settings(registry: PluginRegistry) -> dict[str, Any]:
    """Return ``settings`` and ``schema`` as JSON data, without secrets. Runs schema code of the plugins.

    Loads the selected plugins, and blocks at most for their configure timeout.

    >>> from floe_plugins import PluginRegistry
    >>> describe_settings(PluginRegistry(path=[], environ={}))["settings"][0]["path"]
    'registry.autoload'
    """
    effective = call_each(registry, partial(_settings_of, registry.configuration)).results
    schemas = call_each(registry, _schema_of).results
    known = {info.ref: schemas.get(info.ref) for info in registry.infos()}
    return {
        "settings": [
            *(each.to_dict() for each in registry_settings(registry.configuration)),
            *(row for ref in sorted(effective, key=str) for row in effective[ref]),
        ],
        "schema": json_schema(known, registry.platform),
    }


def _settings_of(
    settings: Configuration, ref: PluginRef, plugin: object, _distribution: str | None
) -> list[dict[str, Any]]:
    return [each.to_dict() for each in plugin_settings(settings, ref, plugin)[0]]


def _schema_of(ref: PluginRef, plugin: object, _distribution: str | None) -> PluginSchema:
    return plugin_schema(ref, plugin)
