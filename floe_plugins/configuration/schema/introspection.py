"""Determine which keys a schema defines, which of them contain tables, and which are secret."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache, reduce
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath
from floe_plugins.configuration.values import is_list, is_table


@attrs.frozen
class Field:
    """The field behind a key.

    Attributes:
        name: The name of the field; the key may be an alias.
        annotation: The type of its values.
        tag: The values that it accepts, if it is a ``Literal``, which tells the members of a union apart.
    """

    name: str
    annotation: Any
    tag: tuple[Any, ...] = ()


@attrs.frozen
class Table:
    """The fields of a pydantic model, dataclass or ``TypedDict``.

    Attributes:
        fields: The fields by key.
        extra: The class's setting for unknown keys if it is "allow" or "ignore", else None.
        nested: The keys whose values may contain tables, with the class of these if there is only one.
    """

    fields: Mapping[str, Field]
    extra: str | None
    nested: Mapping[str, type | None]


def annotations_below(annotations: Iterable[Any], step: object) -> list[Any]:
    """Return the annotations of the values at a key or index in values with these annotations."""
    return [
        deeper for annotation in annotations for option in union_members(annotation) for deeper in _step(option, step)
    ]


def annotations_at(schema: Any, path: KeyPath) -> list[Any]:
    """Return the annotations of the values at a path in the schema; several if there are unions."""
    return reduce(annotations_below, path, [schema])


def has_only_known_keys(schema: type, data: Mapping[Any, Any]) -> bool:
    """Return whether the data certainly has no unknown key. This is faster than ``unknown_keys``.

    False means that ``unknown_keys`` has to be called to find out.
    """
    table = _table_of_class(schema)
    if table is None or not table.fields.keys() >= data.keys():
        return False
    for key, kind in table.nested.items():
        value = data.get(key)
        if type(value) is dict:
            inner = _table_of_class(kind) if kind is not None else None
            if inner is None or not inner.fields.keys() >= value.keys():
                return False
            if inner.nested and kind is not None and not has_only_known_keys(kind, value):
                return False
        elif value is not None and type(value) not in _SCALARS:
            return False
    return True


_SCALARS = {str, int, float, bool}


def unknown_keys(schema: Any, data: Mapping[Any, Any]) -> list[tuple[KeyPath, frozenset[str]]]:
    """Return the path of each key that the schema neither defines nor accepts, with the defined keys."""
    return list(_unknown([schema], data, ()))


def _unknown(annotations: Collection[Any], data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, frozenset[str]]]:
    if is_list(data):
        for index, item in enumerate(data):
            if isinstance(item, (dict, list)):
                yield from _unknown(annotations_below(annotations, index), item, (*path, index))
    elif is_table(data):
        matching = [table for table in tables(annotations) if _matches_tags(table, data)]
        options = (option for annotation in annotations for option in union_members(annotation))
        accepts_any_key = any(map(_accepts_any_key, options))
        known = frozenset[str]().union(*(table.fields for table in matching))
        if matching and not accepts_any_key and not any(table.extra for table in matching):
            yield from (((*path, key), known) for key in data if key not in known)
        for key, item in data.items():
            if accepts_any_key or not matching or any(key in table.nested for table in matching):
                yield from _unknown(annotations_below(annotations, key), item, (*path, key))


def tables(annotations: Iterable[Any]) -> list[Table]:
    """Return the tables among these annotations."""
    options = (option for annotation in annotations for option in union_members(annotation))
    return [table for option in options if (table := table_of(option)) is not None]


def union_members(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, without wrappers such as ``Annotated``.

    >>> list(union_members(int | typing.Annotated[str, "text"]))
    [<class 'int'>, <class 'str'>]
    """
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is types.UnionType:
        for argument in typing.get_args(annotation):
            yield from union_members(argument)
    elif origin is typing.Annotated or str(origin).rpartition(".")[2] in _WRAPPERS:
        yield from union_members(typing.get_args(annotation)[0])
    elif (wrapped := _wrapped(annotation)) is not None:
        yield from union_members(wrapped)
    else:
        yield annotation


# Compared by name, since typing and typing_extensions define different ones before Python 3.13.
_WRAPPERS = {"Final", "ClassVar", "Required", "NotRequired", "ReadOnly"}


def _wrapped(annotation: Any) -> Any:
    if isinstance(annotation, typing.TypeVar):
        return annotation.__bound__
    if isinstance(annotation, typing.NewType):
        return annotation.__supertype__
    if type(annotation).__name__ == "TypeAliasType":
        return annotation.__value__
    root = getattr(annotation, "model_fields", None) if getattr(annotation, "__pydantic_root_model__", False) else None
    return root["root"].annotation if root else None


