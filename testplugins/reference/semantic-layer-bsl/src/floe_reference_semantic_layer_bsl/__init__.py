"""Semantic layer for floe: business terms over the compute plugin's tables."""

from floe_reference_semantic_layer_bsl.plugin import BSLConfig, BSLSemanticLayer

__all__ = ["BSLConfig", "BSLSemanticLayer"]
