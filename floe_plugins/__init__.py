"""A plugin foundation for data platforms: discovery, version checks, configuration, dependencies, lifecycle, health.

All public names are importable from here. Each is imported on first use, so that
``import floe_plugins`` itself is cheap.

>>> from floe_plugins import PluginRegistry
>>> registry = PluginRegistry(autoload="none", environ={})
>>> with registry:
...     print(registry.health().state)
healthy
"""

from __future__ import annotations

from floe_plugins._version import __version__

# Type checkers treat this name as true. typing itself takes longer to import than everything else here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from floe_plugins.configuration import Configuration
    from floe_plugins.configuration.redaction.markers import IsSecret, NotSecret
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
    from floe_plugins.core.lazy import lazy_exports

    def _category_class(name: str) -> object:
        # Taken from the table of categories, so that a new category needs no entry here.
        from floe_plugins.core.refs import PluginType

        return next((member.spec for member in PluginType if member.spec_name[1] == name), None)

    # Type checkers do not see ``__getattr__``: with it, they would accept any misspelt name.
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "configuration": ("Configuration",),
            "configuration.redaction.markers": ("IsSecret", "NotSecret"),
            "core.candidate": ("Candidate", "Distribution"),
            "core.problem": ("Problem",),
            "core.refs": ("PluginRef", "PluginType"),
            "core.report": (
                "HealthReport",
                "HealthState",
                "HealthStatus",
                "LifecycleReport",
                "Outcome",
                "OutcomeState",
            ),
            "core.state": ("PluginState", "Stage"),
            "discovery.report": ("DiscoveryReport",),
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
            "registry.current": ("get_registry",),
            "registry.facade": ("PluginRegistry",),
            "registry.plugin_info": ("PluginInfo",),
        },
        _category_class,
    )


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
    "IsSecret",
    "LifecycleReport",
    "LineageBackendPlugin",
    "MissingDependencyError",
    "NotSecret",
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
