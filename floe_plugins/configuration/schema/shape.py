"""Read from a schema which keys the values at each place have, and whether they are secret.

It is read from pydantic's core schema, in which aliases, dataclasses, named tuples, unions and every kind of
container look alike, whatever annotation they were written as.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property, lru_cache, reduce
from itertools import chain
from typing import Any, NamedTuple

from floe_plugins.configuration.redaction.markers import marked
from floe_plugins.configuration.redaction.names import is_secret_name
from floe_plugins.configuration.values import is_table

# No schema that a person writes has as many nodes at one place.
_MAX_NODES = 2_000
_PLACES = {"items_schema": "items", "keys_schema": "keys", "values_schema": "values", "extras_schema": "values"}
_NESTED = ("schema", "lax_schema", "strict_schema", "json_schema", "python_schema", "arguments_schema")
_WRAPPING = (*_NESTED, "choices", "steps", "schema_ref")
_ALIASES = ("validation_alias", "serialization_alias", "alias")
_TABLES = {"model-fields", "dataclass-args", "typed-dict"}
_TABLES_OF_ANY_KEYS = {"dict", "any", "is-instance", "function-plain"}
_SCALARS = {kind: {"type": kind} for kind in ("str", "int", "float", "bool", "any")}


class Member(NamedTuple):
    """One field of a model, dataclass, named tuple or ``TypedDict``.

    Attributes:
        names: Its name and aliases.
        keys: Those under which its value is read.
        node: What the schema says about its values.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    node: Any


class Table(NamedTuple):
    """A model, dataclass or ``TypedDict``.

    Attributes:
        members: The fields by each key under which they are read.
        accepts_unknown: Whether its author accepts other keys.
        tags: The values of fields that are a ``Literal``, by key. They tell the members of a union apart.
    """

    members: dict[str, Member]
    accepts_unknown: bool
    tags: dict[str, list[Any]]

    def matches(self, data: Mapping[Any, Any]) -> bool:
        """Return whether the tags of the settings are those of this table."""
        return all(key not in data or data[key] in tag for key, tag in self.tags.items())


