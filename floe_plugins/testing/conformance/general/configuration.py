"""The rules for a plugin's settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pydantic

from floe_plugins.configuration.redaction.markers import IsSecret, NotSecret
from floe_plugins.configuration.redaction.names import is_secret_name
from floe_plugins.configuration.sections import RESERVED
from floe_plugins.errors import PluginConfigurationError
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import error_text, rule, shown

_SCHEMA = """
class AcmeSettings(pydantic.BaseModel):
    path: Path = Field(default=Path("data"), description="Directory of the files")
    password: SecretStr | None = Field(default=None, description="The password of the service")

class AcmeCompute(ComputePlugin):
    config_schema = AcmeSettings
    config: AcmeSettings
"""
_MIGRATION = """
config_version = 2

@classmethod
def migrate_config(cls, old_version, data):
    data["path"] = data.pop("directory")  # version 1 called it so
    return data
"""
# Settings that most types refuse, each of another kind.
_BAD: Sequence[Any] = ({"conformance": ["bad"]}, ["conformance", {}], "conformance: bad", -1.5, True)
_OLD: Mapping[int, Mapping[str, Any]] = MappingProxyType({})


class ConfigurationRules(Case):
    """The rules for settings.

    Attributes:
        old_configs: settings as older versions of the schema had them, by ``config_version``.
    """

    old_configs: Mapping[int, Mapping[str, Any]] = _OLD

    @rule(_SCHEMA)
    def test_the_settings_are_validated(self) -> None:
        """``config_schema`` is a pydantic model, and ``self.config`` an instance of it that is set before the start."""
        self._skip_broken()
        registry, ref = self.new_registry()
        found = registry.config(ref.type, ref.name)
        schema = getattr(self.plugin, "config_schema", None)
        right = found is None if schema is None else isinstance(found, schema)
        self.expect(right, f"the validated settings are an object of {type(found).__name__}")
        given = getattr(registry.get(ref.type, ref.name), "config", None)
        self.expect(given is found, f"self.config is an object of {type(given).__name__} before the start")

    @rule(_SCHEMA)
    def test_fields_are_described(self) -> None:
        """Each field of ``config_schema`` has a description, which operators read."""
        lacks = [name for name, field in self._fields() if not field.description]
        self.expect(not lacks, f"there is no description of {', '.join(lacks)}")

    @rule(_SCHEMA)
    def test_the_schema_is_valid_json_schema(self) -> None:
        """``config_schema`` can be expressed as JSON Schema, for editors."""
        schema = self._schema()
        try:
            json.dumps(schema.model_json_schema(mode="validation"))
        except Exception as error:  # noqa: BLE001 types without a JSON Schema raise various errors
            self.broken(f"model_json_schema() raised {error_text(error)}", error)

    @rule(_SCHEMA)
    def test_no_field_has_a_reserved_name(self) -> None:
        """``distribution`` and ``config_version`` are keys of the platform in every plugin's table."""
        taken = self._taken()
        self.expect(not taken, f"the schema has the field {', '.join(taken)}")

    @rule(_SCHEMA)
    def test_defaults_are_valid(self) -> None:
        """What a field has by default is also valid if an operator writes it down."""
        for name, field in self._fields():
            if field.is_required():
                continue
            # Before pydantic 2.10 no factory takes the other fields.
            takes_data = getattr(field, "default_factory_takes_validated_data", False)
            default = field.get_default(call_default_factory=True, **({"validated_data": {}} if takes_data else {}))
            try:
                _adapter(field).validate_python(default)
            except pydantic.ValidationError as error:
                self.broken(
                    f"the default of {name} is {shown(default)}, which is not valid: {error.errors()[0]['msg']}"
                )

    @rule(_SCHEMA)
    def test_bad_values_are_refused_at_their_field(self) -> None:
        """A bad value is an issue with the path of its field, so that operators find it."""
        self._skip_broken()
        given = dict(self.settings())
        for name, field in self._fields():
            bad = next((value for value in _BAD if not _accepts(field, value)), None)
            if bad is None:
                continue  # it takes anything
            key = field.alias or name
            registry, (ref, *_) = self.register()
            try:
                registry.configure(ref.type, ref.name, {**given, key: bad})
            except PluginConfigurationError as error:
                paths = [str(issue.path) for issue in error.errors]
                found = any(f"plugins.{ref.type.slug}.{ref.name}.{key}" in path for path in paths)
                self.expect(found, f"{key} = {shown(bad)} is an issue at {', '.join(paths)}")
            else:
                self.broken(f"{key} = {shown(bad)} was accepted")

    @rule(_SCHEMA)
    def test_secrets_are_typed(self) -> None:
        """A field that holds a secret is a ``SecretStr``, or marked with ``IsSecret``: nothing shows its value."""
        for name, field in self._fields():
            if is_secret_name(name) and not _is_marked(field):
                text = "conformance-hidden"
                if _accepts(field, text):
                    value = _adapter(field).validate_python(text)
                    self.expect(text not in repr(value), f"repr of {name} shows its value")

    @rule(_MIGRATION)
    def test_the_version_of_the_schema_is_a_number(self) -> None:
        """``config_version`` is a whole number from 1 on."""
        self.expect(self._version_is_valid(), f"config_version is {shown(self.plugin.config_version)}")

    @rule(_MIGRATION)
    def test_older_settings_are_migrated(self) -> None:
        """``migrate_config`` converts settings of each older version by one, until they are valid."""
        current = getattr(self.plugin, "config_version", 1)
        if type(current) is not int:
            self.skip("another rule says what config_version has to be")
        for version in range(1, current):
            if version not in self.old_configs:
                self.missing("old_configs", f"what settings of version {version} looked like")
            data: Any = dict(self.old_configs[version])
            for step in range(version, current):
                data = self.plugin.migrate_config(step, data)
                self.expect(type(data) is dict, f"migrate_config({step}, ...) returned {shown(data)}")
            try:
                self._schema().model_validate(data)
            except pydantic.ValidationError as error:
                self.broken(f"settings of version {version} are not valid after their migration: {error}", error)

    def _skip_broken(self) -> None:
        if self._taken() or not self._version_is_valid():
            self.skip("another rule says what is wrong with the schema")

    def _version_is_valid(self) -> bool:
        version = getattr(self.plugin, "config_version", 1)
        return type(version) is int and version >= 1

    def _taken(self) -> list[str]:
        fields = getattr(getattr(self.plugin, "config_schema", None), "model_fields", {})
        return [name for name, field in fields.items() if {name, field.alias} & set(RESERVED)]

    def _schema(self) -> type[pydantic.BaseModel]:
        schema = getattr(self.plugin, "config_schema", None)
        if schema is None:
            self.skip("the plugin has no settings")
        if not (isinstance(schema, type) and issubclass(schema, pydantic.BaseModel)):
            self.skip("the schema is no pydantic model")
        return schema

    def _fields(self) -> Iterator[tuple[str, Any]]:
        yield from self._schema().model_fields.items()


def _adapter(field: Any) -> pydantic.TypeAdapter[Any]:
    from typing import Annotated

    annotation: Any = field.annotation
    for extra in field.metadata:
        annotation = Annotated[annotation, extra]
    return pydantic.TypeAdapter(annotation)


def _accepts(field: Any, value: object) -> bool:
    try:
        _adapter(field).validate_python(value)
    except Exception:  # noqa: BLE001 validators of the plugin's own may raise anything
        return False
    return True


def _is_marked(field: Any) -> bool:
    markers = (IsSecret, NotSecret)
    return any(each in markers or isinstance(each, markers) for each in field.metadata)
