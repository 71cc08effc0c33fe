"""Load a configuration from a file, the environment and arguments, and validate it.

Loading does not import pydantic; validating does. Names in this package are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_plugins.configuration.file import find_file
    from floe_plugins.configuration.issues import ConfigurationIssue, raise_issues
    from floe_plugins.configuration.loader import load, not_installed
    from floe_plugins.configuration.migration.rewrite import MigratedText, migrate_text
    from floe_plugins.configuration.model import Configuration
    from floe_plugins.configuration.origins import Setting, effective_settings
    from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA
    from floe_plugins.configuration.schema.json_schema import json_schema
    from floe_plugins.configuration.schema.validation import ValidationResult, validate_and_log, validate_settings
    from floe_plugins.configuration.settings import PluginSettings
else:
    # Type checkers must not see __getattr__, or they would accept any name.
    _HOMES = {
        "model": ("Configuration",),
        "origins": ("Setting", "effective_settings"),
        "issues": ("ConfigurationIssue", "raise_issues"),
        "schema.json_schema": ("json_schema",),
        "loader": ("load", "not_installed"),
        "schema.error_reporter": ("BROKEN_SCHEMA",),
        "migration.rewrite": ("MigratedText", "migrate_text"),
        "settings": ("PluginSettings",),
        "file": ("find_file",),
        "schema.validation": ("ValidationResult", "validate_settings", "validate_and_log"),
    }
    _HOME = {name: module for module, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> object:
        import importlib

        home = _HOME.get(name)
        if home is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        module = importlib.import_module(f"{__name__}.{home}")
        # Importing a submodule binds its name in this package: replace it if a function has the same name.
        globals().update({other: getattr(module, other) for other in _HOMES[home]})
        return globals()[name]


__all__ = [
    "BROKEN_SCHEMA",
    "Configuration",
    "ConfigurationIssue",
    "MigratedText",
    "PluginSettings",
    "Setting",
    "ValidationResult",
    "effective_settings",
    "find_file",
    "json_schema",
    "load",
    "migrate_text",
    "not_installed",
    "raise_issues",
    "validate_and_log",
    "validate_settings",
]
