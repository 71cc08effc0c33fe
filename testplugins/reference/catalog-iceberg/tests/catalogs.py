"""How the tests configure a platform with the catalog, and look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from floe_plugins import CatalogPlugin, HealthStatus, PluginRegistry

NUMBERS = pa.table({"n": list(range(1000))})


def configured(root: Path, **settings: Any) -> dict[str, Any]:
    """The tables lie below ``root``, and the variable CATALOG_TEST_CATALOG_URI says what knows them."""
    return {
        "plugins": {
            "catalog": {"iceberg": settings},
            "storage": {"local": {"root": str(root / "it's a root")}},
            "secrets": {"env": {"prefix": "CATALOG_TEST_"}},
        }
    }


def catalog_with(registry: PluginRegistry, identifier: str, schema: Any) -> CatalogPlugin:
    """The catalog, in which there is an empty table."""
    catalog = registry.get(CatalogPlugin, "iceberg")
    catalog.ensure_namespace(identifier.partition(".")[0])
    catalog.ensure_table(identifier, schema)
    return catalog


def status_of(registry: PluginRegistry) -> HealthStatus:
    """The health of the catalog alone."""
    return next(status for ref, status in registry.health().statuses.items() if str(ref) == "catalog:iceberg")


def ids(stream: Any) -> list[int]:
    """The column ``id`` in order."""
    return sorted(pa.table(stream)["id"].to_pylist())
