"""Catalog: manages tables, their location and their snapshots."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec
from floe_plugins.hookspecs.protocols import ArrowSchema, ArrowStream


@attrs.frozen
class TableRef:
    """A table in the catalog.

    Attributes:
        identifier: namespace and name, joined by dots.
        location: the URI of the directory of its files.
        snapshot_id: the current snapshot; None if nothing has been written yet.
        properties: the properties that the catalog stores with the table.
    """

    identifier: str
    location: str
    snapshot_id: int | None = None
    properties: Mapping[str, str] = attrs.field(factory=dict)


class CatalogPlugin(PluginMetadata):
    """The contract of catalogs. Each call goes to one plugin. Hooks must be thread-safe.

    An identifier is one or more namespaces and a name, joined by dots. Every hook raises
    ``ValueError`` for an invalid identifier. If two callers write to one table at the same
    time, no data is lost: the second write is repeated or raises.

    >>> from floe_plugins import CatalogPlugin
    >>> def load_orders(catalog: CatalogPlugin, schema, rows):
    ...     catalog.ensure_namespace("sales")
    ...     table = catalog.ensure_table("sales.orders", schema)
    ...     return table.location, catalog.append("sales.orders", rows)
    >>> sorted(CatalogPlugin.__abstractmethods__)[:3]
    ['append', 'drop_table', 'ensure_namespace']
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def ensure_namespace(self, namespace: str) -> bool:
        """Create the namespace if it does not exist. Return whether it was created."""

    @hookspec(firstresult=True)
    @abstractmethod
    def ensure_table(self, identifier: str, schema: ArrowStream | ArrowSchema) -> TableRef:
        """Create the table with ``schema`` if it does not exist, and return it.

        Schemas that differ only in the order of their columns are equal. If ``schema``
        is a stream, it may be consumed.

        Raises:
            LookupError: the namespace does not exist.
            ValueError: the table exists with another schema, or the catalog does not support a type.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def append(self, identifier: str, data: ArrowStream) -> int:
        """Append rows in one commit, and return the id of the new snapshot.

        Readers see all of the new rows or none.

        Raises:
            LookupError: the table does not exist.
            ValueError: the rows do not match the schema of the table.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def replace(self, identifier: str, data: ArrowStream) -> int:
        """Replace all rows in one commit, and return the id of the new snapshot.

        Readers see either the old rows or the new rows.

        Raises:
            LookupError: the table does not exist.
            ValueError: the rows do not match the schema of the table.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def read(self, identifier: str, columns: Sequence[str] | None = None, limit: int | None = None) -> ArrowStream:
        """Return the rows of the current snapshot, with all columns or with ``columns`` in their order.

        Raises:
            LookupError: the table does not exist.
            ValueError: a column does not exist, or ``limit`` is negative.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def list_tables(self, namespace: str | None = None) -> tuple[str, ...]:
        """Return the sorted identifiers of all tables, or of the tables directly in a namespace.

        Raises:
            LookupError: the namespace does not exist.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def drop_table(self, identifier: str, purge: bool = False) -> bool:  # noqa: FBT001, FBT002 pluggy passes by name
        """Remove the table, and with ``purge`` its files, too. Return whether it existed."""
