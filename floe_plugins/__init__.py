"""Plugins that a platform can trust: discovery, version gate, configuration, order, lifecycle, health.

Every public name is here; each is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins._version import __version__

if TYPE_CHECKING:
    from floe_plugins.configuration import Configuration
    from floe_plugins.core.candidate import Candidate, Distribution
    from floe_plugins.core.problem import Problem
    from floe_plugins.core.refs import PluginRef, PluginType
    from floe_plugins.core.report import (
        HealthReport,
        HealthState,
        HealthStatus,
        LifecycleReport,
        Outcome,
        OutcomeState,
    )
    from floe_plugins.core.state import PluginState, Stage
    from floe_plugins.discovery.report import DiscoveryReport
    from floe_plugins.errors import (
        AmbiguousPluginError,
        CircularDependencyError,
        DuplicatePluginError,
        MissingDependencyError,
        PluginConfigurationError,
        PluginError,
        PluginIncompatibleError,
        PluginLoadError,
        PluginNotFoundError,
        PluginShutdownError,
        PluginStartupError,
        PluginTimeoutError,
        PluginUnavailableError,
        UnsupportedOperationError,
    )
    from floe_plugins.hookspecs.base import FLOE_API_VERSION, PluginMetadata, hookimpl, hookspec
    from floe_plugins.hookspecs.catalog import CatalogPlugin
    from floe_plugins.hookspecs.compute import ComputePlugin
    from floe_plugins.hookspecs.dbt import DBTPlugin
    from floe_plugins.hookspecs.identity import IdentityPlugin
    from floe_plugins.hookspecs.ingestion import IngestionPlugin
    from floe_plugins.hookspecs.lineage_backend import LineageBackendPlugin
    from floe_plugins.hookspecs.orchestrator import OrchestratorPlugin
    from floe_plugins.hookspecs.secrets import SecretsPlugin
    from floe_plugins.hookspecs.semantic_layer import SemanticLayerPlugin
    from floe_plugins.hookspecs.storage import StoragePlugin
    from floe_plugins.hookspecs.telemetry_backend import TelemetryBackendPlugin
    from floe_plugins.registry.current import get_registry
    from floe_plugins.registry.facade import PluginRegistry
    from floe_plugins.registry.plugin_info import PluginInfo
else:
    # Outside this branch, type checkers would accept any misspelt name.
    _HOMES = {
        "configuration": ("Configuration",),
        "registry.plugin_info": ("PluginInfo",),
        "errors": (
            "AmbiguousPluginError",
            "CircularDependencyError",
            "DuplicatePluginError",
            "MissingDependencyError",
            "PluginConfigurationError",
            "PluginError",
            "PluginIncompatibleError",
            "PluginLoadError",
            "PluginNotFoundError",
            "PluginShutdownError",
            "PluginStartupError",
            "PluginTimeoutError",
            "PluginUnavailableError",
            "UnsupportedOperationError",
        ),
        "hookspecs.base": ("FLOE_API_VERSION", "PluginMetadata", "hookimpl", "hookspec"),
        "core.candidate": ("Candidate", "Distribution"),
        "core.problem": ("Problem",),
        "core.state": ("PluginState", "Stage"),
        "discovery.report": ("DiscoveryReport",),
        "core.refs": ("PluginRef", "PluginType"),
        "registry.facade": ("PluginRegistry",),
        "core.report": ("HealthReport", "HealthState", "HealthStatus", "LifecycleReport", "Outcome", "OutcomeState"),
        "registry.current": ("get_registry",),
    }
    _HOME = {name: module for module, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> object:
        import importlib

        home = _HOME.get(name)
        if home is not None:
            value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        else:
            # The category classes come from the one table of categories.
            from floe_plugins.core.refs import PluginType

            category = next((member for member in PluginType if member.spec_name[1] == name), None)
            if category is None:
                message = f"module {__name__!r} has no attribute {name!r}"
                raise AttributeError(message)
            value = category.spec
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "FLOE_API_VERSION",
    "AmbiguousPluginError",
    "Candidate",
    "CatalogPlugin",
    "CircularDependencyError",
    "ComputePlugin",
    "Configuration",
    "DBTPlugin",
    "DiscoveryReport",
    "Distribution",
    "DuplicatePluginError",
    "HealthReport",
    "HealthState",
    "HealthStatus",
    "IdentityPlugin",
    "IngestionPlugin",
    "LifecycleReport",
    "LineageBackendPlugin",
    "MissingDependencyError",
    "OrchestratorPlugin",
    "Outcome",
    "OutcomeState",
    "PluginConfigurationError",
    "PluginError",
    "PluginIncompatibleError",
    "PluginInfo",
    "PluginLoadError",
    "PluginMetadata",
    "PluginNotFoundError",
    "PluginRef",
    "PluginRegistry",
    "PluginShutdownError",
    "PluginStartupError",
    "PluginState",
    "PluginTimeoutError",
    "PluginType",
    "PluginUnavailableError",
    "Problem",
    "SecretsPlugin",
    "SemanticLayerPlugin",
    "Stage",
    "StoragePlugin",
    "TelemetryBackendPlugin",
    "UnsupportedOperationError",
    "__version__",
    "get_registry",
    "hookimpl",
    "hookspec",
]
