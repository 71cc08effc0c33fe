"""Compute for floe: SQL by DuckDB."""

from floe_reference_compute_duckdb.plugin import DuckDBCompute, DuckDBConfig

__all__ = ["DuckDBCompute", "DuckDBConfig"]
