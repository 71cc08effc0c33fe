"""A plugin foundation for data platforms: discovery, version checks, configuration, dependencies, lifecycle, health.

All public names are importable from here. Each is imported on first use, so that
``import floe_plugins`` itself is cheap. They are listed twice: for type checkers, and for Python.

>>> from floe_plugins import PluginRegistry
>>> registry = PluginRegistry(autoload="none", environ={})
>>> with registry:
...     print(registry.health().state)
healthy
"""

from __future__ import annotations

# Type checkers treat this name as true. typing itself takes longer to import than everything else here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from floe_plugins.__main__ import command_line as command_line
    from floe_plugins._version import __version__ as __version__
    from floe_plugins.configuration.model import Configuration as Configuration
    from floe_plugins.configuration.redaction.markers import IsSecret as IsSecret
    from floe_plugins.configuration.redaction.markers import NotSecret as NotSecret
    from floe_plugins.core.candidate import Candidate as Candidate
    from floe_plugins.core.candidate import Distribution as Distribution
    from floe_plugins.core.categories import Category as Category
    from floe_plugins.core.event import PluginEvent as PluginEvent
    from floe_plugins.core.outdated_plugin import OutdatedPlugin as OutdatedPlugin
    from floe_plugins.core.platform import FLOE as FLOE
    from floe_plugins.core.platform import Platform as Platform
    from floe_plugins.core.problem import Problem as Problem
    from floe_plugins.core.refs import PluginRef as PluginRef
    from floe_plugins.core.refs import PluginType as PluginType
    from floe_plugins.core.report import HealthReport as HealthReport
    from floe_plugins.core.report import HealthState as HealthState
    from floe_plugins.core.report import HealthStatus as HealthStatus
    from floe_plugins.core.report import LifecycleReport as LifecycleReport
    from floe_plugins.core.report import Outcome as Outcome
    from floe_plugins.core.report import OutcomeState as OutcomeState
    from floe_plugins.core.state import PluginState as PluginState
    from floe_plugins.core.state import Stage as Stage
    from floe_plugins.discovery.report import DiscoveryReport as DiscoveryReport
    from floe_plugins.entries.events import Subscription as Subscription
    from floe_plugins.errors import AmbiguousPluginError as AmbiguousPluginError
    from floe_plugins.errors import CancelledOperationError as CancelledOperationError
    from floe_plugins.errors import CircularDependencyError as CircularDependencyError
    from floe_plugins.errors import DuplicatePluginError as DuplicatePluginError
    from floe_plugins.errors import MissingDependencyError as MissingDependencyError
    from floe_plugins.errors import PluginConfigurationError as PluginConfigurationError
    from floe_plugins.errors import PluginError as PluginError
    from floe_plugins.errors import PluginIncompatibleError as PluginIncompatibleError
    from floe_plugins.errors import PluginLoadError as PluginLoadError
    from floe_plugins.errors import PluginNotFoundError as PluginNotFoundError
    from floe_plugins.errors import PluginShutdownError as PluginShutdownError
    from floe_plugins.errors import PluginStartupError as PluginStartupError
    from floe_plugins.errors import PluginTimeoutError as PluginTimeoutError
    from floe_plugins.errors import PluginUnavailableError as PluginUnavailableError
    from floe_plugins.errors import UnsupportedOperationError as UnsupportedOperationError
    from floe_plugins.hookspecs.base import FLOE_API_VERSION as FLOE_API_VERSION
    from floe_plugins.hookspecs.base import PluginMetadata as PluginMetadata
    from floe_plugins.hookspecs.base import hookimpl as hookimpl
    from floe_plugins.hookspecs.base import hookspec as hookspec
    from floe_plugins.hookspecs.catalog import CatalogPlugin as CatalogPlugin
    from floe_plugins.hookspecs.compute import ComputePlugin as ComputePlugin
    from floe_plugins.hookspecs.dbt import DBTPlugin as DBTPlugin
    from floe_plugins.hookspecs.identity import IdentityPlugin as IdentityPlugin
    from floe_plugins.hookspecs.ingestion import IngestionPlugin as IngestionPlugin
    from floe_plugins.hookspecs.lineage_backend import LineageBackendPlugin as LineageBackendPlugin
    from floe_plugins.hookspecs.orchestrator import OrchestratorPlugin as OrchestratorPlugin
    from floe_plugins.hookspecs.secrets import SecretsPlugin as SecretsPlugin
    from floe_plugins.hookspecs.semantic_layer import SemanticLayerPlugin as SemanticLayerPlugin
    from floe_plugins.hookspecs.storage import StoragePlugin as StoragePlugin
    from floe_plugins.hookspecs.telemetry_backend import TelemetryBackendPlugin as TelemetryBackendPlugin
    from floe_plugins.registry.current import get_registry as get_registry
    from floe_plugins.registry.facade import PluginRegistry as PluginRegistry
    from floe_plugins.registry.plugin_info import PluginInfo as PluginInfo
else:
    from floe_plugins.core.lazy import lazy_exports

    def _category_classes() -> dict[str, str]:
        # Taken from the table of categories, so that a new category needs no entry here.
        from floe_plugins.core.refs import PluginType

        return {name: module for module, name in (member.spec_name for member in PluginType)}

    # Type checkers do not see ``__getattr__``: with it, they would accept any misspelt name.
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "_version": ("__version__",),
            "configuration.model": ("Configuration",),
            "configuration.redaction.markers": ("IsSecret", "NotSecret"),
            "__main__": ("command_line",),
            "core.candidate": ("Candidate", "Distribution"),
            "core.categories": ("Category",),
            "core.outdated_plugin": ("OutdatedPlugin",),
            "core.event": ("PluginEvent",),
            "core.platform": ("FLOE", "Platform"),
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
            "entries.events": ("Subscription",),
            "errors": (
                "AmbiguousPluginError",
                "CancelledOperationError",
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
        _category_classes,
    )
