"""Compute for floe: SQL by Apache DataFusion."""

from floe_reference_compute_datafusion.plugin import DataFusionCompute, DataFusionConfig

__all__ = ["DataFusionCompute", "DataFusionConfig"]
