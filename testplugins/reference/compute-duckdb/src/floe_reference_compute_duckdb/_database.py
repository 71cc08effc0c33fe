"""One DuckDB database for several threads, which can be released."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A database beside the main one: DuckDB's own temporary tables are seen by one connection only.
REGISTERED = "floe_registered"


class Database:
    """A database that is opened at first use, and again at the first use after ``close``.

    All methods are safe from several threads.
    """

    def __init__(self, connect: Callable[[], DuckDBPyConnection], settings: Callable[[], dict[str, str]]) -> None:
        self._connect = connect
        self._settings = settings
        self._root: DuckDBPyConnection | None = None
        self._tables: set[str] = set()
        self._attached: dict[str, str] = {}
        self._leaseholder: int | None = None
        self._users: dict[int, tuple[DuckDBPyConnection, int]] = {}
        self._closing = False
        self._changed = threading.Condition()
        self._registering = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._root is not None

    @contextlib.contextmanager
    def cursor(self) -> Generator[DuckDBPyConnection, None, None]:
        """A new connection within the block, with all registered tables."""
        mine = self._enter()
        try:
            self._prepare(mine)
            yield mine
        finally:
            mine.close()
            self._leave(mine)

    def register(self, name: str, pages: Iterable[Any]) -> None:
        """Register the rows of all pages as a table for all later cursors."""
        table = f"{REGISTERED}.main.{quoted(name)}"
        with self._registering, self.cursor() as cursor:
            cursor.begin()
            for number, page in enumerate(pages):
                cursor.register("floe_incoming", page)
                made = f"INSERT INTO {table}" if number else f"CREATE OR REPLACE TABLE {table} AS"
                cursor.execute(f"{made} FROM floe_incoming")
                cursor.unregister("floe_incoming")
            cursor.commit()
            self._tables.add(name)
            self._attached.pop(name, None)

    def attach(self, name: str, reader: str) -> None:
        """Let all later cursors read files as a table, by a call in SQL.

        Raises:
            duckdb.Error: they cannot be read.
        """
        with self._registering, self.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS FROM {reader}")
            cursor.execute(f"DROP TABLE IF EXISTS {REGISTERED}.main.{quoted(name)}")
            self._tables.discard(name)
            self._attached[name] = reader

    @contextlib.contextmanager
    def leased(self) -> Generator[None, None, None]:
        """Close the file as ``close`` does, and keep it closed within the block.

        Raises:
            RuntimeError: the caller's own thread is using it, or leases it already.
        """
        with self._unused():
            self._close()
            self._leaseholder = threading.get_ident()
            try:
                yield
            finally:
                self._leaseholder = None

    def refuse_leaseholder(self) -> None:
        """Raise ``RuntimeError`` if the caller's own thread leases the database, so that it would wait for itself."""
        if self._leaseholder == threading.get_ident():
            raise RuntimeError("the database cannot be used within a block that leases it on the same thread")

    def forget_tables(self) -> None:
        """Drop the registered tables once the database is unused, and leave it open.

        Raises:
            RuntimeError: the caller's own thread is using it, so that it would wait for itself.
        """
        with self._unused():
            if self._root is not None:
                with contextlib.closing(self._root.cursor()) as cursor:
                    for name in self._tables:
                        cursor.execute(f"DROP TABLE {REGISTERED}.main.{quoted(name)}")
            self._tables.clear()
            self._attached.clear()

    def close(self, *, interrupt: bool = False) -> None:
        """Close the file once it is unused, and drop the registered tables.

        Args:
            interrupt: make running statements fail instead of waiting for their end.

        Raises:
            RuntimeError: the caller's own thread is using it, so that it would wait for itself.
        """
        with self._unused(interrupt=interrupt):
            self._close()

    def _close(self) -> None:
        if self._root is not None:
            self._root.close()
        self._root = None
        self._tables.clear()
        self._attached.clear()

    @contextlib.contextmanager
    def _unused(self, *, interrupt: bool = False) -> Generator[None, None, None]:
        """Wait until nobody uses the database, and let nobody do so within the block."""
        self.refuse_leaseholder()
        with self._changed:
            if self._holds():
                raise RuntimeError("the database cannot be released within a block that uses it on the same thread")
            self._closing = True
            try:
                if interrupt:
                    self._interrupt_users()
                self._changed.wait_for(lambda: not self._users)
                yield
            finally:
                self._closing = False
                self._changed.notify_all()

    def _interrupt_users(self) -> None:
        # Again and again: it has no effect on a statement that has not quite begun.
        while self._users:
            for cursor, _ in self._users.values():
                cursor.interrupt()
            self._changed.wait(timeout=0.05)

    def _holds(self) -> bool:
        thread = threading.get_ident()
        return any(user == thread for _, user in self._users.values())

    def _enter(self) -> DuckDBPyConnection:
        self.refuse_leaseholder()
        with self._changed:
            # A thread that holds a cursor may have another one, or whoever waits for it would wait forever.
            self._changed.wait_for(lambda: not self._closing or self._holds())
            if self._root is None:
                self._root = self._open()
            cursor = self._root.cursor()
            self._users[id(cursor)] = cursor, threading.get_ident()
            return cursor

    def _leave(self, cursor: DuckDBPyConnection) -> None:
        with self._changed:
            del self._users[id(cursor)]
            self._changed.notify_all()

    def _open(self) -> DuckDBPyConnection:
        root = self._connect()
        try:
            # Said expressly, because it would inherit "read-only" from the main database.
            root.execute(f"ATTACH ':memory:' AS {REGISTERED} (READ_WRITE)")
        except BaseException:
            root.close()
            raise
        return root

    def _prepare(self, cursor: DuckDBPyConnection) -> None:
        for name, value in self._settings().items():
            cursor.execute(f"SET {quoted(name)} = {literal(value)}")
        # Views hide tables of the same name in the main database, where statements still create theirs.
        for table in sorted(self._tables):
            cursor.execute(f"CREATE TEMP VIEW {quoted(table)} AS FROM {REGISTERED}.main.{quoted(table)}")
        # A copy, since others may attach meanwhile.
        for table, reader in [*self._attached.items()]:
            made = f"CREATE OR REPLACE TEMP VIEW {quoted(table)} AS"
            try:
                cursor.execute(f"{made} FROM {reader}")
            except Exception as error:  # noqa: BLE001 each file system has its own
                # The files are gone or others: that is an error of the statements that ask for them only.
                told = f"the files of table {table} cannot be read any more: {error}"
                cursor.execute(f"{made} SELECT error({literal(told)})")


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"
