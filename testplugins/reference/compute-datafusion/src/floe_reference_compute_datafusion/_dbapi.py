"""DB-API 2.0 over the transactions of a database. The cursors of a connection share its transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from floe_plugins import PluginError

if TYPE_CHECKING:
    from floe_reference_compute_datafusion._database import Database
    from floe_reference_compute_datafusion._versions import Parameters, Transaction


class Connection:
    """A connection that always has a transaction; a ``with`` block ends it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._transaction: Transaction | None = database.begin()

    def cursor(self) -> Cursor:
        """Another cursor in the same transaction."""
        return Cursor(self)

    def commit(self) -> None:
        """Commit, and begin a new transaction that sees the commits of others."""
        transaction = self.transaction
        # Also of one that cannot be committed, nothing is left.
        self._transaction = None
        self._database.commit(transaction)
        self._transaction = self._database.begin()

    def rollback(self) -> None:
        """Roll back, and begin a new transaction."""
        self._transaction = self._database.begin()

    def close(self) -> None:
        """Roll back and close; every later use is an error."""
        self._transaction = None

    def finish(self) -> None:
        """Commit the open transaction, if there is one."""
        if self._transaction is not None:
            self._database.commit(self._transaction)
        self.close()

    @property
    def transaction(self) -> Transaction:
        """The open transaction.

        Raises:
            PluginError: the connection is closed.
        """
        if self._transaction is None:
            raise PluginError("the connection is closed, or could not be committed")
        return self._transaction


class Cursor:
    """Statements and their rows, all in memory; for large results, use ``execute`` of the plugin."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self.description: Sequence[tuple[Any, ...]] | None = None

    def execute(self, operation: str, parameters: Parameters = None) -> Cursor:
        """Run one statement, placeholders ``$1`` or ``$name``."""
        self.close()
        table = self._connection.transaction.run(operation, parameters)
        if table.num_columns:
            self.description = [(field.name, field.type, None, None, None, None, None) for field in table.schema]
            self._rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return self

    def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Run one statement for each set of parameters."""
        for each in parameters:
            self.execute(operation, each)
        self.close()
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return next(iter(self), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows."""
        return [*islice(self, self.arraysize if size is None else size)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All remaining rows."""
        return [*self]

    def close(self) -> None:
        """Discard the result."""
        self._rows = self.description = None

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Do nothing; PEP 249 requires the method."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing; PEP 249 requires the method."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if self._rows is None:
            raise PluginError("there are no rows: nothing was executed that gives some")
        return self._rows
