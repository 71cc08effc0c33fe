"""Ingestion for floe: loads by dlt into the compute plugin's DuckDB."""

from floe_reference_ingestion_dlt.plugin import DltConfig, DltIngestion

__all__ = ["DltConfig", "DltIngestion"]
