"""What is in force: every value, where it comes from, secrets masked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction import MASK
from floe_plugins.configuration.schema.error_reporter import ErrorReporter
from floe_plugins.configuration.schema.introspection import table_of
from floe_plugins.configuration.schema.validation import ValidationResult, validate_settings
from floe_plugins.configuration.values import get_at, is_list, is_table
from floe_plugins.core.record import Record, to_plain
from floe_plugins.core.refs import PluginRef

_REGISTRY = ("autoload", "disable", "only", "required", "timeouts", "plugin_timeouts", "workers")


@attrs.frozen
class Setting(Record):
    """One value in force.

    Attributes:
        path: such as ``plugins.compute.duckdb.path``.
        value: as JSON can hold it; secrets are masked.
        origin: ``default``, ``file:line``, ``environment variable NAME``, ``mapping`` or ``argument``.
    """

    path: str
    value: Any
    origin: str


def effective_settings(
    configuration: Configuration, plugins: Mapping[PluginRef, object], distributions: Mapping[PluginRef, str] = {}
) -> tuple[tuple[Setting, ...], tuple[ConfigurationIssue, ...]]:
    """Every value in force, of the registry and of these plugins, and the mistakes that keep others from it.

    Each plugin is given as its class or instance. Their settings are validated anew.
    """
    settings = [*_registry(configuration)]
    issues = [*configuration.issues]
    for ref, plugin in sorted(plugins.items(), key=lambda item: str(item[0])):
        examination = validate_settings(configuration, ref, plugin, distributions.get(ref))
        issues += examination.issues
        settings += _plugin(configuration, ref, examination)
    return tuple(settings), tuple(issues)


def _registry(configuration: Configuration) -> Iterator[Setting]:
    for key in _REGISTRY:
        value = getattr(configuration, key)
        if key == "plugin_timeouts":
            for ref, deadlines in value.items():
                path: KeyPath = ("registry", "timeouts", str(ref))
                yield Setting(dotted(path), to_plain(deadlines), _written(configuration, path) or "mapping")
            continue
        if key == "required":
            value = [str(ref) for ref in value]
        default = "mapping" if _given(configuration, key) else "default"
        yield Setting(f"registry.{key}", to_plain(value), _written(configuration, ("registry", key)) or default)


def _given(configuration: Configuration, key: str) -> bool:
    default = "configured" if key == "autoload" and configuration.plugins else getattr(Configuration(), key)
    return configuration.source is None and getattr(configuration, key) != default


def _written(configuration: Configuration, path: KeyPath) -> str:
    source = configuration.source
    if source is None or not source.holds(path):
        return ""
    line, _ = source.position(path) or (None, None)
    return f"{source.file}:{line}"


def _plugin(configuration: Configuration, ref: PluginRef, examination: ValidationResult) -> Iterator[Setting]:
    model = examination.model
    if model is None:
        return
    reporter = ErrorReporter(configuration, ref, None)
    reporter.use(type(model), examination.layers)
    for path, value in _values(model, ()):
        shown = to_plain(_masked(reporter, path, value))
        yield Setting(dotted((*reporter.base, *reporter.shown_path(path))), shown, _origin(reporter, examination, path))


def _values(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Path and value of what the model holds; an empty table or list, and a list of scalars, is one value."""
    children = _children(value)
    if not children:
        yield path, value
    for key, child in children:
        yield from _values(child, (*path, key))


def _children(value: Any) -> list[tuple[object, Any]]:
    if is_table(value):
        return list(value.items())
    if is_list(value):
        items: list[tuple[object, Any]] = list(enumerate(value))
        return items if any(_children(item) for _, item in items) else []
    kind: Any = type(value)
    table = table_of(kind)
    if table is None:
        return _children(value.root) if getattr(kind, "__pydantic_root_model__", False) else []
    keys: dict[str, str] = {}
    for key, field in table.fields.items():
        keys.setdefault(field.name, key)
    extra: dict[str, Any] = getattr(value, "__pydantic_extra__", None) or {}
    return [*((key, getattr(value, name)) for name, key in keys.items() if hasattr(value, name)), *extra.items()]


def _masked(reporter: ErrorReporter, path: KeyPath, value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        items: Iterable[Any] = value
        return [reporter.shown_value((*path, index), item) for index, item in enumerate(items)]
    if value == {}:
        return {}
    return MASK if hasattr(value, "get_secret_value") else reporter.shown_value(path, value)


def _origin(reporter: ErrorReporter, examination: ValidationResult, path: KeyPath) -> str:
    try:
        get_at(examination.layers.data, path)
    except LookupError:
        return "default"
    place = reporter.place(path)
    if place.get("variable"):
        return f"environment variable {place['variable']}"
    if examination.layers.is_argument(path):
        return "argument"
    return f"{place['file']}:{place['line']}" if place.get("file") else "mapping"
