"""Configuration: file, environment and arguments become validated models, and every mistake a fault.

Reading imports no schema and no pydantic; validating does. Each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_plugins.configuration.file import find_file
    from floe_plugins.configuration.issues import ConfigurationFault, raise_faults
    from floe_plugins.configuration.loader import load, not_installed
    from floe_plugins.configuration.migration.rewrite import Rewritten, migrate_text
    from floe_plugins.configuration.model import Configuration
    from floe_plugins.configuration.origins import Setting, effective
    from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA
    from floe_plugins.configuration.schema.json_schema import json_schema
    from floe_plugins.configuration.schema.validation import Examination, examine, validate
    from floe_plugins.configuration.settings import PluginSettings
else:
    # Outside this branch, type checkers would accept any misspelt name.
    _HOMES = {
        "model": ("Configuration",),
        "origins": ("Setting", "effective"),
        "issues": ("ConfigurationFault", "raise_faults"),
        "schema.json_schema": ("json_schema",),
        "loader": ("load", "not_installed"),
        "schema.error_reporter": ("BROKEN_SCHEMA",),
        "migration.rewrite": ("Rewritten", "migrate_text"),
        "settings": ("PluginSettings",),
        "file": ("find_file",),
        "schema.validation": ("Examination", "examine", "validate"),
    }
    _HOME = {name: module for module, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> object:
        import importlib

        home = _HOME.get(name)
        if home is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        module = importlib.import_module(f"{__name__}.{home}")
        # All at once: importing `effective` binds that name here to the module, which the function has to replace.
        globals().update({other: getattr(module, other) for other in _HOMES[home]})
        return globals()[name]


__all__ = [
    "BROKEN_SCHEMA",
    "Configuration",
    "ConfigurationFault",
    "Examination",
    "PluginSettings",
    "Rewritten",
    "Setting",
    "effective",
    "examine",
    "find_file",
    "json_schema",
    "load",
    "migrate_text",
    "not_installed",
    "raise_faults",
    "validate",
]
