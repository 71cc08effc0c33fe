"""The secrets in the settings of one plugin, from all sources: its model, the file, variables and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.redaction.collector import Secret
from floe_plugins.configuration.redaction.redactor import Redactor
from floe_plugins.configuration.settings import PluginSettings


def redactor_of_model(settings: PluginSettings, model: object) -> Redactor:
    """Return the redactor of a plugin with this validated model; call it where the model's own code may run."""
    data = Layers.from_settings(settings, type(model)).data
    return redactor_of_settings(settings, type(model), data, model)


def redactor_of_settings(
    settings: PluginSettings, schema: Any, data: Mapping[str, Any], model: object = None
) -> Redactor:
    """Return the redactor of a plugin with these settings.

    Args:
        settings: The settings as their sources give them, also before a migration, which may move secrets.
        schema: The schema; None if the plugin has none.
        data: The settings as the schema validates them.
        model: The model; None as long as the settings are not validated.
    """
    given = [settings.table] if data is settings.table else [settings.table, data]
    # The texts that come from variables with secret names, also as a part of a value.
    named = ((path, *each) for path, texts in settings.secret_values.items() for each in texts.items())
    known = (Secret(text, f"variable {name}", path) for path, name, text in named)
    return Redactor.of_values((model, *given, settings.arguments), schema, known)
