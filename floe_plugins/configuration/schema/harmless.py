"""Which schemas may be handed the settings themselves, and not a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

# Kinds of pydantic's core schema that neither run an author's code on what they are given, nor
# put a table or list of it into the result. Any other kind, also one of a later pydantic, gets a copy.
_SCALARS = (
    "none bool int float decimal complex str bytes literal enum uuid url multi-host-url date time datetime timedelta"
)
_CONTAINERS = "list tuple set frozenset dict model model-fields model-field"
# The function of "function-after" sees what was made, not what was given.
_AROUND = "default nullable union json-or-python lax-or-strict definitions definition-ref function-after"
_KINDS = frozenset(f"{_SCALARS} {_CONTAINERS} {_AROUND}".split())
_INNER = (
    *("schema", "items_schema", "keys_schema", "values_schema", "extras_schema"),
    *("lax_schema", "strict_schema", "json_schema", "python_schema"),
)


def leaves_input_alone(model: Any) -> bool:
    """Whether validating a table with this model class neither changes it nor keeps a part of it.

    Where it is not plain to see, the answer is no.
    """
    from pydantic import BaseModel

    if model.model_validate.__func__ is not BaseModel.model_validate.__func__:  # type: ignore[attr-defined]
        return False
    pending: list[Any] = [model.__pydantic_core_schema__]
    while pending:
        schema = pending.pop()
        # What is no dict has not been built yet, or was by something else.
        if type(schema) is not dict or not _is_harmless(schema):
            return False
        pending += _inner(schema)
    return True


def _is_harmless(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    if kind == "is-instance":
        return not issubclass(dict, schema["cls"]) and not issubclass(list, schema["cls"])
    if kind == "enum" and schema["cls"]._missing_.__func__ is not Enum._missing_.__func__:  # type: ignore[attr-defined]
        return False  # it is asked about what is no member
    if kind in {"list", "tuple", "set", "frozenset"} and not schema.get("items_schema"):
        return False  # keeps the items as they are
    if kind == "dict" and not ("keys_schema" in schema and "values_schema" in schema):
        return False
    return kind in _KINDS and not schema.get("custom_init") and not _keeps_extra(schema)


def _keeps_extra(schema: Mapping[str, Any]) -> bool:
    decided = {schema.get("extra_behavior"), (schema.get("config") or {}).get("extra_fields_behavior")}
    return "allow" in decided


def _inner(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from (schema[key] for key in _INNER if isinstance(schema.get(key), dict))
    for key in ("items_schema", "choices", "definitions"):
        found = schema.get(key)
        yield from (choice[0] if isinstance(choice, tuple) else choice for choice in found or () if type(found) is list)
    if schema["type"] == "model-fields":
        yield from schema["fields"].values()
