"""Tables and lists as parsers give them: recognized, copied, merged, looked into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from floe_plugins.configuration.issues import KeyPath


def is_table(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a table."""
    return type(value) is dict or isinstance(value, Mapping)  # asking for a Mapping alone is slow


def is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether a value is a list."""
    return isinstance(value, (list, tuple))


def describe_type(value: object) -> str:
    """What a value is, as operators say it: "a text", "a table"."""
    names: dict[object, str] = {
        str: "a text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), f"of type {type(value).__name__}")


def copy(table: Mapping[Any, Any]) -> dict[Any, Any]:
    """A table that shares neither tables nor lists with this one."""
    return {key: _copied(item) if type(item) in _CONTAINERS else item for key, item in table.items()}


_CONTAINERS = {dict, list}


def _copied(value: Any) -> Any:
    if type(value) is list:
        items: list[Any] = value
        return [_copied(item) if type(item) in _CONTAINERS else item for item in items]
    return copy(value) if type(value) is dict else value


def merge(base: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """A new table: what ``over`` holds wins, tables in tables are merged, lists are replaced."""
    merged = copy(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = merge(known, value) if is_table(known) and is_table(value) else _copied(value)
    return merged


def nest(path: KeyPath, value: Any) -> Any:
    """The value in a table for each step of the path."""
    for step in reversed(path):
        value = {step: value}
    return value


def get_at(data: Any, path: KeyPath) -> Any:
    """The value at a path.

    Raises:
        LookupError: there is none.
    """
    for step in path:
        if not is_table(data) and not (is_list(data) and isinstance(step, int)):
            message = f"there is nothing below {step!r}"
            raise LookupError(message)
        table: Any = data
        data = table[step]
    return data


def json_value(text: str) -> Any:
    """The value that a text holds as JSON.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or holds NaN or infinity.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        pass
    message = "nested too deeply"
    raise ValueError(message)


def _no_number(_: str) -> Any:
    message = "not a finite number"
    raise ValueError(message)
