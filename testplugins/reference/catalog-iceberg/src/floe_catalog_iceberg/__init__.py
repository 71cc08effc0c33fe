"""Catalog for floe: Apache Iceberg tables."""

from floe_catalog_iceberg.plugin import IcebergCatalog, IcebergCatalogConfig

__all__ = ["IcebergCatalog", "IcebergCatalogConfig"]
