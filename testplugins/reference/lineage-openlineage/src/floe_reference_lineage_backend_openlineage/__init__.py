"""Lineage for floe: OpenLineage events, to a server and to a file."""

from floe_reference_lineage_backend_openlineage.plugin import OpenLineageBackend, OpenLineageConfig

__all__ = ["OpenLineageBackend", "OpenLineageConfig"]
