"""Compute: an engine that runs SQL over tables and files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import attrs

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec
from floe_plugins.hookspecs.protocols import ArrowStream, Connection
from floe_plugins.hookspecs.running import InThread, Running

Query = Running[ArrowStream]
TargetMode = Literal["error", "append", "replace"]


@attrs.frozen
class Files:
    """A table in files, which an engine reads and writes itself.

    >>> from floe_plugins.hookspecs import Files
    >>> Files("s3://lake/orders/*.csv", "csv", {"delim": ";"}).format
    'csv'

    Attributes:
        uri: a file, a directory or a pattern of files, as ``StoragePlugin.uri`` gives it.
        format: the format in the engine's word, such as ``parquet``, ``csv``, ``json`` or ``iceberg``.
        options: options of the format, in the engine's words.
    """

    uri: str
    format: str = "parquet"
    options: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class WriteReport:
    """What an engine wrote.

    Attributes:
        uri: where it wrote.
        rows: the number of rows; None if the engine does not tell.
    """

    uri: str
    rows: int | None = None


@attrs.frozen
class ComputeCapabilities:
    """What an engine can do. None means that it is not known.

    Attributes:
        dialect: the SQL dialect, by the name that sqlglot and dbt use, such as ``duckdb`` or ``spark``.
        placeholders: the placeholders of parameters, such as ``?`` and ``$name``.
        transactions: whether a block of ``connect`` can be rolled back.
        cancel: whether a query that was submitted can be cancelled.
        streams: whether the result of a query that was submitted is read while the engine produces it.
        distributed: whether queries run on several machines.
        formats: the formats that ``attach`` reads.
        targets: the formats that ``write`` writes.
    """

    dialect: str | None = None
    placeholders: tuple[str, ...] = ()
    transactions: bool | None = None
    cancel: bool | None = None
    streams: bool | None = None
    distributed: bool | None = None
    formats: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


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

        Raises:
            UnsupportedOperationError: the engine has no type for a column, such as one of lists or records.
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
        It takes and returns nothing, and keeps nobody away: call it before another process
        opens the database once, as in ``compute.release()`` and then a run of another tool.

        Raises:
            RuntimeError: called within a block of ``connect`` on the same thread.
        """

    @added_in("1.1")
    @hookspec(firstresult=True)
    def submit(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Query:
        """Begin one SQL statement, and return while it runs.

        Since API 1.1.

        The query's result can be read once: ``result`` that is called again returns all rows again, or raises
        ``RuntimeError``. If ``capabilities`` say that it streams, it is ready when its first rows are, and need not
        fit in memory.
        Cancelling and ``timeout``, a number of seconds, also end a result that is being read. An error of the
        statement is raised by ``result``, or by reading it.

        By default ``execute`` runs on a thread, and the query cannot be cancelled.
        """

        def run() -> ArrowStream:
            # An implementation may leave out the arguments that it has no use for.
            return self.execute(sql) if parameters is None else self.execute(sql, parameters)

        return InThread(run, f"a query of compute:{self.name}", timeout=timeout)

    @added_in("1.1")
    @hookspec(firstresult=True)
    def attach(self, name: str, source: Files) -> None:
        """Make files available to queries as the table ``name``. Replaces a table of that name.

        Since API 1.1.

        The engine reads them when a query asks for them. Kept until ``release`` or shutdown.

        Raises:
            UnsupportedOperationError: the engine cannot read files, or not in this format. The default.
            ValueError: the files are not there, or are not of that format.
        """
        raise UnsupportedOperationError(
            f"compute:{self.name} cannot attach {source.format} files",
            hint="Read them with another tool, and use register_table",
        )

    @added_in("1.1")
    @hookspec(firstresult=True)
    def write(self, sql: str, target: Files, mode: TargetMode = "error") -> WriteReport:
        """Run one query, and let the engine write its rows to files.

        Since API 1.1.

        With ``error`` there must be nothing at the target; ``replace`` leaves nothing else there.

        Raises:
            FileExistsError: there is something at the target, and the mode is ``error``. Nothing was written.
            UnsupportedOperationError: the engine cannot write this format, or in this mode. The default.
        """
        raise UnsupportedOperationError(
            f"compute:{self.name} cannot write {target.format} files", hint="Use execute, and write what it returns"
        )

    @added_in("1.1")
    @hookspec(firstresult=True)
    def capabilities(self) -> ComputeCapabilities:
        """Return what the engine can do. By default, nothing is known.

        Since API 1.1.
        """
        return ComputeCapabilities()

    @added_in("1.1")
    @hookspec(firstresult=True)
    def lease(self) -> AbstractContextManager[None]:
        """Return a context manager, within whose block another tool alone may open the database.

        Since API 1.1.

        Entering waits for running statements and for blocks of ``connect``, as ``release`` does; calls of other
        threads wait until the block ends. On the thread of the block they raise ``RuntimeError``. Nothing is passed to
        the block: ``with compute.lease(): subprocess.run([...])``.

        Raises:
            RuntimeError: entered within a block of ``connect`` on the same thread.
            UnsupportedOperationError: the engine cannot keep others away. The default.
        """
        raise UnsupportedOperationError(
            f"compute:{self.name} cannot lease its database", hint="Use release, while nobody else uses the plugin"
        )
