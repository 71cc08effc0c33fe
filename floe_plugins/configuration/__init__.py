"""Load a configuration from a file, the environment and arguments, and validate it.

Loading does not import pydantic; validating does. Names in this package are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_plugins.configuration.issues import ConfigurationIssue, raise_issues
    from floe_plugins.configuration.loader import load, not_installed
    from floe_plugins.configuration.lookup import find_file, working_directory
    from floe_plugins.configuration.migration.rewrite import MigratedTable, MigratedText, migrate_table, migrate_text
    from floe_plugins.configuration.model import Configuration
    from floe_plugins.configuration.origins import Setting, effective_settings
    from floe_plugins.configuration.redaction.sources import redactor_of_model
    from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA
    from floe_plugins.configuration.schema.json_schema import PluginSchema, json_schema, plugin_schema
    from floe_plugins.configuration.schema.validation import ValidationResult, validate_and_log, validate_settings
    from floe_plugins.configuration.settings import PluginSettings
else:
    from floe_plugins.core.lazy import lazy_exports

    # Type checkers do not see ``__getattr__``: with it, they would accept any misspelt name.
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "issues": ("ConfigurationIssue", "raise_issues"),
            "loader": ("load", "not_installed"),
            "lookup": ("find_file", "working_directory"),
            "migration.rewrite": ("MigratedTable", "MigratedText", "migrate_table", "migrate_text"),
            "model": ("Configuration",),
            "origins": ("Setting", "effective_settings"),
            "redaction.sources": ("redactor_of_model",),
            "schema.error_reporter": ("BROKEN_SCHEMA",),
            "schema.json_schema": ("PluginSchema", "json_schema", "plugin_schema"),
            "schema.validation": ("ValidationResult", "validate_and_log", "validate_settings"),
            "settings": ("PluginSettings",),
        },
    )


__all__ = [
    "BROKEN_SCHEMA",
    "Configuration",
    "ConfigurationIssue",
    "MigratedTable",
    "MigratedText",
    "PluginSchema",
    "PluginSettings",
    "Setting",
    "ValidationResult",
    "effective_settings",
    "find_file",
    "json_schema",
    "load",
    "migrate_table",
    "migrate_text",
    "not_installed",
    "plugin_schema",
    "raise_issues",
    "redactor_of_model",
    "validate_and_log",
    "validate_settings",
    "working_directory",
]
