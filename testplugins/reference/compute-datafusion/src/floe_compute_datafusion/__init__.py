"""Compute for floe: SQL by Apache DataFusion."""

from floe_compute_datafusion.plugin import DataFusionCompute, DataFusionConfig

__all__ = ["DataFusionCompute", "DataFusionConfig"]
