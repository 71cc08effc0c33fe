"""Compute: an engine that runs SQL over tables and files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from floe_plugins.hookspecs.base import PluginMetadata, hookspec
from floe_plugins.hookspecs.protocols import ArrowStream, Connection


class ComputePlugin(PluginMetadata):
    """The contract of SQL engines. Each call goes to one plugin. Hooks must be thread-safe.

    >>> import contextlib, sqlite3
    >>> from floe_plugins import ComputePlugin, UnsupportedOperationError
    >>> class SQLite(ComputePlugin):
    ...     name, version, floe_api_version = "sqlite", "1.0", "1.0"
    ...     def connect(self):
    ...         return contextlib.closing(sqlite3.connect(":memory:"))
    ...     def execute(self, sql, parameters=None):
    ...         raise UnsupportedOperationError("sqlite3 does not return Arrow data")
    ...     def register_table(self, name, data):
    ...         raise UnsupportedOperationError("sqlite3 does not read Arrow data")
    ...     def dbt_profile(self, target):
    ...         return {"type": "sqlite", "schema": target}
    ...     def release(self):
    ...         pass
    >>> with SQLite().connect() as connection:
    ...     connection.execute("SELECT 6 * 7").fetchone()
    (42,)
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> ArrowStream:
        """Run one SQL statement in the dialect of the engine, and return its result.

        Parameters are bound, not inserted into the text: a sequence for positional
        placeholders, a mapping for named ones. The result can still be read after other
        statements have run. For a statement that is not a query it may have no rows.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def register_table(self, name: str, data: ArrowStream) -> None:
        """Make ``data`` available to queries as the table ``name``. Replaces a table of that name.

        The data is read before the call returns, and is kept until ``release`` or shutdown.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def connect(self) -> AbstractContextManager[Connection]:
        """Return a context manager with a DB-API 2.0 connection that only the caller uses.

        Leaving the block commits, or rolls back if it raised, and closes the connection.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def dbt_profile(self, target: str) -> Mapping[str, Any]:
        """Return the output ``target`` of a dbt profile for the same database.

        Raises:
            UnsupportedOperationError: dbt has no adapter for this engine, or cannot open this database.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def release(self) -> None:
        """Close files and release locks, so that another tool can open the database.

        Waits for running statements and for blocks of ``connect``. The next call of any
        other hook opens the database again. Committed data is kept, registered tables are not.

        Raises:
            RuntimeError: called within a block of ``connect`` on the same thread.
        """
