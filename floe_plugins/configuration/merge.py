"""Merge the settings of one plugin from all sources, with keys spelled as in its schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath
from floe_plugins.configuration.model import normalize_key
from floe_plugins.configuration.schema.shape import shape_of
from floe_plugins.configuration.settings import PluginSettings, Variable
from floe_plugins.configuration.values import get_at, is_table, json_table, json_value, merge, nest


@attrs.frozen(kw_only=True)
class Layers:
    """The merged settings of one plugin, and the source of each value.

    Attributes:
        data: The merged settings, as the schema validates them.
        variables: Environment variables by the path in ``data`` that they set.
        arguments: The values passed in code.
        environment_paths: Paths of values that are the text of one environment variable.
    """

    data: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    variables: Mapping[KeyPath, Variable] = attrs.field(factory=dict[KeyPath, Variable])
    arguments: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    environment_paths: frozenset[KeyPath] = frozenset()

    @classmethod
    def from_settings(cls, settings: PluginSettings, schema: Any) -> Layers:
        """Merge the sources: arguments take precedence over the environment, and that over the file."""
        if not settings.variables and not settings.arguments:
            return cls(data=settings.table, environment_paths=settings.environment_paths)
        data = merge(settings.table, {})
        variables: dict[KeyPath, Variable] = {}
        for path, variable in sorted(settings.variables.items(), key=lambda item: len(item[0])):
            target = _match_keys(path, data, schema)
            variables[target] = variable
            data = _set(data, target, variable.text)
        data = merge(data, settings.arguments)
        paths = (*settings.environment_paths, *variables)
        return cls(
            data=data,
            variables=variables,
            arguments=settings.arguments,
            environment_paths=frozenset(path for path in paths if isinstance(_get(data, path), str)),
        )

    def environment_text_at(self, path: KeyPath) -> KeyPath | None:
        """Return the path of the environment variable's text at or above ``path``, or None."""
        prefixes = (path[:length] for length in range(len(path), 0, -1))
        return next((prefix for prefix in prefixes if prefix in self.environment_paths), None)

    def read_as_json(self, paths: Collection[KeyPath]) -> Layers:
        """Return a copy in which the texts at these paths that are valid JSON are parsed."""
        data = dict(self.data)
        parsed: set[KeyPath] = set()
        for path in paths:
            try:
                value = json_value(get_at(data, path))
            except (ValueError, LookupError):
                continue
            data = merge(data, nest(path, value)) if path and all(isinstance(s, str) for s in path) else data
            parsed.add(path)
        return attrs.evolve(self, data=data, environment_paths=self.environment_paths - parsed) if parsed else self

    def variable(self, path: KeyPath) -> Variable | None:
        """Return the environment variable that sets the value at a path, or None."""
        return next((v for length in range(len(path), -1, -1) if (v := self.variables.get(path[:length]))), None)

    def variable_below(self, path: KeyPath) -> Variable | None:
        """Return the variable that makes the value at a path a table, if nothing but variables is in it, or None."""
        value = _get(self.data, path)
        if not path or not is_table(value) or not value:
            return None
        below = {other: each for other, each in self.variables.items() if len(other) > len(path)}
        if any(not any(other[: len(path) + 1] == (*path, key) for other in below) for key in value):
            return None
        return next(each for other, each in below.items() if other[: len(path)] == path)

    def is_argument(self, path: KeyPath) -> bool:
        """Return whether the value at a path was passed in code."""
        value: Any = self.arguments
        for step in path:
            if not is_table(value):
                return True
            if step not in value:
                return False
            value = value[step]
        return bool(self.arguments)


def _get(data: Any, path: KeyPath) -> Any:
    try:
        return get_at(data, path)
    except LookupError:
        return None


def _set(data: dict[Any, Any], path: KeyPath, text: str) -> dict[Any, Any]:
    """Return ``data`` with a text at a path. If there is a table already, merge a JSON object into it."""
    if not path or isinstance(_get(data, path), dict):
        table = json_table(text)
        return data if table is None and not path else merge(data, nest(path, text if table is None else table))
    parent = path[:-1]
    if isinstance(parent_text := _get(data, parent), str) and (table := json_table(parent_text)) is not None:
        data = merge(data, nest(parent, table))
    return merge(data, nest(path, text))


def _match_keys(path: KeyPath, data: Any, schema: Any) -> KeyPath:
    """Return the path with each key spelled as in the file or the schema."""
    shape = shape_of(schema)
    matched: list[object] = []
    for step in path:
        known = [key for key in data if isinstance(key, str)] if isinstance(data, Mapping) else []
        known += [key for table in shape.tables for key in table.members]
        same = dict.fromkeys(key for key in known if normalize_key(key) == normalize_key(str(step)))
        key = step if step in same or len(same) != 1 else next(iter(same))
        matched.append(key)
        data = data.get(key) if isinstance(data, Mapping) else None
        shape = shape.at(key)[1]
    return tuple(matched)
