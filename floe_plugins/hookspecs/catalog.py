"""Catalog: manages tables, their location and their snapshots."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import attrs

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec
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


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        name: its name, as ``read`` and ``scan`` take it.
        type: the catalog's word for its type, such as ``long``.
        required: whether it has a value in every row.
    """

    name: str
    type: str
    required: bool = False


@attrs.frozen
class Snapshot:
    """The state of a table after one commit.

    Attributes:
        id: the id, as in ``TableRef.snapshot_id``.
        committed: when it was committed, in seconds since the epoch.
        operation: what the commit did, in the catalog's word, such as ``append``.
    """

    id: int
    committed: float
    operation: str = ""


@attrs.frozen
class TableInfo:
    """What a catalog knows of a table without reading its rows.

    Attributes:
        ref: the table and its current snapshot.
        columns: the columns, in order.
        snapshots: the snapshots that can be read, oldest first.
        partitions: the columns or expressions by which the files are partitioned.
        rows: the number of rows of the current snapshot; None if the catalog does not know.
        files: the number of data files of the current snapshot; None if the catalog does not know.
        size: the size of those files in bytes; None if the catalog does not know.
        metadata: the URI from which an engine reads the table itself; empty if there is none.
    """

    ref: TableRef
    columns: tuple[Column, ...]
    snapshots: tuple[Snapshot, ...] = ()
    partitions: tuple[str, ...] = ()
    rows: int | None = None
    files: int | None = None
    size: int | None = None
    metadata: str = ""


@attrs.frozen
class RowFilter:
    """A condition on a column, which a row meets or not.

    >>> from floe_plugins.hookspecs import RowFilter
    >>> filters = [RowFilter("country", "in", ["DE", "FR"]), RowFilter("amount", ">", 100)]
    >>> filters[1].operator
    '>'

    Attributes:
        column: the name of the column.
        operator: one of ``= != < <= > >= in``.
        value: what the column is compared with, in its type; a sequence of values for ``in``.
    """

    column: str
    operator: str
    value: object


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

    @added_in("1.1")
    @hookspec(firstresult=True)
    def load_table(self, identifier: str) -> TableInfo:
        """Return the columns, snapshots and statistics of a table.

        Since API 1.1.

        Raises:
            LookupError: the table does not exist.
            UnsupportedOperationError: the catalog does not tell. The default.
        """
        raise UnsupportedOperationError(f"catalog:{self.name} does not describe tables such as {identifier!r}")

    @added_in("1.1")
    @hookspec(firstresult=True)
    def scan(
        self,
        identifier: str,
        columns: Sequence[str] | None = None,
        filters: Sequence[RowFilter] = (),
        snapshot_id: int | None = None,
        limit: int | None = None,
    ) -> ArrowStream:
        """Return the rows that meet all filters, of one snapshot or of the current one, as a stream.

        Since API 1.1.

        The stream can be read once, and need not fit in memory. What is wrong with the call is raised by the call, and
        not while the stream is read. By default ``read`` is called, and filters and snapshots are not supported.

        Raises:
            LookupError: the table or the snapshot does not exist.
            ValueError: a column does not exist, a filter is invalid, or ``limit`` is negative.
            UnsupportedOperationError: the catalog cannot filter, or cannot read older snapshots.
        """
        if filters or snapshot_id is not None:
            raise UnsupportedOperationError(
                f"catalog:{self.name} reads whole tables at their current snapshot",
                hint="Use read, and filter its rows",
            )
        given = {name: value for name, value in (("columns", columns), ("limit", limit)) if value is not None}
        return self.read(identifier, **given)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    @added_in("1.1")
    @hookspec(firstresult=True)
    def evolve_schema(self, identifier: str, schema: ArrowStream | ArrowSchema) -> TableRef:
        """Add the columns of ``schema`` that the table lacks, and widen those whose type is wider there.

        Since API 1.1.

        Rows that were written before have no values in new columns. No column is removed or narrowed.

        Raises:
            LookupError: the table does not exist.
            ValueError: a type would have to change to one that does not hold its values. Nothing was changed.
            UnsupportedOperationError: the catalog cannot change schemas. The default.
        """
        raise UnsupportedOperationError(f"catalog:{self.name} cannot change the schema of {identifier!r}")

    @added_in("1.1")
    @hookspec(firstresult=True)
    def commit_files(self, identifier: str, uris: Sequence[str]) -> int:
        """Add Parquet files that an engine has written in one commit, and return the id of the new snapshot.

        Since API 1.1.

        The files stay where they are, and belong to the table from then on.

        Raises:
            LookupError: the table does not exist.
            ValueError: a file is not there, is in the table already, or does not match its schema.
            UnsupportedOperationError: the catalog cannot take files. The default.
        """
        raise UnsupportedOperationError(f"catalog:{self.name} cannot take files into {identifier!r}")

    @added_in("1.1")
    @hookspec(firstresult=True)
    def expire_snapshots(self, identifier: str, keep: int = 1) -> int:
        """Forget all snapshots but the newest ``keep``, and return how many were forgotten.

        Since API 1.1.

        Raises:
            LookupError: the table does not exist.
            ValueError: ``keep`` is below 1.
            UnsupportedOperationError: the catalog cannot forget snapshots. The default.
        """
        raise UnsupportedOperationError(f"catalog:{self.name} cannot expire snapshots of {identifier!r}")

    @added_in("1.1")
    @hookspec(firstresult=True)
    def partition(self, identifier: str, by: Sequence[str]) -> TableRef:
        """Partition the files that are written from now on by columns, or by expressions such as ``day(at)``.

        Since API 1.1.

        ``by`` takes the place of what was there before; empty, it ends the partitioning. The expressions are in the
        catalog's words, as in ``TableInfo.partitions``. Rows that were written before are read as before.

        Raises:
            LookupError: the table does not exist.
            ValueError: a column does not exist, or an expression does not fit its type. Nothing was changed.
            UnsupportedOperationError: the catalog cannot partition tables. The default.
        """
        raise UnsupportedOperationError(f"catalog:{self.name} cannot partition {identifier!r} by {', '.join(by)}")

    @added_in("1.1")
    @hookspec(firstresult=True)
    def compact(self, identifier: str) -> int:
        """Write the rows of the current snapshot into as few files as fit, in one commit; return its snapshot id.

        Since API 1.1.

        The rows stay the same. If there is nothing to gain, nothing is committed, and the id is the current one; 0 if
        nothing has been written yet. The old files are kept for older snapshots, until those are expired.

        Raises:
            LookupError: the table does not exist.
            PluginError: somebody else has written to the table meanwhile. Nothing was changed.
            UnsupportedOperationError: the catalog cannot compact tables. The default.
        """
        raise UnsupportedOperationError(f"catalog:{self.name} cannot compact {identifier!r}")
