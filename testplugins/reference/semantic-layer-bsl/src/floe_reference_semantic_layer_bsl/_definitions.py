"""The models as an operator writes them down. Imports YAML and ibis, so it is imported when first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from floe_plugins import PluginError
from floe_reference_semantic_layer_bsl._expressions import validate_expression

KEYS = ("table", "description", "dimensions", "measures", "calculated_measures", "joins", "filter")
JOIN_TYPES = ("one", "many", "cross")
JOIN_KEYS = ("model", "type", "how", "left_on", "right_on")
# boring-semantic-layer would open connections of its own for these.
REFUSED = ("profile", "database")
MOST_PARTS = 3


def read(file: Path) -> dict[str, dict[str, Any]]:
    """The models of a file by their names, each with a table.

    Raises:
        PluginError: it cannot be read, or has something else in it.
    """
    try:
        content = yaml.safe_load(file.read_bytes())
    except OSError as error:
        hint = "Write the models there, or correct plugins.semantic_layer.bsl.models"
        raise PluginError(f"the models in {file} cannot be read: {error.strerror}", hint=hint) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PluginError(f"the models in {file} are no YAML: {error}") from error
    if not isinstance(content, Mapping) or not content:
        raise PluginError(f"{file} has no models: expected a mapping of names to models")
    models = {_name(file, name): _model(file, name, model) for name, model in content.items()}
    for name, model in models.items():
        try:
            models[name] = _validate_model(model, models)
        except ValueError as error:
            raise PluginError(f"{file}: model {name!r}: {error}", hint="Correct the model") from error
    return models


def _name(file: Path, name: object) -> str:
    if not isinstance(name, str) or not name or "." in name:
        raise PluginError(f"{file}: {name!r} is no name of a model: expected a text without a dot")
    return name


def _model(file: Path, name: object, model: object) -> dict[str, Any]:
    if not isinstance(model, Mapping) or not isinstance(model.get("table"), str):
        raise PluginError(f"{file}: model {name!r} has no table: expected a mapping with the name of one")
    parts = model["table"].split(".")
    if not all(parts) or len(parts) > MOST_PARTS:
        raise PluginError(
            f"{file}: {model['table']!r} names no table: expected table, schema.table or database.schema.table"
        )
    refused = [key for key in REFUSED if key in model]
    if refused:
        hint = "Write a table of another schema as 'schema.table'"
        raise PluginError(
            f"{file}: model {name!r} has {', '.join(refused)}; tables are the compute plugin's", hint=hint
        )
    return dict(model)


def _validate_model(model: Mapping[str, Any], models: Mapping[str, object]) -> dict[str, Any]:
    _known("the model", model, KEYS)
    fields = {
        section: {name: _field(name, field) for name, field in _mapping(section, model.get(section)).items()}
        for section in ("dimensions", "measures", "calculated_measures")
    }
    names = [name for section in fields.values() for name in section]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is defined twice")
    joins = {name: _join(name, join, models) for name, join in _mapping("joins", model.get("joins")).items()}
    condition = {"filter": _expression("filter", model["filter"])} if "filter" in model else {}
    return {"table": model["table"], **fields, "joins": joins, **condition}


def _known(place: str, given: Mapping[str, Any], keys: Sequence[str]) -> None:
    unknown = [str(key) for key in given if key not in keys]
    if unknown:
        raise ValueError(f"{place} has {', '.join(unknown)}: expected {', '.join(keys)}")


def _mapping(place: str, given: object) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping | None):
        raise ValueError(f"{place} are no mapping")  # noqa: TRY004 as all the others
    return given or {}


def _field(name: object, field: object) -> dict[str, Any]:
    if not isinstance(name, str) or not name:
        raise ValueError(f"{name!r} is no name of a field: expected a text")
    if not isinstance(field, Mapping):
        return {"expr": _expression(name, field)}
    return {**field, "expr": _expression(name, field.get("expr"))}


def _expression(name: str, expression: object) -> str:
    if not isinstance(expression, str):
        raise ValueError(f"{name} has no expression: expected a text")  # noqa: TRY004 as all the others
    try:
        return validate_expression(expression)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _join(name: object, join: object, models: Mapping[str, object]) -> dict[str, Any]:
    if not isinstance(name, str) or not name or "." in name or not isinstance(join, Mapping):
        raise ValueError(f"{name!r} is no join: expected a name without a dot, and a mapping")
    _known(f"the join {name}", join, JOIN_KEYS)
    if join.get("model") not in tuple(models):
        raise ValueError(f"the join {name} has no model of this file: expected one of {', '.join(models)}")
    if join.get("type", "one") not in JOIN_TYPES or join.get("how") not in (None, "left"):
        raise ValueError(f"the join {name} is of no known type: expected {', '.join(JOIN_TYPES)}, and how: left")
    keys = [] if join.get("type") == "cross" else [join.get("left_on"), join.get("right_on")]
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(f"the join {name} lacks left_on or right_on: expected columns of both tables")
    return {"model": join["model"], "on": keys}
