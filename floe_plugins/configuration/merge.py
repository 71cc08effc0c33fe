"""One plugin's settings by source, put over each other with the schema's spelling of keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath
from floe_plugins.configuration.schema.introspection import annotations_below, tables
from floe_plugins.configuration.settings import PluginSettings, Variable
from floe_plugins.configuration.values import get_at, is_table, json_value, merge, nest


@attrs.frozen(kw_only=True)
class Layers:
    """A plugin's settings, put over each other.

    Attributes:
        data: the result, ready for the schema.
        variables: the variable behind each path, spelt as in ``data``.
        arguments: the values given in code.
        textual: paths whose value is a text of the environment.
    """

    data: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    variables: Mapping[KeyPath, Variable] = attrs.field(factory=dict[KeyPath, Variable])
    arguments: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    textual: frozenset[KeyPath] = frozenset()

    @classmethod
    def of(cls, settings: PluginSettings, schema: Any) -> Layers:
        """Arguments over environment over file."""
        if not settings.variables and not settings.arguments:
            return cls(data=settings.table, textual=settings.textual)
        data = merge(settings.table, {})
        spelt: dict[KeyPath, Variable] = {}
        for path, variable in sorted(settings.variables.items(), key=lambda item: len(item[0])):
            where = _spelling(path, data, schema)
            spelt[where] = variable
            data = _set(data, where, variable.text)
        data = merge(data, settings.arguments)
        textual = {path for path in (*settings.textual, *spelt) if isinstance(_get(data, path), str)}
        return cls(
            data=data,
            variables=spelt,
            arguments=settings.arguments,
            textual=frozenset(textual),
        )

    def textual_at(self, path: KeyPath) -> KeyPath | None:
        """The path of the environment's text that the value at ``path`` is, or would be part of."""
        return next((path[:length] for length in range(len(path), 0, -1) if path[:length] in self.textual), None)

    def read_as_json(self, paths: Collection[KeyPath]) -> Layers:
        """The same with the texts at these paths replaced by their JSON value, where they are JSON."""
        data = dict(self.data)
        read: set[KeyPath] = set()
        for path in paths:
            try:
                value = json_value(get_at(data, path))
            except (ValueError, LookupError):
                continue
            data = merge(data, nest(path, value)) if path and all(isinstance(s, str) for s in path) else data
            read.add(path)
        return attrs.evolve(self, data=data, textual=self.textual - read) if read else self

    def variable(self, path: KeyPath) -> Variable | None:
        """The variable that a value comes from."""
        return next((v for length in range(len(path), -1, -1) if (v := self.variables.get(path[:length]))), None)

    def is_argument(self, path: KeyPath) -> bool:
        """Whether a value was given in code."""
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
    """``data`` with a text at a path; a JSON object is merged into a table that stands there."""
    if not path or isinstance(_get(data, path), dict):
        table = _object(text)
        return data if table is None and not path else merge(data, nest(path, text if table is None else table))
    above = path[:-1]
    if isinstance(text_above := _get(data, above), str) and (table := _object(text_above)) is not None:
        data = merge(data, nest(above, table))
    return merge(data, nest(path, text))


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json_value(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _spelling(path: KeyPath, data: Any, schema: Any) -> KeyPath:
    """The path with each key spelt as the file or the schema spells it."""
    annotations = [schema] if schema is not None else []
    spelt: list[object] = []
    for step in path:
        known = [key for key in data if isinstance(key, str)] if isinstance(data, Mapping) else []
        known += [key for table in tables(annotations) for key in table.fields]
        same = dict.fromkeys(key for key in known if _plain(key) == _plain(str(step)))
        key = step if step in same or len(same) != 1 else next(iter(same))
        spelt.append(key)
        data = data.get(key) if isinstance(data, Mapping) else None
        annotations = annotations_below(annotations, key)
    return tuple(spelt)


def _plain(key: str) -> str:
    return key.lower().replace("-", "_")
