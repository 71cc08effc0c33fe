"""A plugin's settings against its schema: a model, or every mistake."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath
from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.migration.steps import VersionedSettings, migration_warning, possible_versions
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.error_reporter import ErrorReporter
from floe_plugins.configuration.schema.introspection import has_only_known_keys, unknown_keys
from floe_plugins.configuration.sections import RESERVED
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import copy, is_list
from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import error_message

if TYPE_CHECKING:
    from pydantic import BaseModel


@attrs.frozen(kw_only=True)
class ValidationResult:
    """What validating one plugin's settings came to.

    Attributes:
        model: the validated instance of the schema; None for a plugin without one, and with issues.
        issues: every mistake.
        warnings: what an operator should change although it works, without values of secrets.
        layers: the settings by source, as they were validated.
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
    """The plugin's model and every mistake in its settings; warnings are logged as warnings.

    ``plugin`` is its class or instance; ``overrides`` win over the environment, and that over the file.
    Whatever the schema's own code raises becomes a fault.
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
    """Validate one plugin's settings; nothing is raised or logged."""
    settings = configuration.settings(ref)
    model = _at_once(plugin, settings)
    if model is not None:
        return ValidationResult(model=model, layers=Layers(data=settings.table, textual=settings.textual))
    reporter = ErrorReporter(configuration, ref, distribution)
    schema = _schema(plugin, reporter)
    reporter.use(schema, Layers(data=settings.table))
    found = [] if reporter.issues else possible_versions(plugin, settings, reporter)
    first: ValidationResult | None = None
    for form in found:
        examination = _check(schema, form, settings, ErrorReporter(configuration, ref, distribution))
        if not examination.issues:
            return examination
        first = first or examination
    if first is None or reporter.issues:
        return ValidationResult(issues=tuple(reporter.issues))
    return first


def _at_once(plugin: object, settings: PluginSettings) -> BaseModel | None:
    """The model where nothing is out of the ordinary; the long way finds out what is."""
    if settings.variables or settings.arguments or settings.paths_with_issues:
        return None
    try:
        schema, wanted = plugin.config_schema, plugin.config_version  # type: ignore[attr-defined]
        if wanted != (settings.config_version or 1) or not _is_usable(schema):
            return None
        model: BaseModel = schema.model_validate(copy(settings.table))
    except (Exception, SystemExit):  # noqa: BLE001 whatever it is, the long way meets it too and reports it
        return None
    return model if has_only_known_keys(schema, settings.table) else None


@lru_cache(maxsize=1024)
def _is_usable(schema: object) -> bool:
    from pydantic import BaseModel

    return isinstance(schema, type) and issubclass(schema, BaseModel) and not _taken(schema)


def _taken(schema: type[BaseModel]) -> list[str]:
    return [name for name in RESERVED if name in schema.model_fields]


def _check(
    schema: type[BaseModel] | None, form: VersionedSettings, settings: PluginSettings, reporter: ErrorReporter
) -> ValidationResult:
    layers = Layers.of(attrs.evolve(settings, table=form.table), schema)
    reporter.use(schema, layers)
    reporter.version = form.wanted
    model = None
    if schema is None:
        for key in layers.data:
            reporter.issue((key,), "unknown_key", "the plugin takes no configuration", "no settings")
    else:
        model, layers = _attempt(schema, layers, reporter)
    said = migration_warning(form, settings, reporter)
    return ValidationResult(model=model, issues=tuple(reporter.issues), warnings=(said,) if said else (), layers=layers)


def _schema(plugin: object, reporter: ErrorReporter) -> type[BaseModel] | None:
    from pydantic import BaseModel

    try:
        schema = getattr(plugin, "config_schema", None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 a property is the plugin's code
        reporter.broken(f"reading config_schema raised {type(error).__name__}")
        return None
    if schema is None:
        return None
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        reporter.broken(f"config_schema is {_described(schema)}, not a pydantic model class")
        return None
    if taken := _taken(schema):
        reporter.broken(f"config_schema has a field {taken[0]!r}, which is a reserved key")
    return schema


def _described(schema: object) -> str:
    return f"the class {schema.__name__}" if isinstance(schema, type) else f"of type {type(schema).__name__}"


def _attempt(schema: type[BaseModel], layers: Layers, reporter: ErrorReporter) -> tuple[BaseModel | None, Layers]:
    """Validate; where texts of the environment are refused, once more with what they are as JSON."""
    tried = _Try(schema, layers.data)
    if tried.errors and layers.textual:
        paths = [layers.textual_at(reporter.data_path(error["loc"], layers.data)) for error in tried.errors]
        read = layers.read_as_json({path for path in paths if path is not None})
        if read is not layers:
            again = _Try(schema, read.data)
            if again.raised is None and len(again.errors) < len(tried.errors):
                tried, layers = again, read
                reporter.use(schema, layers)
    unknown = _unknown(schema, layers.data, tried)
    for path, known in unknown:
        reporter.unknown(path, known)
    if tried.raised is not None:
        reporter.raised(tried.raised)
    reporter.errors(tried.errors, {path for path, _ in unknown})
    return (None if reporter.issues else tried.model), layers


class _Try:
    """One validation: a model, or facts. Keeps no exception: those hold the values."""

    def __init__(self, schema: type[BaseModel], data: Mapping[str, Any]) -> None:
        from pydantic import ValidationError

        self.model: BaseModel | None = None
        self.errors: list[Any] = []
        self.raised: tuple[str, str] | None = None
        try:
            # Validators may change what they are given.
            self.model = schema.model_validate(copy(data))
        except ValidationError as error:
            self.errors = list(error.errors(include_url=False, include_input=False))
        except (Exception, SystemExit) as error:  # noqa: BLE001 a schema is the plugin's code
            self.raised = type(error).__name__, error_message(error)

    def same(self, other: _Try) -> bool:
        """Whether both came to the same."""
        if self.model is not None and other.model is not None:
            return bool(self.model == other.model)
        facts = [[(error["type"], error["loc"], error["msg"]) for error in tried.errors] for tried in (self, other)]
        return self.model is None and other.model is None and facts[0] == facts[1] and self.raised == other.raised


def _unknown(schema: type[BaseModel], data: Mapping[str, Any], tried: _Try) -> list[tuple[KeyPath, frozenset[str]]]:
    """Unknown keys, without those that a validator of the schema makes use of."""
    unknown = unknown_keys(schema, data)
    if not unknown or not tried.same(_Try(schema, data)):  # a schema with random defaults cannot be asked
        return unknown
    refused = {reason["loc"] for reason in tried.errors if reason["type"] == "extra_forbidden"}
    return [
        (path, known) for path, known in unknown if path in refused or tried.same(_Try(schema, _without(data, path)))
    ]


def _without(data: Any, path: KeyPath) -> Any:
    step, *rest = path
    if is_list(data):
        return [_without(item, tuple(rest)) if index == step else item for index, item in enumerate(data)]
    return {
        key: _without(item, tuple(rest)) if key == step else item for key, item in data.items() if rest or key != step
    }
