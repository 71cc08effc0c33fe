"""Protocols for passing tables and files between engines without depending on any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, Protocol, runtime_checkable


@runtime_checkable
class ArrowStream(Protocol):
    """A table or a stream of record batches with the Arrow PyCapsule interface.

    pyarrow, DuckDB, polars, DataFusion and PyIceberg produce and accept such objects, and ``pyarrow.table(stream)`` or
    ``polars.DataFrame(stream)`` reads one. A stream can be read once, a table repeatedly; which of them it is, only its
    maker tells. Reading a stream may raise what the engine meets while it produces the rows.

    >>> from floe_plugins.hookspecs import ArrowStream
    >>> isinstance([], ArrowStream)
    False
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class ArrowSchema(Protocol):
    """A schema with the Arrow PyCapsule interface, such as ``pyarrow.schema`` makes."""

    def __arrow_c_schema__(self) -> object: ...


class Cursor(Protocol):
    """The part of a DB-API 2.0 cursor (PEP 249) that callers may use."""

    def execute(self, operation: str, parameters: Any = ..., /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Sequence[Any]: ...
    def close(self) -> Any: ...


class Connection(Protocol):
    """The part of a DB-API 2.0 connection (PEP 249) that callers may use. It is for one thread.

    >>> import sqlite3
    >>> from floe_plugins.hookspecs import Connection
    >>> def first(connection: Connection, sql: str) -> object:
    ...     cursor = connection.cursor()
    ...     cursor.execute(sql)
    ...     return cursor.fetchone()
    >>> first(sqlite3.connect(":memory:"), "SELECT 6 * 7")
    (42,)
    """

    def cursor(self) -> Any: ...
    def commit(self) -> Any: ...
    def rollback(self) -> Any: ...
    def close(self) -> Any: ...


class FileSystem(Protocol):
    """The part of an fsspec file system that callers may use. Paths are relative to the root of the storage."""

    def open(self, path: str, mode: str = "rb", **options: Any) -> BinaryIO: ...
    def exists(self, path: str) -> bool: ...
    def ls(self, path: str, detail: bool = False) -> Any: ...  # noqa: FBT001, FBT002 fsspec's own signature
    def info(self, path: str) -> dict[str, Any]: ...
    def rm(self, path: str, recursive: bool = False) -> Any: ...  # noqa: FBT001, FBT002 fsspec's own signature
    def makedirs(self, path: str, exist_ok: bool = False) -> Any: ...  # noqa: FBT001, FBT002 fsspec's own signature
