"""Explain the settings of one plugin: what its schema says of each field, and where the value in force comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from floe_plugins.configuration.issues import ConfigurationIssue, dotted
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.schema.shape import Shape, reason_of
from floe_plugins.core.record import Record, to_plain
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.suggestions import closest
from floe_plugins.errors import PluginConfigurationError
from floe_plugins.reporting.json_schema import PluginSchema, plugin_schema, plugin_shape
from floe_plugins.reporting.origins import Setting, plugin_settings

# The key that stands for any key of a table that may have any.
ANY_KEY = "*"

_REFERENCE = {"$ref": "#/$defs/reference"}
_INDEX = re.compile(r"\[\d*\]")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^.]+)')
_NAMES = {"object": "table", "array": "list"}
_CONSTRAINTS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "greater than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches {}",
    "format": "in the form {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
}
_MAX_PARTS = 200


@attrs.frozen(kw_only=True)
class Field(Record):
    """The facts known about one field of a plugin's settings.

    Attributes:
        path: The path within the settings, such as ``pool.size``; empty for all of them.
        type: The type, such as ``integer or null``.
        description: What its author says; may be empty.
        required: Whether it has to be set.
        default: The default as JSON data; None if it has none, or it is not known or secret.
        has_default: Whether ``default`` is the default.
        constraints: What its schema asks of values besides, each in words.
        secret: Why its values are secret, such as ``type SecretStr``; empty if they are not.
        effective: The values in force in it and below it, each with its origin; secrets are masked.
        keys: The keys of the fields below it; ``*`` stands for any key.
    """

    path: str
    type: str
    description: str = ""
    required: bool = False
    default: Any = None
    has_default: bool = False
    constraints: tuple[str, ...] = ()
    secret: str = ""
    effective: tuple[Setting, ...] = ()
    keys: tuple[str, ...] = ()


@attrs.frozen
class Explanation(Record):
    """A field of a plugin's settings, the fields below it, and the issues that keep its values from being in force.

    Attributes:
        field: The field that was asked for; without a path, all settings of the plugin.
        fields: The fields one level below it.
        issues: What is wrong with the plugin's settings, wherever in them; secrets are masked.
    """

    field: Field
    fields: tuple[Field, ...]
    issues: tuple[ConfigurationIssue, ...]


class UnknownFieldError(PluginConfigurationError):
    """A plugin's settings have no such field. Its hint names those that are meant, or all that there are."""


def split(text: str) -> tuple[str, ...]:
    """Return the keys of a path as operators write it. Indexes of lists are left out.

    >>> split('pools."eu.west".hosts[0].port')
    ('pools', 'eu.west', 'hosts', 'port')
    """
    return tuple(quoted or bare for quoted, bare in _WORD.findall(_INDEX.sub("", text)))


def explain(
    configuration: Configuration, ref: PluginRef, plugin: Any, distribution: str | None, path: Sequence[str] = ()
) -> Explanation:
    """Return what is known of a field of a plugin's settings; runs code of its schema.

    Raises:
        UnknownFieldError: There is no such field.

    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     threads: int = 4
    >>> class Duck:
    ...     config_schema = Settings
    ...     config_version = 1
    >>> ref = PluginRef.parse("compute:duckdb")
    >>> field = explain(Configuration(), ref, Duck, None, ["threads"]).field
    >>> field.type, field.default, field.effective[0].origin
    ('integer', 4, 'default')
    """
    schema = plugin_schema(ref, plugin)
    settings, issues = plugin_settings(configuration, ref, plugin, distribution)
    root = _Place(schema, schema.schema, plugin_shape(plugin), settings, f"plugins.{ref.type.slug}.{ref.name}")
    place = root
    for at, word in enumerate(path):
        known = place.below()
        found = known.get(word) or known.get(ANY_KEY)
        if found is None:
            raise _unknown(ref, distribution, path[:at], word, known)
        place = place.enter(word, found)
    fields = [place.enter(word, each).field() for word, each in place.below().items()]
    own = (issue for issue in configuration.issues if issue.ref == ref)
    return Explanation(place.field(), tuple(fields), (*own, *issues))


def _unknown(
    ref: PluginRef, distribution: str | None, path: Sequence[str], word: str, known: Iterable[str]
) -> UnknownFieldError:
    where = f"{dotted(path)} has" if path else "its settings have"
    names = list(known)
    close = closest(word, names, 3)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"It may be {', '.join(names)}." if names else ""
    return UnknownFieldError(f"{where} no field {word!r}", ref=ref, distribution=distribution, hint=hint)


