"""The base class of all records: frozen attrs classes that convert to JSON data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

import attrs

from floe_plugins.core.categories import Category
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import describe_error, safe_str

_MAX_BITS = 64
_MAX_SHOWN_BITS = 1_024


def to_plain(value: Any, levels: int = 64) -> Any:
    """Return ``value`` as JSON data: records as dicts, enums by lower-case name, refs and errors as text.

    Values of other types, numbers that JSON does not allow (NaN, infinity) or that have more than 64 bits, and values
    nested deeper than ``levels``, become text. Never raises.

    >>> to_plain({"ref": PluginRef.parse("compute:duckdb"), "error": ValueError("bad")})
    {'ref': 'compute:duckdb', 'error': 'ValueError: bad'}
    """
    try:
        return _to_plain(value, levels - 1) if levels else safe_str(value)
    except Exception:  # noqa: BLE001 the value may belong to a plugin
        return safe_str(value)


def _to_plain(value: Any, levels: int) -> Any:
    if isinstance(value, Category):
        return value.slug
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(item, levels) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and not isinstance(value, PluginRef):
        return [to_plain(item, levels) for item in value]
    return _to_scalar(value)


def _to_scalar(value: Any) -> Any:
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    if type(value) is int:
        return value if value.bit_length() <= _MAX_BITS else _describe_integer(value)
    if value is None or type(value) in {bool, str}:
        return value
    return describe_error(value) if isinstance(value, BaseException) else safe_str(value)


def _describe_integer(value: int) -> str:
    # Python refuses to write an integer of more than 4,300 digits, and takes long for one of fewer.
    return str(value) if value.bit_length() <= _MAX_SHOWN_BITS else f"<an integer of {value.bit_length()} bits>"


class Record:
    """The base class of all records, which are frozen attrs classes."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data: times in seconds, enums by lower-case name, refs and errors as text.

        ``json.dumps`` takes it as it is, whatever a plugin has put into it: what JSON does not have becomes text.

        >>> import json
        >>> from floe_plugins import HealthStatus
        >>> json.dumps(HealthStatus("healthy", details={"lag": float("nan")}).to_dict()["details"])
        '{"lag": "nan"}'
        """
        return {field.name: to_plain(getattr(self, field.name)) for field in attrs.fields(cast("Any", type(self)))}
