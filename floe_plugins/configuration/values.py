"""Copy, merge and look up values in tables and lists, as parsers return them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeGuard

from floe_plugins.configuration.issues import KeyPath

MAX_INTEGER = 2**64
MAX_DEPTH = 64

TOO_DEEP = f"values are nested deeper than {MAX_DEPTH} levels"


def is_table(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether a value is a table: a dict, or what a parser has in its place.

    >>> is_table({}), is_table([])
    (True, False)
    """
    return type(value) is dict or isinstance(value, Mapping)  # isinstance() with an abstract class is slow


def is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Return whether a value is a list: a list or a tuple, and no text.

    >>> is_list(("a", "b")), is_list("ab")
    (True, False)
    """
    return isinstance(value, (list, tuple))


def describe_type(value: object) -> str:
    """Describe the type of a value in a message, without the value.

    >>> describe_type("s3cret"), describe_type({}), describe_type(None)
    ('a string', 'a table', 'a value of type NoneType')
    """
    names: dict[object, str] = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), f"a value of type {type(value).__name__}")


def is_too_deep(value: object) -> bool:
    """Return whether tables and lists are nested deeper than ``MAX_DEPTH`` levels, as those that contain themselves.

    >>> is_too_deep({"pool": {"hosts": ["a"]}})
    False
    """
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = [
            item for each in level for item in (each.values() if is_table(each) else each if is_list(each) else ())
        ]
        level = [*{id(item): item for item in inner if is_table(item) or is_list(item)}.values()]
        if not level:
            return False
    return True


def copy(table: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a deep copy of a table. Values other than dicts and lists are not copied.

    >>> table = {"hosts": ["a"]}
    >>> copied = copy(table)
    >>> copied["hosts"].append("b")
    >>> table
    {'hosts': ['a']}
    """
    return {key: _COPY[type(item)](item) if type(item) in _COPY else item for key, item in table.items()}


def _copy_list(items: list[Any]) -> list[Any]:
    return [_COPY[type(item)](item) if type(item) in _COPY else item for item in items]


_COPY: dict[type, Callable[[Any], Any]] = {dict: copy, list: _copy_list}


def merge(base: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge two tables into a new one. ``over`` takes precedence; lists are replaced as a whole.

    >>> merge({"pool": {"size": 1, "hosts": ["a"]}}, {"pool": {"hosts": ["b"]}})
    {'pool': {'size': 1, 'hosts': ['b']}}
    """
    merged = copy(base)
    for key, value in copy(over).items():
        known = merged.get(key)
        merged[key] = merge(known, value) if is_table(known) and is_table(value) else value
    return merged


def nest(path: KeyPath, value: Any) -> Any:
    """Wrap a value in one table for each key of the path.

    >>> nest(("pool", "size"), 4)
    {'pool': {'size': 4}}
    """
    for step in reversed(path):
        value = {step: value}
    return value


def get_at(data: Any, path: KeyPath) -> Any:
    """Return the value at a path of keys and indexes.

    >>> get_at({"hosts": [{"port": 1}]}, ("hosts", 0, "port"))
    1

    Raises:
        LookupError: There is no value at this path.
    """
    for step in path:
        if not is_table(data) and not (is_list(data) and isinstance(step, int)):
            raise KeyError(step)
        table: Any = data
        data = table[step]
    return data


def json_table(text: str) -> dict[str, Any] | None:
    """Parse a text as a JSON object; None if it is not one.

    >>> json_table('{"size": 4}'), json_table("[4]"), json_table("four")
    ({'size': 4}, None, None)
    """
    try:
        value = json_value(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def json_value(text: str) -> Any:
    """Parse a text as JSON.

    >>> json_value("[1, 2.5, null]")
    [1, 2.5, None]
    >>> json_value("NaN")
    Traceback (most recent call last):
    ...
    ValueError: not a finite number

    Raises:
        ValueError: The text is not JSON, is nested too deeply, or contains NaN, infinity or an integer of more than
            64 bits.
    """
    with suppress(RecursionError):
        value = json.loads(text, parse_constant=_reject_constant, parse_float=_finite, parse_int=_integer)
        if not is_too_deep(value):
            return value
    raise ValueError(TOO_DEEP)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _reject_constant(text)


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) < MAX_INTEGER:
        return number
    raise ValueError("more than 64 bits")


def _reject_constant(_: str) -> Any:
    raise ValueError("not a finite number")
