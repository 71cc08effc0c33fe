"""Catalog for floe: Apache Iceberg tables."""

from floe_reference_catalog_iceberg.plugin import IcebergCatalog, IcebergCatalogConfig

__all__ = ["IcebergCatalog", "IcebergCatalogConfig"]
