"""List the effective settings with the origin of each value. Secrets are masked."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.error_reporter import ErrorReporter
from floe_plugins.configuration.schema.shape import Shape, shape_of
from floe_plugins.configuration.schema.validation import ValidationResult, validate_settings
from floe_plugins.configuration.values import get_at, is_list, is_table
from floe_plugins.core.record import Record, to_plain
from floe_plugins.core.refs import PluginRef

_REGISTRY = ("autoload", "disable", "only", "required", "timeouts", "plugin_timeouts", "workers")


@attrs.frozen
class Setting(Record):
    """One effective setting.

    Attributes:
        path: The path, such as ``plugins.compute.duckdb.path``.
        value: The value in a form that JSON supports; a secret is masked.
        origin: ``default``, ``file:line``, ``environment variable NAME``, ``mapping`` or ``argument``.
        hidden_because: Why the value, or a part of it, is masked, such as ``type SecretStr`` or ``name password``;
            empty if it is not.
    """

    path: str
    value: Any
    origin: str
    hidden_because: str = ""


def registry_settings(configuration: Configuration) -> Iterator[Setting]:
    """Yield the effective settings of the registry, those that nobody set included.

    >>> for setting in registry_settings(Configuration(workers=4)):
    ...     if setting.origin != "default":
    ...         print(setting.path, setting.value, setting.origin)
    registry.workers 4 mapping
    """
    for key in _REGISTRY:
        value = getattr(configuration, key)
        if key == "plugin_timeouts":
            for ref, timeouts in value.items():
                path: KeyPath = ("registry", "timeouts", str(ref))
                yield Setting(dotted(path), to_plain(timeouts), _file_origin(configuration, path) or "mapping")
            continue
        if key == "required":
            value = [str(ref) for ref in value]
        default = "mapping" if _is_set_in_code(configuration, key) else "default"
        yield Setting(f"registry.{key}", to_plain(value), _file_origin(configuration, ("registry", key)) or default)


def _is_set_in_code(configuration: Configuration, key: str) -> bool:
    default = "configured" if key == "autoload" and configuration.plugins else getattr(Configuration(), key)
    return configuration.source is None and getattr(configuration, key) != default


def _file_origin(configuration: Configuration, path: KeyPath) -> str:
    source = configuration.source
    if source is None or not source.contains(path):
        return ""
    return f"{source.file}:{source.position(path).line}"


def plugin_settings(
    configuration: Configuration, ref: PluginRef, plugin: object, distribution: str | None = None
) -> tuple[tuple[Setting, ...], tuple[ConfigurationIssue, ...]]:
    """Return the effective settings of a plugin; none, and the issues in them, if they are invalid.

    Args:
        configuration: The configuration of the platform.
        ref: The plugin's ref.
        plugin: The plugin's class or instance.
        distribution: The distribution that provides it, for the issues.

    >>> from floe_plugins.configuration.loader import load
    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     threads: int = 4
    ...     password: str
    >>> class Duck:
    ...     config_schema = Settings
    ...     config_version = 1
    >>> configuration = load({"plugins": {"compute": {"duckdb": {"password": "hunter2"}}}}, environ={})
    >>> settings, issues = plugin_settings(configuration, PluginRef.parse("compute:duckdb"), Duck)
    >>> for setting in settings:
    ...     print(setting.path, setting.value, setting.origin, [setting.hidden_because])
    plugins.compute.duckdb.threads 4 default ['']
    plugins.compute.duckdb.password *** mapping ['name password']
    """
    result = validate_settings(configuration, ref, plugin, distribution)
    return tuple(_settings_of(configuration, ref, result)), result.issues


def _settings_of(configuration: Configuration, ref: PluginRef, result: ValidationResult) -> Iterator[Setting]:
    model = result.model
    if model is None:
        return
    reporter = ErrorReporter(configuration, ref, None)
    reporter.set_schema(type(model), result.layers, model)
    for path, value in _values(model, (), shape_of(type(model))):
        shown, reason = _mask(reporter, path, value)
        masked = reporter.mask_path(path)
        reason = reason or ("its key is secret" if masked != path else "")
        place = dotted((*reporter.base, *masked))
        yield Setting(place, to_plain(shown), _origin(reporter, result, path), reason)


def _values(value: Any, path: KeyPath, shape: Shape) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path and value of each setting. An empty table or list, or a list of scalars, is one value."""
    children = _children(value, shape)
    if not children:
        yield path, value
    for key, child in children:
        yield from _values(child, (*path, key), shape.at(key)[1])


def _children(value: Any, shape: Shape) -> list[tuple[object, Any]]:
    if is_table(value):
        return list(value.items())
    names: Any = getattr(type(value), "_fields", None)
    if names is not None and isinstance(value, tuple):
        return list(zip(names, value, strict=False))
    if is_list(value) or isinstance(value, deque):
        items: list[tuple[object, Any]] = list(enumerate(value))
        return items if any(_children(item, shape.at(index)[1]) for index, item in items) else []
    kind: Any = type(value)
    if getattr(kind, "__pydantic_root_model__", False):
        return _children(value.root, shape)
    # A standard dataclass has no schema of its own.
    tables = shape_of(kind).tables or (shape.tables if dataclasses.is_dataclass(kind) else [])
    members = {member.names[0]: member.keys[0] for table in tables for member in table.members.values()}
    extra: dict[str, Any] = getattr(value, "__pydantic_extra__", None) or {}
    return [*((key, getattr(value, name)) for name, key in members.items() if hasattr(value, name)), *extra.items()]


def _mask(reporter: ErrorReporter, path: KeyPath, value: Any) -> tuple[Any, str]:
    if getattr(type(value), "__pydantic_root_model__", False):
        return _mask(reporter, path, value.root)
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        items: Iterable[Any] = value
        masked = [_mask(reporter, (*path, index), item) for index, item in enumerate(items)]
        return [shown for shown, _ in masked], next((reason for _, reason in masked if reason), "")
    return ({}, "") if is_table(value) and not value else reporter.mask_known_value(path, value)


def _origin(reporter: ErrorReporter, result: ValidationResult, path: KeyPath) -> str:
    try:
        get_at(result.layers.data, path)
    except LookupError:
        return "default"
    location = reporter.location(path)
    if location.get("variable"):
        return f"environment variable {location['variable']}"
    if result.layers.is_argument(path):
        return "argument"
    return f"{location['file']}:{location['line']}" if location.get("file") else "mapping"
