"""Tests for plugin authors and platform developers: the conformance suite, and an override for registries.

All public names are importable from here, and imported on first use. Needs the extra ``testing``. The fixtures
``plugin_registry``, ``fake_distribution`` and ``plugin_environment`` need no import: pytest knows them.

>>> from floe_plugins import SecretsPlugin
>>> from floe_plugins.testing import ContractError, SecretsConformance
>>> class Careless(SecretsPlugin):
...     name, version, floe_api_version = "careless", "1.0", "1.0"
...     def get_secret(self, key): ...
...     def secret_names(self, prefix=""): return ["token"]
...     def put_secret(self, key, value): ...
>>> class TestCareless(SecretsConformance):
...     plugin = Careless
>>> try:
...     TestCareless().test_names_are_a_tuple_of_strings()
... except ContractError as error:
...     print(error.rule, error.seen, sep=": ")
test_names_are_a_tuple_of_strings: secret_names() returned ['token'] (list)
"""

from __future__ import annotations

# Type checkers treat this name as true. pytest imports this package in every run, used or not.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from floe_plugins.testing.conformance.base import PluginConformance as PluginConformance
    from floe_plugins.testing.conformance.catalog import CatalogConformance as CatalogConformance
    from floe_plugins.testing.conformance.compute import ComputeConformance as ComputeConformance
    from floe_plugins.testing.conformance.dbt import DbtConformance as DbtConformance
    from floe_plugins.testing.conformance.identity import IdentityConformance as IdentityConformance
    from floe_plugins.testing.conformance.ingestion import IngestionConformance as IngestionConformance
    from floe_plugins.testing.conformance.lineage_backend import LineageBackendConformance as LineageBackendConformance
    from floe_plugins.testing.conformance.orchestrator import OrchestratorConformance as OrchestratorConformance
    from floe_plugins.testing.conformance.rule import ConformanceClassError as ConformanceClassError
    from floe_plugins.testing.conformance.rule import ContractError as ContractError
    from floe_plugins.testing.conformance.rule import rule as rule
    from floe_plugins.testing.conformance.secrets import SecretsConformance as SecretsConformance
    from floe_plugins.testing.conformance.semantic_layer import SemanticLayerConformance as SemanticLayerConformance
    from floe_plugins.testing.conformance.storage import StorageConformance as StorageConformance
    from floe_plugins.testing.conformance.telemetry_backend import (
        TelemetryBackendConformance as TelemetryBackendConformance,
    )
    from floe_plugins.testing.overriding import override as override
else:
    from floe_plugins.core.lazy import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "conformance.base": ("PluginConformance",),
            "conformance.identity": ("IdentityConformance",),
            "conformance.orchestrator": ("OrchestratorConformance",),
            "conformance.lineage_backend": ("LineageBackendConformance",),
            "conformance.catalog": ("CatalogConformance",),
            "conformance.compute": ("ComputeConformance",),
            "conformance.dbt": ("DbtConformance",),
            "conformance.telemetry_backend": ("TelemetryBackendConformance",),
            "conformance.semantic_layer": ("SemanticLayerConformance",),
            "conformance.ingestion": ("IngestionConformance",),
            "conformance.rule": ("ConformanceClassError", "ContractError", "rule"),
            "conformance.secrets": ("SecretsConformance",),
            "conformance.storage": ("StorageConformance",),
            "overriding": ("override",),
        },
    )
