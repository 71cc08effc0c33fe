"""Validate the settings of a plugin with its schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath
from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.migration import VersionedSettings, migration_warning, possible_versions
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.error_reporter import ErrorReporter
from floe_plugins.configuration.schema.raising_frames import Frame, raised_at
from floe_plugins.configuration.schema.unknown_keys import unknown_keys
from floe_plugins.configuration.sections import RESERVED
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import copy, is_list, is_table
from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import error_message

if TYPE_CHECKING:
    from pydantic import BaseModel


@attrs.frozen(kw_only=True)
class ValidationResult:
    """The result of validating the settings of one plugin.

    Attributes:
        model: The instance of the schema; None if there are issues, or if the plugin has no schema.
        issues: All issues in the settings.
        warnings: Changes that the operator should make to the file although it is valid, without secrets.
        layers: The merged settings that were validated, and their sources.
    """

    model: BaseModel | None = attrs.field(default=None, repr=False)
    issues: tuple[ConfigurationIssue, ...] = ()
    warnings: tuple[str, ...] = ()
    layers: Layers = attrs.field(factory=Layers, repr=False)


def validate_and_log(
    configuration: Configuration,
    ref: PluginRef,
    plugin: object,
    distribution: str | None,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[BaseModel | None, list[ConfigurationIssue]]:
    """Validate the settings of one plugin like ``validate_settings``, and log the warnings.

    Args:
        configuration: The configuration of the platform.
        ref: The plugin's ref.
        plugin: The plugin's class or instance.
        distribution: The distribution that provides it, for the issues.
        overrides: Values that take precedence over the environment and the file.

    Returns:
        The model and the issues. An exception in the schema's own code is an issue too.
    """
    if overrides is not None:
        configuration = configuration.with_arguments(ref, overrides)
    elif (model := _at_once(plugin, configuration.settings(ref))) is not None:
        return model, []
    result = validate_settings(configuration, ref, plugin, distribution)
    for text in result.warnings:
        log("warning", "%s", text)
    return result.model, list(result.issues)


def validate_settings(
    configuration: Configuration, ref: PluginRef, plugin: object, distribution: str | None
) -> ValidationResult:
    """Validate the settings of one plugin with its ``config_schema``. Raise and log nothing.

    Args:
        configuration: The configuration of the platform.
        ref: The plugin's ref.
        plugin: The plugin's class or instance.
        distribution: The distribution that provides it, for the issues.

    >>> from floe_plugins.configuration.loader import load
    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     threads: int
    >>> class Duck:
    ...     config_schema = Settings
    ...     config_version = 1
    >>> configuration = load({"plugins": {"compute": {"duckdb": {"threads": "many"}}}}, environ={})
    >>> result = validate_settings(configuration, PluginRef.parse("compute:duckdb"), Duck, None)
    >>> result.model is None
    True
    >>> [(issue.path, issue.rule) for issue in result.issues]
    [('plugins.compute.duckdb.threads', 'int_parsing')]
    """
    settings = configuration.settings(ref)
    model = _at_once(plugin, settings)
    if model is not None:
        return ValidationResult(
            model=model, layers=Layers(data=settings.table, environment_paths=settings.environment_paths)
        )
    reporter = ErrorReporter(configuration, ref, distribution)
    schema = _schema(plugin, reporter)
    reporter.set_schema(schema, Layers(data=settings.table))
    candidates = [] if reporter.issues else possible_versions(plugin, settings, reporter)
    first: ValidationResult | None = None
    for versioned in candidates:
        result = _check(schema, versioned, settings, ErrorReporter(configuration, ref, distribution))
        if not result.issues:
            return result
        first = first or result
    if first is None or reporter.issues:
        return ValidationResult(issues=tuple(reporter.issues))
    return first


def _at_once(plugin: object, settings: PluginSettings) -> BaseModel | None:
    """Return the model of valid settings in the usual case. Return None to have them validated in full."""
    if settings.variables or settings.arguments or settings.paths_with_issues:
        return None
    try:
        schema, schema_version = plugin.config_schema, plugin.config_version  # type: ignore[attr-defined]
        if schema_version != (settings.config_version or 1) or not _is_usable(schema):
            return None
        model: BaseModel = schema.model_validate(copy(settings.table))
    except (Exception, SystemExit):  # noqa: BLE001 validating in full raises it again and reports it
        return None
    return None if unknown_keys(schema, settings.table) else model


@lru_cache(maxsize=1024)
def _is_usable(schema: object) -> bool:
    from pydantic import BaseModel

    return isinstance(schema, type) and issubclass(schema, BaseModel) and not _reserved_fields(schema)


def _reserved_fields(schema: type[BaseModel]) -> list[str]:
    return [name for name in RESERVED if name in schema.model_fields]


def _check(
    schema: type[BaseModel] | None, versioned: VersionedSettings, settings: PluginSettings, reporter: ErrorReporter
) -> ValidationResult:
    layers = Layers.from_settings(attrs.evolve(settings, table=versioned.table), schema)
    reporter.set_schema(schema, layers)
    reporter.version = versioned.to_version
    model = None
    if schema is None:
        for key in layers.data:
            reporter.add_issue((key,), "unknown_key", "the plugin takes no configuration", "no settings")
    else:
        model, layers = _validate(schema, layers, reporter)
    warning = migration_warning(versioned, settings, reporter)
    return ValidationResult(
        model=model, issues=tuple(reporter.issues), warnings=(warning,) if warning else (), layers=layers
    )


def _schema(plugin: object, reporter: ErrorReporter) -> type[BaseModel] | None:
    from pydantic import BaseModel

    try:
        schema = getattr(plugin, "config_schema", None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 a property is the plugin's code
        reporter.add_schema_issue(f"reading config_schema raised {type(error).__name__}", raised_at(error))
        return None
    if schema is None:
        return None
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        found = f"the class {schema.__name__}" if isinstance(schema, type) else f"of type {type(schema).__name__}"
        reporter.add_schema_issue(f"config_schema is {found}, not a pydantic model class")
        return None
    if reserved := _reserved_fields(schema):
        reporter.add_schema_issue(f"config_schema has a field {reserved[0]!r}, which is a reserved key")
    return schema


def _validate(schema: type[BaseModel], layers: Layers, reporter: ErrorReporter) -> tuple[BaseModel | None, Layers]:
    """Validate the settings. If texts from the environment are invalid, parse these as JSON and try again."""
    attempt = _Attempt(schema, layers.data)
    if attempt.errors and layers.environment_paths:
        paths = [layers.environment_text_at(reporter.data_path(error["loc"], layers.data)) for error in attempt.errors]
        read = layers.read_as_json({path for path in paths if path is not None})
        if read is not layers:
            again = _Attempt(schema, read.data)
            if again.raised is None and len(again.errors) < len(attempt.errors):
                attempt, layers = again, read
                reporter.set_schema(schema, layers)
    unknown = _unknown(schema, layers.data, attempt)
    for path, known in unknown:
        reporter.add_unknown_key(path, known)
    if attempt.raised is not None:
        reporter.add_exception(attempt.raised, attempt.frames)
    reporter.add_validation_errors(attempt.errors, {path for path, _ in unknown})
    return (None if reporter.issues else attempt.model), layers


class _Attempt:
    """One validation, with its model or errors. Exceptions are not kept, since they contain values."""

    def __init__(self, schema: type[BaseModel], data: Mapping[str, Any]) -> None:
        from pydantic import ValidationError

        self.model: BaseModel | None = None
        self.errors: list[Any] = []
        self.raised: tuple[str, str] | None = None
        self.frames: tuple[Frame, ...] = ()
        try:
            # Validators may change their input.
            self.model = schema.model_validate(copy(data))
        except ValidationError as error:
            self.errors = list(error.errors(include_url=False, include_input=False))
        except (Exception, SystemExit) as error:  # noqa: BLE001 a schema is the plugin's code
            self.raised = type(error).__name__, error_message(error)
            self.frames = raised_at(error)

    @property
    def outcome(self) -> tuple[object, ...]:
        """The model or the errors, to compare two validations."""
        facts = [(error["type"], error["loc"], error["msg"]) for error in self.errors]
        return self.model, facts, self.raised


def _unknown(
    schema: type[BaseModel], data: Mapping[str, Any], attempt: _Attempt
) -> list[tuple[KeyPath, frozenset[str]]]:
    """Return the unknown keys, except those that a validator of the schema uses."""
    unknown = unknown_keys(schema, data)
    if not unknown or attempt.outcome != _Attempt(schema, data).outcome:  # the schema has random defaults
        return unknown
    refused = {reason["loc"] for reason in attempt.errors if reason["type"] == "extra_forbidden"}
    unused = _unused(schema, data, attempt, [path for path, _ in unknown if path not in refused])
    return [(path, known) for path, known in unknown if path in refused or path in unused]


def _unused(schema: type[BaseModel], data: Mapping[str, Any], attempt: _Attempt, paths: list[KeyPath]) -> set[KeyPath]:
    """Return which of these keys make no difference to the outcome. Those that do are found by halving."""
    if not paths or attempt.outcome == _Attempt(schema, _without(data, set(paths))).outcome:
        return set(paths)
    if len(paths) == 1:
        return set()
    middle = len(paths) // 2
    return _unused(schema, data, attempt, paths[:middle]) | _unused(schema, data, attempt, paths[middle:])


def _without(data: Any, paths: set[KeyPath], at: KeyPath = ()) -> Any:
    """Return a copy of the data without the keys at these paths."""
    if is_list(data):
        return [_without(item, paths, (*at, index)) for index, item in enumerate(data)]
    if is_table(data):
        return {key: _without(item, paths, (*at, key)) for key, item in data.items() if (*at, key) not in paths}
    return data
