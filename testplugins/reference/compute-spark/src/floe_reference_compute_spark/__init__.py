"""Compute for floe: SQL by Apache Spark, or another server that speaks Spark Connect."""

from floe_reference_compute_spark.plugin import SparkCompute, SparkConfig

__all__ = ["SparkCompute", "SparkConfig"]
