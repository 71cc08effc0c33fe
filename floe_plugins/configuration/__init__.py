"""Configuration: file, environment and arguments become validated models, and every mistake a fault.

Reading imports no schema and no pydantic; validating does. Each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_plugins.configuration.configuration import Configuration
    from floe_plugins.configuration.effective import Setting, effective
    from floe_plugins.configuration.faults import ConfigurationFault, raise_faults
    from floe_plugins.configuration.json_schema import json_schema
    from floe_plugins.configuration.loading import load, not_installed
    from floe_plugins.configuration.reporting import BROKEN_SCHEMA
    from floe_plugins.configuration.rewriting import Rewritten, migrate_text
    from floe_plugins.configuration.settings import PluginSettings
    from floe_plugins.configuration.sources import find_file
    from floe_plugins.configuration.validation import Examination, examine, validate
else:
    # Outside this branch, type checkers would accept any misspelt name.
    _HOMES = {
        "configuration": ("Configuration",),
        "effective": ("Setting", "effective"),
        "faults": ("ConfigurationFault", "raise_faults"),
        "json_schema": ("json_schema",),
        "loading": ("load", "not_installed"),
        "reporting": ("BROKEN_SCHEMA",),
        "rewriting": ("Rewritten", "migrate_text"),
        "settings": ("PluginSettings",),
        "sources": ("find_file",),
        "validation": ("Examination", "examine", "validate"),
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
