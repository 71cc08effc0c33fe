"""The models as an operator writes them down. Imports YAML, so it is imported when first used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from floe_plugins import PluginError

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
    return {_name(file, name): _model(file, name, model) for name, model in content.items()}


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
