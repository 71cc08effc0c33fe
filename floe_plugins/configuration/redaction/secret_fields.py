"""Which fields of a schema are secret: what it says of the values at each place by type, by name or by a marker.

It is read from pydantic's core schema, in which aliases, dataclasses, named tuples, unions and every kind of
container look alike, whatever annotation they were written as.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, reduce
from typing import Any, NamedTuple

from floe_plugins.configuration.redaction.markers import marked
from floe_plugins.configuration.redaction.names import is_secret_name

# No schema that a person writes has as many nodes at one place.
_MAX_NODES = 2_000
_PLACES = {"items_schema": "items", "keys_schema": "keys", "values_schema": "values", "extras_schema": "values"}
_NESTED = ("schema", "lax_schema", "strict_schema", "json_schema", "python_schema", "arguments_schema")


class Member(NamedTuple):
    """One field of a model, dataclass, named tuple or ``TypedDict``.

    Attributes:
        names: Its name and aliases.
        node: What the schema says about its values.
    """

    names: tuple[str, ...]
    node: Any


class Shape:
    """What the schema says about the values at one place.

    Attributes:
        reason: Why all of them are secret by their type or a marker; empty if they are not.
        not_secret: Whether the author marked them as not secret.
        members: The fields by each of their names and aliases.
    """

    def __init__(self, nodes: Iterable[Any], definitions: dict[str, Any]) -> None:
        self.reason = ""
        self.not_secret = False
        self.members: dict[str, list[Member]] = {}
        self._definitions = definitions
        # The nodes of the "items" of lists or at single indexes, and of the "keys" and "values" of tables.
        self._places: defaultdict[object, list[Any]] = defaultdict(list)
        self._names: list[str] = []
        self._below: dict[object, Shape] = {}
        for node in self._expand(nodes):
            self._read(node)

    def at(self, step: object) -> tuple[tuple[str, ...], Shape]:
        """Return the names of the field behind a key or index, and the shape of its values."""
        # A named tuple may be given as a list.
        name = self._names[step] if type(step) is int and step < len(self._names) else step
        if type(name) is str and (members := self.members.get(name)):
            names = tuple(dict.fromkeys(name for member in members for name in member.names))
            nodes = [member.node for member in members]
            below = self._cached(("field", name), nodes)
            # Of several fields in a union, the authors of all must say so.
            below.not_secret = below.not_secret and all(Shape([n], self._definitions).not_secret for n in nodes)
            return names, below
        place: object = "values"
        if type(step) is int and ("items" in self._places or 0 in self._places):
            place = step if step in self._places else "items"
        return (), self._cached(place, self._places.get(place, []))

    @property
    def keys(self) -> Shape:
        """The shape of the keys of a table that may have any."""
        return self._cached("keys", self._places.get("keys", []))

    def reason_below(self, step: object, reason: str) -> tuple[Shape, str]:
        """Return the shape at a key or index, and why the values there are secret, given why those here are."""
        names, below = self.at(step)
        if below.reason or below.not_secret:
            return below, reason_of(below, reason)
        if not reason:
            steps = names if type(step) is int else (*names, step)
            reason = next((f"name {name}" for name in steps if is_secret_name(name)), "")
        return below, reason

    def reason_at(self, path: Iterable[object]) -> str:
        """Return why the values at a path are secret; empty if they are not."""
        shape, reason = self, self.reason
        for step in path:
            shape, reason = shape.reason_below(step, reason)
        return reason

    def along(self, path: Iterable[object]) -> Shape:
        """Return the shape of the values at a path."""
        return reduce(lambda shape, step: shape.at(step)[1], path, self)

    def _cached(self, what: object, nodes: list[Any]) -> Shape:
        if not nodes:
            return EMPTY
        if what not in self._below:
            self._below[what] = Shape(nodes, self._definitions)
        return self._below[what]

    def _expand(self, nodes: Iterable[Any]) -> Iterator[Any]:
        """Yield these nodes and those that they wrap or choose from, at the same place."""
        queue = list(nodes)
        seen: set[int] = set()
        while queue and len(seen) < _MAX_NODES:
            node = queue.pop()
            if id(node) in seen or not isinstance(node, Mapping):
                continue
            seen.add(id(node))
            for definition in node.get("definitions") or ():
                self._definitions[definition["ref"]] = definition
            yield node
            if node["type"] == "definition-ref":
                queue.append(self._definitions.get(node["schema_ref"]))
            queue += [node[key] for key in _NESTED if isinstance(node.get(key), Mapping)]
            choices = node.get("choices") or ()
            for choice in choices.values() if isinstance(choices, Mapping) else choices:
                queue.append(choice[0] if isinstance(choice, tuple) else choice)
            queue += node.get("steps") or ()

    def _read(self, node: Any) -> None:
        is_marked = marked(node)
        if is_marked is not None:
            self.reason = "marked IsSecret" if is_marked else self.reason
            self.not_secret = self.not_secret or not is_marked
        self.reason = self.reason or _secret_type(node)
        self._read_fields(node)
        self._read_items(node)

    def _read_fields(self, node: Any) -> None:
        fields = node.get("fields") or (node["arguments_schema"] if node["type"] == "arguments" else ())
        if isinstance(fields, Mapping):
            for name, field in fields.items():
                self._add(str(name), field)
        else:
            for field in fields:
                if isinstance(field, Mapping):
                    self._names.append(field["name"])
                    self._add(field["name"], field)

    def _read_items(self, node: Any) -> None:
        for key, place in _PLACES.items():
            if isinstance(node.get(key), Mapping):
                self._places[place].append(node[key])
            elif node.get(key):  # the items of a tuple
                for index, item in enumerate(node[key]):
                    self._places[index if node.get("variadic_item_index") is None else "items"].append(item)

    def _add(self, name: str, field: Any) -> None:
        names = tuple(dict.fromkeys((name, *_aliases(field))))
        for each in names:
            self.members.setdefault(each, []).append(Member(names, field.get("schema")))


EMPTY = Shape((), {})


def reason_of(shape: Shape, inherited: str) -> str:
    """Return why the values of a shape are secret; a marker of the author takes precedence over names."""
    return shape.reason or ("" if shape.not_secret else inherited)


def shape_of(schema: Any) -> Shape:
    """Return the shape of the values of a model class; one that says nothing for anything else."""
    try:
        return _shape_of(schema)
    except Exception:  # noqa: BLE001 a schema is the plugin's code; it may be incomplete, or not hashable
        return EMPTY


@lru_cache(maxsize=1024)
def _shape_of(schema: Any) -> Shape:
    core = getattr(schema, "__pydantic_core_schema__", None)
    return EMPTY if core is None else Shape((core,), {})


def _aliases(field: Any) -> Iterator[str]:
    for key in ("validation_alias", "serialization_alias", "alias"):
        alias = field.get(key)
        if isinstance(alias, str):
            yield alias
        elif alias:
            paths = alias if isinstance(alias[0], (list, tuple)) else [alias]
            yield from (str(path[0]) for path in paths if path)
            yield from (step for path in paths for step in path[1:] if isinstance(step, str))


def _secret_type(node: Any) -> str:
    """Say that a node validates a secret type; return an empty text for other nodes."""
    from pydantic import Secret, SecretBytes, SecretStr

    function = node.get("function")
    called = function.get("function") if isinstance(function, Mapping) else None
    for kind in (node.get("cls"), called):
        if isinstance(kind, type) and issubclass(kind, (Secret, SecretBytes, SecretStr)):
            return f"type {kind.__name__}"
    # Secret[...] validates with functions of its own.
    name = getattr(called, "__qualname__", "")
    return "type Secret" if getattr(called, "__module__", "") == "pydantic.types" and name.startswith("Secret.") else ""
