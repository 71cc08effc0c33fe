"""DB-API 2.0 over one Spark session. Spark has no transactions: each statement is committed by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from floe_plugins import PluginError, UnsupportedOperationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_reference_compute_spark._session import Parameters


class Connection:
    """A connection whose cursors share a session, with its temporary views."""

    def __init__(self, run: Callable[[str, Parameters], Any]) -> None:
        self._run: Callable[[str, Parameters], Any] | None = run

    def cursor(self) -> Cursor:
        """Another cursor in the same session."""
        return Cursor(self)

    def run(self, sql: str, parameters: Parameters) -> Any:
        """Run a statement, and return its rows as an Arrow table."""
        if self._run is None:
            raise PluginError("the connection is closed")
        return self._run(sql, parameters)

    def commit(self) -> None:
        """Do nothing: each statement is committed by itself."""

    def rollback(self) -> None:
        """Refuse: what was done cannot be undone.

        Raises:
            UnsupportedOperationError: always.
        """
        raise UnsupportedOperationError("Spark has no transactions", hint="Write to a new table, and rename it")

    def close(self) -> None:
        """Close; every later use is an error."""
        self._run = None


class Cursor:
    """Statements and their rows, all in memory; for large results, use ``submit`` of the plugin."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self.description: Sequence[tuple[Any, ...]] | None = None

    def execute(self, operation: str, parameters: Parameters = None) -> Cursor:
        """Run one statement, placeholders ``?`` or ``:name``."""
        self.close()
        table = self._connection.run(operation, parameters)
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
