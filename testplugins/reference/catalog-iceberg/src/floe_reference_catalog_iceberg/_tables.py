"""Iceberg tables and their namespaces. Imports PyIceberg, so it is imported when first used."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from sqlalchemy.exc import IntegrityError

from floe_plugins import PluginError
from floe_reference_catalog_iceberg import _arrow, _database

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import Table
    from sqlalchemy import URL

# Seconds: the longest wait before the second try of a commit; each further one may take twice as long, up to a limit.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0


class ClosingCatalog(SqlCatalog):
    """A catalog that closes its connections if its database cannot be used."""

    def __init__(self, name: str, **properties: str) -> None:
        try:
            super().__init__(name, **properties)
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise


class Tables:
    """The tables of one catalog. All methods are thread-safe."""

    def __init__(self, name: str, url: URL, properties: Mapping[str, str], commit_attempts: int) -> None:
        self.url = url
        self._attempts = commit_attempts
        _database.make_folder(url)
        with _database.translated(url):
            self._catalog = ClosingCatalog(name, **properties, uri=_database.full(url))

    def close(self) -> None:
        """Close the connections to the database."""
        self._catalog.engine.dispose()

    def make_namespace(self, namespace: str) -> bool:
        """Create a namespace; return whether it is new."""
        try:
            with self._asked(namespace):
                self._catalog.create_namespace(namespace)
        except (NamespaceAlreadyExistsError, IntegrityError):  # the latter if somebody else made it in between
            return False
        return True

    def make(self, identifier: str, schema: pa.Schema) -> Table:
        """Return a table, created if it is missing.

        Raises:
            LookupError: its namespace is missing.
            ValueError: it is there with another schema, or Iceberg has no such types.
        """
        try:
            with self._asked(identifier):
                # Looked for first: otherwise each call would write a file for a table that is there.
                if self._catalog.table_exists(identifier):
                    return self._of_schema(identifier, schema)
                return self._catalog.create_table(identifier, schema=schema)
        except TableAlreadyExistsError:  # made by somebody else in between
            with self._asked(identifier):
                return self._of_schema(identifier, schema)
        except _arrow.UNSUITABLE as error:
            raise ValueError(f"table {identifier!r} cannot have this schema: {error}") from error

    def write(self, identifier: str, rows: pa.Table, *, replace: bool) -> int:
        """Append rows or replace all rows; return the id of the new snapshot.

        Raises:
            PluginError: others changed the table at every try.
        """
        for attempt in range(self._attempts):
            if attempt:
                # Of different length, so that those who met do not meet again.
                time.sleep(random.uniform(0, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)))  # noqa: S311
            with self._asked(identifier), contextlib.suppress(CommitFailedException):
                return self._write(identifier, rows, replace=replace)
        message = f"table {identifier!r} was changed by others at each of {self._attempts} tries; nothing was written"
        raise PluginError(message, hint="Write fewer and larger pieces, or raise commit_attempts")

    def read(self, identifier: str, columns: Sequence[str] | None, limit: int | None) -> pa.Table:
        """Return the rows, in memory, readable any number of times."""
        with self._asked(identifier):
            table = self._catalog.load_table(identifier)
            there = [field.name for field in table.schema().fields]
            chosen = there if columns is None else [*columns]
            unknown = [name for name in chosen if name not in there]
            if unknown:
                raise ValueError(f"table {identifier!r} has no columns {unknown}: expected some of {there}")
            found = table.scan(selected_fields=tuple(chosen), limit=limit).to_arrow()
        # PyIceberg gives them in the table's order.
        return found.select(chosen)

    def names(self, namespace: str | None) -> list[str]:
        """List all tables, or those directly in one namespace."""
        if namespace is None:
            with self._asked("any"):
                namespaces = self._below(())
        else:
            namespaces = [tuple(namespace.split("."))]
        found: list[str] = []
        for name in namespaces:
            with self._asked(".".join(name)):
                found += (".".join(identifier) for identifier in self._catalog.list_tables(name))
        return found

    def drop(self, identifier: str, *, purge: bool) -> bool:
        """Drop a table; return whether it existed."""
        try:
            with _database.translated(self.url):
                if purge:
                    self._catalog.purge_table(identifier)
                else:
                    self._catalog.drop_table(identifier)
        except NoSuchTableError:
            return False
        return True

    def _write(self, identifier: str, rows: pa.Table, *, replace: bool) -> int:
        table = self._catalog.load_table(identifier)
        # Before PyIceberg does, which would print a drawing.
        misfit = _arrow.misfit(table, rows.schema)
        if misfit:
            raise ValueError(f"the rows do not fit table {identifier!r}: {misfit}")
        # There is nothing to replace before the first snapshot, and PyIceberg would warn of that.
        if replace and table.current_snapshot() is not None:
            table.overwrite(rows)
        else:
            table.append(rows)
        snapshot = table.current_snapshot()
        if snapshot is None:
            raise PluginError(f"table {identifier!r} has no snapshot after a write")
        return snapshot.snapshot_id

    def _of_schema(self, identifier: str, schema: pa.Schema) -> Table:
        table = self._catalog.load_table(identifier)
        different = _arrow.difference(table, schema)
        if different:
            raise ValueError(f"it is there with another one: {different}")
        return table

    def _below(self, namespace: tuple[str, ...]) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for child in self._catalog.list_namespaces(namespace):
            found += [tuple(child), *self._below(tuple(child))]
        return found

    @contextlib.contextmanager
    def _asked(self, what: str) -> Generator[None, None, None]:
        try:
            with _database.translated(self.url):
                yield
        except NoSuchNamespaceError as error:
            raise LookupError(f"there is no namespace for {what!r} in the catalog") from error
        except NoSuchTableError as error:
            raise LookupError(f"there is no table {what!r} in the catalog") from error
