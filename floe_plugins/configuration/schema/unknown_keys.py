"""Find the keys of a plugin's settings that its schema neither defines nor accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from floe_plugins.configuration.issues import KeyPath
from floe_plugins.configuration.schema.shape import Shape, shape_of
from floe_plugins.configuration.values import is_list, is_table

_SCALARS = {str, int, float, bool, type(None)}

Unknown = list[tuple[KeyPath, frozenset[str]]]


def unknown_keys(schema: Any, data: Mapping[Any, Any]) -> Unknown:
    """Return the path of each key that the schema neither defines nor accepts, with the defined keys.

    >>> from pydantic import BaseModel
    >>> class Settings(BaseModel):
    ...     size: int = 1
    >>> unknown_keys(Settings, {"sise": 4})
    [(('sise',), frozenset({'size'}))]
    """
    return _search(shape_of(schema), data)


def _search(shape: Shape, data: Any) -> Unknown:
    found: Unknown = []
    if type(data) is dict or is_table(data):
        known = shape.keys_of(data)
        if known is not None and not known >= data.keys():
            found = [((key,), frozenset(known)) for key in data if key not in known]
        below = shape.nested if known is not None else {key: shape.at(key)[1] for key in data}
        for key, inner in below.items():
            item = data.get(key)
            if type(item) not in _SCALARS and (deeper := _search(inner, item)):
                found += [((key, *path), keys) for path, keys in deeper]
    elif is_list(data) and shape.is_known:
        for index, item in enumerate(data):
            if type(item) not in _SCALARS:
                found += [((index, *path), keys) for path, keys in _search(shape.at(index)[1], item)]
    return found
