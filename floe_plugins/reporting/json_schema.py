"""Generate a JSON Schema of the configuration file for editors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from floe_plugins.configuration.redaction.markers import JSON_KEY
from floe_plugins.configuration.redaction.names import is_secret_name
from floe_plugins.configuration.redaction.patterns import find_secret_patterns
from floe_plugins.configuration.schema.shape import EMPTY, Shape, shape_of
from floe_plugins.configuration.sections import RESERVED
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.record import to_plain
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import AUTOLOAD_MODES
from floe_plugins.core.timeouts import TIMEOUT_NAMES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_REFERENCE = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-.*)?\}",
    "description": "A value from the environment: ${NAME} or ${NAME:-default}",
}


@attrs.frozen
class PluginSchema:
    """The JSON Schema of one plugin's table, as plain data, and the definitions that it refers to.

    Attributes:
        schema: The schema, without defaults and examples of secrets.
        definitions: By name, which begins with category and name of the plugin: ``compute.duckdb.Pool``.
    """

    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]


_UNKNOWN = PluginSchema(
    {"type": ["object", "null"], "description": "This plugin could not be loaded: its settings are unknown"}, {}
)


def plugin_schema(ref: PluginRef, plugin: Any) -> PluginSchema:
    """Return the JSON Schema of one plugin's table; runs code of its schema.

    Args:
        ref: The plugin's ref.
        plugin: The plugin's class or instance.
    """
    definitions: dict[str, Any] = {}
    try:
        schema, version = getattr(plugin, "config_schema", None), getattr(plugin, "config_version", 1)
        description = getattr(plugin, "description", "")
        own = None if schema is None else _model_schema(ref, schema, definitions)
    except (Exception, SystemExit):  # noqa: BLE001 types without a JSON Schema raise various errors
        unknown = f"The settings of {ref} cannot be expressed as JSON Schema"
        return PluginSchema({"type": ["object", "null"], "description": unknown}, definitions)
    if own is None:
        own = _table(_reserved(version), description or f"{ref} takes no settings")
    else:
        own.setdefault("description", description)
        own["type"] = "object" if own.get("required") else ["object", "null"]
        own["properties"] = {**own.get("properties", {}), **_reserved(version)}
    return PluginSchema(to_plain(own), definitions)


def plugin_shape(plugin: Any) -> Shape:
    """Return what one plugin's schema says of the values at each place; one that says nothing if it has none."""
    try:
        return shape_of(getattr(plugin, "config_schema", None))
    except (Exception, SystemExit):  # noqa: BLE001 it may be a property
        return EMPTY


