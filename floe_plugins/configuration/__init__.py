"""Load a configuration from a file, the environment and arguments, and validate it.

Loading does not import pydantic; validating does. Names in this package are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_plugins.configuration.file import find_file as find_file
    from floe_plugins.configuration.issues import ConfigurationIssue as ConfigurationIssue
    from floe_plugins.configuration.issues import raise_issues as raise_issues
    from floe_plugins.configuration.loader import load as load
    from floe_plugins.configuration.loader import not_installed as not_installed
    from floe_plugins.configuration.migration.rewrite import MigratedTable as MigratedTable
    from floe_plugins.configuration.migration.rewrite import MigratedText as MigratedText
    from floe_plugins.configuration.migration.rewrite import migrate_table as migrate_table
    from floe_plugins.configuration.migration.rewrite import migrate_text as migrate_text
    from floe_plugins.configuration.model import Configuration as Configuration
    from floe_plugins.configuration.origins import Setting as Setting
    from floe_plugins.configuration.origins import effective_settings as effective_settings
    from floe_plugins.configuration.redaction.sources import redactor_of_model as redactor_of_model
    from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA as BROKEN_SCHEMA
    from floe_plugins.configuration.schema.json_schema import PluginSchema as PluginSchema
    from floe_plugins.configuration.schema.json_schema import json_schema as json_schema
    from floe_plugins.configuration.schema.json_schema import plugin_schema as plugin_schema
    from floe_plugins.configuration.schema.validation import ValidationResult as ValidationResult
    from floe_plugins.configuration.schema.validation import validate_and_log as validate_and_log
    from floe_plugins.configuration.schema.validation import validate_settings as validate_settings
    from floe_plugins.configuration.settings import PluginSettings as PluginSettings
else:
    from floe_plugins.core.lazy import lazy_exports

    # Type checkers do not see ``__getattr__``: with it, they would accept any misspelt name.
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "file": ("find_file",),
            "issues": ("ConfigurationIssue", "raise_issues"),
            "loader": ("load", "not_installed"),
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
