"""Collect the secrets of a plugin's settings: from its model, and from the texts that the settings were given as."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from floe_plugins.configuration.redaction.names import is_secret_name, words
from floe_plugins.configuration.redaction.patterns import find_secret_patterns, found_parts
from floe_plugins.configuration.schema.shape import EMPTY, Shape, reason_of
from floe_plugins.core.safe_text import safe_str, type_name

# Settings with more values than this are not searched: messages about their plugin are withheld.
MAX_VALUES = 20_000
MAX_DEPTH = 100

_CONTAINERS = (list, tuple, set, frozenset, deque)


class TooManyValuesError(Exception):
    """Raised if there are more values than can be searched."""


class Secret(NamedTuple):
    """One secret value.

    Attributes:
        text: The value as text.
        reason: Why it is secret: ``type SecretStr``, ``name password``, ``variable TOKEN``, ``marked IsSecret``.
        path: The path of the setting.
    """

    text: str
    reason: str
    path: tuple[object, ...] = ()

    def __repr__(self) -> str:
        return f"Secret(reason={self.reason!r}, path={self.path!r})"


# Why a text is secret that was recognized by its form.
FORM = "its text looks like a secret"

# Keys below a secret that say what a value is, and are not secret themselves.
_LABELS = words(
    "id name user username account email host port url type kind region client_id tenant value default anything "
    "database schema role scope prod production dev development staging test main primary"
)


def collect(value: Any, shape: Shape) -> list[Secret]:
    """Return the secrets in a model, or in settings that a schema with this shape validates.

    Raises:
        TooManyValuesError: There are more values than ``MAX_VALUES``, or they are nested too deeply.
        BaseException: Whatever the model's own code raises.
    """
    return list(_Collector().walk(value, shape, (), shape.reason))


class _Collector:
    def __init__(self) -> None:
        self._count = 0
        self._open: set[int] = set()

    def walk(self, value: Any, shape: Shape, path: tuple[object, ...], reason: str) -> Iterator[Secret]:
        self._count += 1
        if self._count > MAX_VALUES or len(path) > MAX_DEPTH:
            raise TooManyValuesError
        kind = type(value)
        if value is None or kind is bool:
            return
        if kind in {str, int, float}:
            yield from _scalar(value, path, reason)
            return
        if id(value) in self._open:  # it contains itself
            return
        self._open.add(id(value))
        try:
            yield from self._object(value, shape, path, reason)
        finally:
            self._open.discard(id(value))

    def _object(self, value: Any, shape: Shape, path: tuple[object, ...], reason: str) -> Iterator[Secret]:
        reveal = getattr(value, "get_secret_value", None)
        if callable(reveal):
            yield from self.walk(reveal(), shape, path, reason or f"type {type_name(value)}")
        elif getattr(type(value), "__pydantic_root_model__", False):
            yield from self.walk(dict(iter(value))["root"], shape, path, reason)
        elif isinstance(value, Mapping):
            yield from self._table(value.items(), shape, path, reason)
        elif (fields := _fields(value)) is not None:
            yield from self._members(fields, shape, path, reason)
        elif isinstance(value, _CONTAINERS):
            yield from self._members(enumerate(value), shape, path, reason)
        else:
            yield from _scalar(value, path, reason)
            attributes = getattr(value, "__dict__", None) if reason and not isinstance(value, type) else None
            if type(attributes) is dict:
                yield from self._members(attributes.items(), EMPTY, path, reason)

    def _members(
        self, fields: Iterable[tuple[Any, Any]], shape: Shape, path: tuple[object, ...], reason: str
    ) -> Iterator[Secret]:
        for name, item in fields:
            below, why = shape.reason_below(name, reason)
            yield from self.walk(item, below, (*path, name), why)

    def _table(
        self, items: Iterable[tuple[Any, Any]], shape: Shape, path: tuple[object, ...], reason: str
    ) -> Iterator[Secret]:
        for key, item in items:
            if key not in shape.members:
                why = reason_of(shape.keys, reason)
                if not (type(key) is str and (key.lower() in _LABELS or is_secret_name(key))):
                    yield from self.walk(key, shape.keys, path, why)
                elif shape.keys.reason:
                    yield from self.walk(key, shape.keys, path, shape.keys.reason)
            step = key if type(key) in {str, int} else safe_str(key)
            below, why = shape.reason_below(step, reason)
            yield from self.walk(item, below, (*path, step), why)


def _fields(value: Any) -> Iterable[tuple[str, Any]] | None:
    """The fields of a model, dataclass, named tuple or attrs object; None for other values."""
    kind = type(value)
    if hasattr(kind, "model_fields"):
        # Both, since a model may list other values than it has.
        return [*dict(iter(value)).items(), *(getattr(value, "__dict__", None) or {}).items()]
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        names: Any = kind._fields
        return list(zip(names, value, strict=False))
    fields: Any = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else getattr(kind, "__attrs_attrs__", None)
    return None if fields is None else [(field.name, getattr(value, field.name, None)) for field in fields]


def _scalar(value: Any, path: tuple[object, ...], reason: str) -> Iterator[Secret]:
    for text in scalar_texts(value):
        if reason:
            yield Secret(text, reason, path)
        else:
            for found in find_secret_patterns(text):
                yield from (Secret(part, FORM, path) for part in found_parts(found))


def scalar_texts(value: Any) -> list[str]:
    """Return the texts that may represent a scalar in a message; none for None and booleans.

    The value of a ``SecretStr`` or ``SecretBytes`` is revealed.

    >>> scalar_texts(b"key"), scalar_texts(3.5), scalar_texts(True)
    (['key', '6b6579'], ['3.5'], [])
    """
    reveal = getattr(value, "get_secret_value", None)
    value = reveal() if callable(reveal) else value
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, Enum):
        return scalar_texts(value.value)
    if isinstance(value, (bytes, bytearray)):
        return [value.decode(errors="replace"), value.hex()]
    if isinstance(value, str):
        return [str.__str__(value)]
    return [safe_str(value)]