def json_schema(plugins: Mapping[PluginRef, PluginSchema | None], platform: Platform = FLOE) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration file for these plugins.

    Args:
        plugins: The schema of each plugin; None if it cannot be loaded, so that any table is valid.
        platform: Whose plugins they are.

    Returns:
        A schema without the defaults and examples of secrets, which accepts references such as
        ``${NAME}`` instead of numbers and booleans.

    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     threads: int = 4
    >>> class Duck:
    ...     config_schema = Settings
    >>> ref = PluginRef.parse("compute:duckdb")
    >>> schema = json_schema({ref: plugin_schema(ref, Duck)})
    >>> table = schema["properties"]["plugins"]["properties"]["compute"]["properties"]["duckdb"]
    >>> table["properties"]["threads"]["default"]
    4
    """
    definitions: dict[str, Any] = {"reference": _REFERENCE}
    categories: dict[str, dict[str, Any]] = {}
    for category in platform.categories:
        of_category = {ref: plugins[ref] or _UNKNOWN for ref in sorted(plugins) if ref.type == category}
        for each in of_category.values():
            definitions.update(each.definitions)
        properties = {ref.name: dict(each.schema) for ref, each in of_category.items()}
        categories[category.slug] = _table(properties, f"Plugins of the category {category.slug}")
    return {
        "$schema": DIALECT,
        "title": f"{platform.name} configuration",
        **_table(
            {
                "$schema": {"type": "string", "description": "The location of this schema, for editors"},
                "registry": _registry(platform),
                "plugins": _table(categories, "The settings of each plugin, by category and name"),
            }
        ),
        "$defs": definitions,
    }


def _table(properties: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    described = {"description": description} if description else {}
    return {
        **described,
        "type": ["object", "null"] if description else "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }


def _registry(platform: Platform) -> dict[str, Any]:
    ref_form = f"^({'|'.join(platform.categories.slugs)}):[a-z0-9_-]+$"
    texts = {"type": "array", "items": {"type": "string"}}
    timeouts_by_name = {
        name: {"type": "number", "exclusiveMinimum": 0, "description": f"Timeout of {name} in seconds"}
        for name in TIMEOUT_NAMES
    }
    single = _table(timeouts_by_name, "Timeouts of one plugin")
    timeouts: dict[str, Any] = {
        **_table(timeouts_by_name, "Timeouts in seconds"),
        "patternProperties": {ref_form: single},
    }
    properties: dict[str, dict[str, Any]] = {
        "autoload": {"enum": [*AUTOLOAD_MODES], "default": "configured", "description": "Which plugins are selected"},
        "disable": {**texts, "description": "Refs, categories and distribution:NAME that are never imported"},
        "only": {**texts, "description": "The distributions whose plugins may be loaded"},
        "required": {
            "type": "array",
            "items": {"type": "string", "pattern": ref_form},
            "description": "Plugins that must run for the platform to be up",
        },
        "timeouts": timeouts,
        "workers": {
            "type": "integer",
            "minimum": 1,
            "description": "The maximum number of plugins that start concurrently",
        },
    }
    for part in [part for schema in properties.values() for part in _parts(schema)]:
        _accept_reference(part)
    return _table(properties, "How plugins are selected and run")


def _reserved(version: object) -> dict[str, Any]:
    pin = {"type": "string", "description": "The distribution that must provide the plugin"}
    config_version = {
        "type": "integer",
        "minimum": 1,
        "description": "The schema version that this table is written for",
    }
    if isinstance(version, int):
        config_version |= {"maximum": version, "default": version}
    return dict(zip(RESERVED, (pin, config_version), strict=True))


def _model_schema(ref: PluginRef, schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a model, and add its definitions with the plugin's name as a prefix."""
    prefix = f"{ref.type.slug}.{ref.name}."
    # Authors may put values into it that JSON does not have.
    own: dict[str, Any] = to_plain(
        schema.model_json_schema(mode="validation", ref_template=f"#/$defs/{prefix}{{model}}")
    )
    inner = own.pop("$defs", {})
    if set(own) <= {"$ref"}:  # a recursive model
        own = {**inner[own["$ref"].removeprefix(f"#/$defs/{prefix}")]}
    parts = [part for whole in (own, *inner.values()) for part in _parts(whole)]
    marked = {name for part in parts for name, value in part.get("properties", {}).items() if value.get(JSON_KEY)}
    for part in parts:
        # Unknown keys are issues unless the author accepts them.
        if part.get("type") == "object" and "properties" in part:
            part.setdefault("additionalProperties", False)
        _hide_secrets(part, marked)
    for part in parts:
        if part.pop(JSON_KEY, None):
            part["writeOnly"] = True
        _accept_reference(part)
    definitions.update({f"{prefix}{name}": part for name, part in inner.items()})
    return own


def _hide_secrets(part: dict[str, Any], names: Collection[str]) -> None:
    for name, value in part.get("properties", {}).items():
        marked = value.get(JSON_KEY)
        hidden = value.get("format") == "password" or value.get("writeOnly", False) or marked is True
        for key in ("default", "examples"):
            if hidden or _holds_secret("" if marked is False else name, value.get(key), names):
                value.pop(key, None)


def _holds_secret(name: object, value: Any, names: Collection[str]) -> bool:
    if isinstance(value, dict):
        return any(_holds_secret(key, item, names) or _holds_secret(name, item, names) for key, item in value.items())
    if isinstance(value, list):
        return any(_holds_secret(name, item, names) for item in value)
    return (value is not None and (name in names or is_secret_name(name))) or (
        isinstance(value, str) and bool(find_secret_patterns(value))
    )


def _accept_reference(part: dict[str, Any]) -> None:
    """Accept a reference to an environment variable if the schema does not accept any text."""
    if _is_narrow(part):
        checks = {key: part.pop(key) for key in [*part] if key not in {"title", "description", "default", "examples"}}
        part["anyOf"] = [checks, {"$ref": "#/$defs/reference"}]


def _is_narrow(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    if kind in ("integer", "number", "boolean") or "enum" in part:
        return True
    limits = {"pattern", "minLength", "maxLength", "format"}
    return kind == "string" and not limits.isdisjoint(part) and part.get("format") != "password"


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield the schema and every schema nested in it."""
    if not isinstance(schema, dict):
        return
    part: dict[str, Any] = schema
    yield part
    for key, value in [*part.items()]:
        if key in {"properties", "patternProperties", "$defs"}:
            for part in value.values():
                yield from _parts(part)
        elif key in {"items", "additionalProperties", "not"}:
            yield from _parts(value)
        elif key in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            for part in value:
                yield from _parts(part)
