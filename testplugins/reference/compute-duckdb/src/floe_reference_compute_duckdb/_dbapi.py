"""DB-API 2.0 over one DuckDB connection.

DuckDB's own ``cursor()`` is another connection with its own transaction; here, as
elsewhere, the cursors of a connection share its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Connection:
    """A connection that always has a transaction; a ``with`` block ends it."""

    def __init__(self, engine: DuckDBPyConnection) -> None:
        self._engine = engine
        self._closed = False
        engine.begin()

    def cursor(self) -> Cursor:
        """Another cursor in the same transaction."""
        return Cursor(self._engine)

    def commit(self) -> None:
        """Commit, and begin a new transaction."""
        self._engine.commit()
        self._engine.begin()

    def rollback(self) -> None:
        """Roll back, and begin a new transaction."""
        self._engine.rollback()
        self._engine.begin()

    def close(self) -> None:
        """Roll back and close; every later use is an error."""
        self._closed = True
        self._engine.close()

    def finish(self) -> None:
        """Commit the open transaction, if there is one."""
        if not self._closed:
            self._engine.commit()


class Cursor:
    """Statements and their rows, all fetched at once; for large results, use ``execute`` of the plugin."""

    arraysize = 1
    rowcount = -1

    def __init__(self, engine: DuckDBPyConnection) -> None:
        self._engine = engine
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self.description: Sequence[tuple[Any, ...]] | None = None

    def execute(self, operation: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Cursor:
        """Run one statement, placeholders ``?`` or ``$name``."""
        self.close()
        done = self._engine.execute(operation, parameters)
        self.description = done.description
        # Taken over now: the next statement of any cursor ends what DuckDB keeps of this one.
        self._rows = iter(done.fetchall())
        return self

    def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Run one statement for each set of parameters."""
        self.close()
        self._engine.executemany(operation, parameters)
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
            import duckdb

            raise duckdb.ProgrammingError("there are no rows: nothing was executed that gives some")
        return self._rows