@attrs.frozen
class _Place:
    """A place in the settings: its schema, in JSON and as a shape, and the settings of the whole plugin.

    ``pattern`` matches the path of its own setting.
    """

    schema: PluginSchema
    part: Mapping[str, Any]
    shape: Shape
    settings: Sequence[Setting]
    base: str
    path: tuple[str, ...] = ()
    pattern: str = ""
    required: bool = False
    secret: str = ""

    def below(self) -> dict[str, tuple[Mapping[str, Any], bool]]:
        """Return the schema of each field below, and whether it is required."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        required: set[str] = set()
        for table in self._parts(through_lists=True):
            for name, part in (table.get("properties") or {}).items():
                found.setdefault(name, []).append(part)
            required |= set(table.get("required") or ())
            rest = table.get("additionalProperties")
            if isinstance(rest, Mapping):
                found.setdefault(ANY_KEY, []).append(rest)
        return {
            name: (parts[0] if len(parts) == 1 else {"anyOf": parts}, name in required) for name, parts in found.items()
        }

    def enter(self, word: str, found: tuple[Mapping[str, Any], bool]) -> _Place:
        """Return the place of a field below."""
        shape, secret = self.shape, self.secret
        for _ in range(5):  # lists of lists
            if word in shape.members or not shape.at(0)[1].is_known:
                break
            shape, secret = shape.reason_below(0, secret)
        below, secret = shape.reason_below(word, secret)
        names = {word, *shape.at(word)[0]}
        step = "|".join(re.escape(dotted((name,))) for name in sorted(names))
        if word == ANY_KEY:
            step = r'"(?:[^"\\]|\\.)*"|[^."\[]+'
        return attrs.evolve(
            self,
            part=found[0],
            shape=below,
            path=(*self.path, word),
            pattern=rf"{self.pattern}(?:\[\d+\])*\.(?:{step})",
            required=found[1],
            secret=secret,
        )

    def field(self) -> Field:
        """Return what is known of this place."""
        parts = list(self._parts())
        secret = reason_of(self.shape, self.secret) or self.shape.reason
        with_default = next((part for part in (self.part, *parts) if "default" in part), None)
        has_default = with_default is not None and not secret
        texts = (part.get("description") for part in (self.part, *parts))
        is_here = re.compile(rf"{re.escape(self.base)}{self.pattern}(?:$|[.\[])")
        return Field(
            path=dotted(self.path),
            type=_either(map(self._type, parts)) or "anything",
            description=next((text for text in texts if isinstance(text, str) and text), ""),
            required=self.required,
            default=to_plain(with_default["default"]) if with_default is not None and has_default else None,
            has_default=has_default,
            constraints=tuple(
                dict.fromkeys(text for part in parts for text in _constraints(part, is_secret=bool(secret)))
            ),
            secret=secret,
            effective=tuple(each for each in self.settings if is_here.match(each.path)),
            keys=tuple(self.below()),
        )

    def _parts(self, *, through_lists: bool = False) -> Iterator[Mapping[str, Any]]:
        return _parts(self.part, self.schema.definitions, through_lists=through_lists)

    def _type(self, part: Mapping[str, Any]) -> str:
        return _type(part, self.schema.definitions)


def _type(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the type that one schema names, in words; empty if it names none."""
    kinds = part.get("type")
    if part.get("format") == "binary":
        return "bytes"
    names = [_NAMES.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds or ())]
    if "list" in names and isinstance(part.get("items"), Mapping):
        of = _either(_type(each, definitions) for each in _parts(part["items"], definitions))
        names = [f"list of {of}" if of and name == "list" else name for name in names]
    return " or ".join(map(str, names))


def _parts(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], *, through_lists: bool = False
) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas that values may follow: those that a schema refers to and chooses from."""
    queue: list[Any] = [schema]
    seen: list[object] = []
    for part in queue:
        if not isinstance(part, Mapping) or part == _REFERENCE or part in seen or len(seen) >= _MAX_PARTS:
            continue
        seen.append(part)
        name = str(part.get("$ref", ""))
        choices = [each for key in ("anyOf", "oneOf", "allOf") for each in part.get(key) or ()]
        if name:
            choices.append(definitions.get(name.removeprefix("#/$defs/")))
        if through_lists:
            choices += [part.get("items"), *(part.get("prefixItems") or ())]
        queue += choices
        if "type" in part or "enum" in part or "const" in part or not (choices or name):
            yield part


def _either(names: Iterable[str]) -> str:
    """Return names of types as one, each once, null last."""
    return " or ".join(sorted(dict.fromkeys(filter(None, names)), key=lambda name: name == "null"))


def _constraints(part: Mapping[str, Any], *, is_secret: bool) -> Iterator[str]:
    for key, text in _CONSTRAINTS.items():
        if key in part:
            yield text.format(part[key])
    choices = part.get("enum") or ([part["const"]] if "const" in part else [])
    if choices and not is_secret:
        yield f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else f"always {choices[0]}"
    if part.get("uniqueItems"):
        yield "no item twice"
    if part.get("deprecated"):
        yield "deprecated"