def _step(option: Any, step: object) -> list[Any]:
    table = table_of(option)
    if table is not None:
        field = table.fields.get(str(step))
        return [field.annotation] if field else [Any] if table.extra == "allow" else []
    arguments = [argument for argument in typing.get_args(option) if argument is not Ellipsis]
    origin = typing.get_origin(option)
    if not arguments or not isinstance(origin, type):
        return []
    if issubclass(origin, Mapping):
        return [arguments[-1]]
    if issubclass(origin, tuple) and isinstance(step, int) and Ellipsis not in typing.get_args(option):
        return arguments[step : step + 1]
    return arguments if issubclass(origin, typing.Iterable) else []


def _accepts_any_key(option: Any) -> bool:
    """Return whether a table may have any keys here."""
    kind = typing.get_origin(option) or option
    if not isinstance(kind, type) or table_of(option) is not None:
        return kind is Any
    return not issubclass(kind, (str, bytes, int, float, list, tuple, set, frozenset, type(None)))


def _matches_tags(table: Table, data: Mapping[Any, Any]) -> bool:
    return all(not field.tag or key not in data or data[key] in field.tag for key, field in table.fields.items())


@lru_cache(maxsize=1024)
def _table_of_class(kind: type) -> Table | None:
    if isinstance(getattr(kind, "model_fields", None), Mapping):
        if getattr(kind, "__pydantic_root_model__", False):
            return None
        fields, config = _model_fields(kind), kind.model_config  # type: ignore[attr-defined]
    elif dataclasses.is_dataclass(kind) or _is_typed_dict(kind):
        fields, config = _hinted_fields(kind), getattr(kind, "__pydantic_config__", {})
    else:
        return None
    extra = config.get("extra")
    nested = {
        key: found[0] if [*union_members(field.annotation)] == found[:1] else None
        for key, field in fields.items()
        if (found := [*_nested_classes(field.annotation)])
    }
    return Table(fields, extra if extra in {"allow", "ignore"} else None, nested)


def table_of(option: Any) -> Table | None:
    """Return the fields of a class, or None if its values are not tables."""
    return _table_of_class(option) if isinstance(option, type) and typing.get_origin(option) is None else None


def _nested_classes(annotation: Any) -> Iterator[Any]:
    for option in union_members(annotation):
        if isinstance(option, type) and typing.get_origin(option) is None:
            if hasattr(option, "model_fields") or dataclasses.is_dataclass(option) or _is_typed_dict(option):
                yield option
        else:
            for argument in typing.get_args(option):
                yield from _nested_classes(argument)


def _is_typed_dict(kind: type) -> bool:
    # typing.is_typeddict() is False for those of typing_extensions, which pydantic requires before Python 3.12.
    return issubclass(kind, dict) and hasattr(kind, "__required_keys__")


def _model_fields(model: Any) -> dict[str, Field]:
    config = model.model_config
    by_alias = config.get("validate_by_alias", True)
    by_name = config.get("validate_by_name") or config.get("populate_by_name") or not by_alias
    found: dict[str, Field] = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias or info.alias
        keys: list[str] = [name] if by_name or alias is None else []
        if alias is not None and by_alias:
            keys += _alias_keys(alias)
        annotation = _resolved(info.annotation, model)
        tag = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
        found.update(dict.fromkeys(keys, Field(name, annotation, tag)))
    return found


def _resolved(annotation: Any, model: Any) -> Any:
    """Replace forward references in an annotation. Older versions of pydantic keep those to the model itself."""
    if isinstance(annotation, (str, typing.ForwardRef)):
        name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        return model if name == model.__name__ else getattr(sys.modules.get(model.__module__), name, Any)
    arguments, origin = typing.get_args(annotation), typing.get_origin(annotation)
    if origin in {typing.Literal, typing.Annotated} or not all(isinstance(item, Hashable) for item in arguments):
        return annotation
    resolved = tuple(_resolved(argument, model) for argument in arguments)
    if resolved == arguments:
        return annotation
    return typing.Union[resolved] if origin is types.UnionType else origin[resolved]  # noqa: UP007


def _alias_keys(alias: Any) -> list[str]:
    choices = getattr(alias, "choices", None) or [alias]
    return [choice if isinstance(choice, str) else str(choice.path[0]) for choice in choices]


def _hinted_fields(kind: type) -> dict[str, Field]:
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):  # names from a scope that no longer exists
        hints = dict.fromkeys(getattr(kind, "__annotations__", {}), Any)
    return {name: Field(name, hint) for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}