class Shape:
    """The description that a schema gives of the values at one place.

    Attributes:
        reason: Why all of them are secret by their type or a marker; empty if they are not.
        not_secret: Whether the author marked them as not secret.
        members: The fields by each of their names and aliases.
        tables: What the values may be if they are tables with certain keys; several in a union.
        types: The names of the types that the values may have, classes first.
        is_known: Whether the schema says anything about the values.
    """

    def __init__(self, nodes: Iterable[Any], schema: _Schema) -> None:
        self.reason = ""
        self.not_secret = False
        self.members: dict[str, list[Member]] = {}
        self.tables: list[Table] = []
        self.types: list[str] = []
        self.is_known = False
        self._accepts_any_key = False
        self._schema = schema
        # The nodes of the "items" of lists or at single indexes, and of the "keys" and "values" of tables.
        self._places: defaultdict[object, list[Any]] = defaultdict(list)
        self._names: list[str] = []
        self._fields: dict[str, tuple[tuple[str, ...], Shape]] = {}
        for node, config in self._expand(nodes):
            self._read(node, config)

    def at(self, step: object) -> tuple[tuple[str, ...], Shape]:
        """Return the names of the field behind a key or index, and the shape of its values."""
        # A named tuple may be given as a list.
        name = self._names[step] if type(step) is int and step < len(self._names) else step
        if type(name) is str and name in self.members:
            if name not in self._fields:
                self._fields[name] = self._field(self.members[name])
            return self._fields[name]
        place: object = "values"
        if type(step) is int and ("items" in self._places or 0 in self._places):
            place = step if step in self._places else "items"
        return (), self._at_place(place)

    @property
    def keys(self) -> Shape:
        """The shape of the keys of a table that may have any."""
        return self._at_place("keys")

    def _at_place(self, place: object) -> Shape:
        return self._schema.shape(self._places[place]) if place in self._places else EMPTY

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
        """Return why the values at a path are secret; empty if they are not.

        >>> from pydantic import BaseModel
        >>> class Settings(BaseModel):
        ...     user: str
        ...     passwords: dict[str, str]
        >>> [shape_of(Settings).reason_at(path) for path in (["user"], ["passwords", "ada"])]
        ['', 'name passwords']
        """
        shape, reason = self, self.reason
        for step in path:
            shape, reason = shape.reason_below(step, reason)
        return reason

    def along(self, path: Iterable[object]) -> Shape:
        """Return the shape of the values at a path."""
        return reduce(lambda shape, step: shape.at(step)[1], path, self)

    def keys_of(self, data: Mapping[Any, Any]) -> AbstractSet[str] | None:
        """Return the keys that such settings may have; None if they may have any.

        Of a union they are those of the members whose tags (fields that are a ``Literal``) are the settings' own.
        """
        if self._accepts_any_key or not self.tables:
            return None
        matching = [table for table in self.tables if table.matches(data)]
        if not matching or any(table.accepts_unknown for table in matching):
            return None
        return {key for table in matching for key in table.members}

    @cached_property
    def nested(self) -> dict[str, Shape]:
        """The shapes below the keys whose values may be tables or contain them."""
        below = {key: self.at(key)[1] for table in self.tables for key in table.members}
        return {key: shape for key, shape in below.items() if shape.holds_tables}

    @property
    def holds_tables(self) -> bool:
        """Whether the values may be tables with certain keys, or contain them."""
        nodes = chain.from_iterable(self._places.values())
        return bool(self.tables) or any(node["type"] not in _SCALARS for node in nodes)

    def _field(self, members: list[Member]) -> tuple[tuple[str, ...], Shape]:
        names = tuple(dict.fromkeys(name for member in members for name in member.names))
        below = self._schema.shape([member.node for member in members])
        # Of several fields in a union, the authors of all must say so.
        if below.not_secret and len(members) > 1:
            below.not_secret = all(self._schema.shape([member.node]).not_secret for member in members)
        return names, below

    def _expand(self, nodes: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield these nodes and those that they wrap or choose from, at the same place, with their settings."""
        queue: list[tuple[Any, Any]] = [(node, {}) for node in nodes]
        seen: set[int] = set()
        for node, outer in queue:
            if id(node) in seen or not is_table(node) or len(seen) >= _MAX_NODES:
                continue
            seen.add(id(node))
            for definition in node.get("definitions") or ():
                self._schema.definitions[definition["ref"]] = definition
            config = node.get("config") or outer
            yield node, config
            if node["type"] == "definition-ref":
                queue.append((self._schema.definitions.get(node["schema_ref"]), config))
            queue += [(node[key], config) for key in _NESTED if is_table(node.get(key))]
            choices = node.get("choices") or ()
            for choice in choices.values() if is_table(choices) else choices:
                queue.append((choice[0] if isinstance(choice, tuple) else choice, config))
            queue += [(step, config) for step in node.get("steps") or ()]

    def _read(self, node: Any, config: Any) -> None:
        is_marked = marked(node)
        if is_marked is not None:
            self.reason = "marked IsSecret" if is_marked else self.reason
            self.not_secret = self.not_secret or not is_marked
        self.reason = self.reason or _secret_type(node)
        self.is_known = True
        if isinstance(node.get("cls"), type):
            self.types.insert(0, node["cls"].__name__)
        elif not any(key in node for key in _WRAPPING):
            self.types.append(node["type"])
        self._accepts_any_key = self._accepts_any_key or node["type"] in _TABLES_OF_ANY_KEYS
        self._read_fields(node, config)
        self._read_items(node)

    def _read_fields(self, node: Any, config: Any) -> None:
        fields = node.get("fields") or (node["arguments_schema"] if node["type"] == "arguments" else ())
        if not is_table(fields):
            fields = {field["name"]: field for field in fields if is_table(field)}
            self._names += fields
        settings = {**config, **node}
        members = [_member(name, field, settings) for name, field in fields.items()]
        for member in members:
            for name in member.names:
                self.members.setdefault(name, []).append(member)
        if node["type"] in _TABLES:
            extra = settings.get("extra_fields_behavior")
            by_key = {key: member for member in members for key in member.keys}
            tags = {key: tag for key, member in by_key.items() if (tag := _tag(member.node))}
            self.tables.append(Table(by_key, extra in {"allow", "ignore"}, tags))
            if extra == "allow":
                self._places["values"].append(_SCALARS["any"])

    def _read_items(self, node: Any) -> None:
        for key, place in _PLACES.items():
            if is_table(node.get(key)):
                self._places[place].append(node[key])
            elif node.get(key):  # the items of a tuple
                for index, item in enumerate(node[key]):
                    self._places[index if node.get("variadic_item_index") is None else "items"].append(item)


class _Schema:
    """The definitions of one schema, and the shapes of its nodes that were needed so far."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._shapes: dict[tuple[int, ...], Shape] = {}

    def shape(self, nodes: list[Any]) -> Shape:
        """Return the shape of these nodes. Many fields have the same scalars and models."""
        known = tuple(id(self._unwrapped(node)) for node in nodes)
        if known not in self._shapes:
            self._shapes[known] = Shape(nodes, self)
        return self._shapes[known]

    def _unwrapped(self, node: Any) -> Any:
        """Return the node that decides about the shape."""
        while node["type"] in {"default", "definition-ref"} and not node.get("metadata"):
            node = node["schema"] if node["type"] == "default" else self.definitions[node["schema_ref"]]
        return _SCALARS.get(node["type"], node) if not node.get("metadata") else node


EMPTY = Shape((), _Schema())


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
    return EMPTY if core is None else Shape((core,), _Schema())


def _member(name: str, field: Any, settings: Mapping[str, Any]) -> Member:
    if not any(key in field for key in _ALIASES):
        return Member((name,), (name,), field.get("schema"))
    read = _alias_paths(field.get("validation_alias")) if settings.get("validate_by_alias") is not False else []
    by_name = not read or settings.get("validate_by_name") or settings.get("populate_by_name")
    keys = dict.fromkeys([name] * bool(by_name) + [str(path[0]) for path in read])
    paths = [path for key in _ALIASES for path in _alias_paths(field.get(key))]
    steps: Iterator[str] = (step for path in paths for step in path if isinstance(step, str))
    return Member(tuple(dict.fromkeys((name, *steps))), tuple(keys), field.get("schema"))


def _alias_paths(alias: Any) -> list[Any]:
    """Return the paths that an alias stands for; several if it is a choice."""
    if isinstance(alias, str):
        return [(alias,)]
    return [alias] if alias and not isinstance(alias[0], (list, tuple)) else alias or []


def _tag(node: Any) -> list[Any]:
    value = node["schema"] if node["type"] == "default" else node
    return value["expected"] if value["type"] == "literal" else []


def _secret_type(node: Any) -> str:
    """Say that a node validates a secret type; return an empty text for other nodes."""
    from pydantic import Secret, SecretBytes, SecretStr

    function = node.get("function")
    called = function.get("function") if is_table(function) else None
    for kind in (node.get("cls"), called):
        if isinstance(kind, type) and issubclass(kind, (Secret, SecretBytes, SecretStr)):
            return f"type {kind.__name__}"
    # Secret[...] validates with functions of its own.
    name = getattr(called, "__qualname__", "")
    return "type Secret" if getattr(called, "__module__", "") == "pydantic.types" and name.startswith("Secret.") else ""
