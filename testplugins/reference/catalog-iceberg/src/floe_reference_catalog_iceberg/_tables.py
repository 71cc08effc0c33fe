"""Iceberg tables and their namespaces. Imports PyIceberg, so it is imported when first used."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import attrs
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow
from sqlalchemy.exc import IntegrityError

from floe_plugins import PluginError
from floe_reference_catalog_iceberg import _arrow, _database
from floe_reference_catalog_iceberg._files import LIMITS, Written, delete, orphans

if TYPE_CHECKING:
    from pyiceberg.table import DataScan, Table
    from sqlalchemy import URL

    from floe_plugins import StoragePlugin
    from floe_plugins.hookspecs.protocols import ArrowStream

# Seconds: the longest wait before the second try of a commit; each further one may take twice as long, up to a limit.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# What of a table is read into memory at once: bytes in files, and rows, since files are compressed.
FEW_BYTES, FEW_ROWS = 16 * 1024 * 1024, 100_000


@attrs.frozen
class Rows:
    """The rows of one snapshot, read from its files by each who asks for them, a part at a time."""

    scan: DataScan
    columns: Sequence[str]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        schema = schema_to_pyarrow(self.scan.projection())
        rows = pa.RecordBatchReader.from_batches(schema, self._batches()).cast(schema)
        ordered = pa.schema([schema.field(name) for name in self.columns])
        rows = pa.RecordBatchReader.from_batches(ordered, (batch.select([*self.columns]) for batch in rows))
        return rows.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        scan, left = self.scan, self.scan.limit
        # One file after another: PyIceberg would have all of them in memory at once.
        for task in scan.plan_files():
            if left == 0:
                return
            reader = ArrowScan(
                scan.table_metadata, scan.io, scan.projection(), scan.row_filter, scan.case_sensitive, left
            )
            for batch in reader.to_record_batches([task]):
                left = None if left is None else left - batch.num_rows
                yield batch


class ClosingCatalog(SqlCatalog):
    """A catalog that closes its connections if its database cannot be used."""

    def __init__(self, name: str, **properties: str) -> None:
        try:
            super().__init__(name, **properties)
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise


@attrs.frozen
class Policy:
    """How tables are changed.

    Attributes:
        attempts: how often a commit is tried.
        evolve: whether a schema with further columns adds them to the table.
        keep: how many snapshots a table keeps.
        orphan_age: seconds after which a file that no snapshot needs is deleted.
    """

    attempts: int
    evolve: bool
    keep: int
    orphan_age: float


class Tables:
    """The tables of one catalog. All methods are thread-safe."""

    def __init__(self, name: str, url: URL, properties: Mapping[str, str], policy: Policy) -> None:
        self.url = url
        self._policy = policy
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
                return self._catalog.create_table(identifier, schema=schema, properties=LIMITS)
        except TableAlreadyExistsError:  # made by somebody else in between
            with self._asked(identifier):
                return self._of_schema(identifier, schema)
        except _arrow.UNSUITABLE as error:
            raise ValueError(f"table {identifier!r} cannot have this schema: {error}") from error

    def write(self, identifier: str, schema: pa.Schema, pages: Iterator[pa.Table], *, replace: bool) -> int:
        """Append rows or replace all rows; return the id of the new snapshot.

        Raises:
            PluginError: others changed the table at every try.
        """
        with self._asked(identifier):
            written = Written(self._fitting(identifier, schema), pages)
        try:
            return self._committed(identifier, schema, written, replace=replace)
        except BaseException:
            written.discard()
            raise

    def _committed(self, identifier: str, schema: pa.Schema, written: Written, *, replace: bool) -> int:
        attempts = self._policy.attempts
        for attempt in range(attempts):
            if attempt:
                # Of different length, so that those who met do not meet again.
                time.sleep(random.uniform(0, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)))  # noqa: S311
            with self._asked(identifier), contextlib.suppress(CommitFailedException):
                table = self._fitting(identifier, schema)
                unused = written.commit(table, replace=replace, keep=self._policy.keep)
                snapshot = table.current_snapshot()
                if snapshot is None:
                    raise PluginError(f"table {identifier!r} has no snapshot after a write")
                for path in unused:
                    delete(table.io, path)
                return snapshot.snapshot_id
        message = f"table {identifier!r} was changed by others at each of {attempts} tries; nothing was written"
        raise PluginError(message, hint="Write fewer and larger pieces, or raise commit_attempts")

    def clean(self, identifier: str, storage: StoragePlugin) -> None:
        """Delete files in the table's folder that no snapshot needs, such as those of a process that died."""
        with self._asked(identifier):
            table = self._catalog.load_table(identifier)
            root = storage.uri("any").removesuffix("any")
            folder = table.location().removeprefix(root).strip("/") + "/"
            old = datetime.now(timezone.utc) - timedelta(seconds=self._policy.orphan_age)
            found = [root + file.path for file in storage.list(folder) if file.modified and file.modified < old]
            for path in orphans(table, found):
                delete(table.io, path)

    def read(self, identifier: str, columns: Sequence[str] | None, limit: int | None) -> ArrowStream:
        """Return the rows of the current snapshot, readable any number of times; few are in memory."""
        with self._asked(identifier):
            table = self._catalog.load_table(identifier)
            there = [field.name for field in table.schema().fields]
            chosen = there if columns is None else [*columns]
            unknown = [name for name in chosen if name not in there]
            if unknown:
                raise ValueError(f"table {identifier!r} has no columns {unknown}: expected some of {there}")
            scan = table.scan(selected_fields=tuple(chosen), limit=limit)
            files = [task.file for task in scan.plan_files()]
            size, count = sum(file.file_size_in_bytes for file in files), sum(file.record_count for file in files)
            if size > FEW_BYTES or count > FEW_ROWS:
                return Rows(scan, chosen)
            # PyIceberg gives them in the table's order.
            table_in_memory: ArrowStream = scan.to_arrow().select(chosen)
            return table_in_memory

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

    def _fitting(self, identifier: str, schema: pa.Schema) -> Table:
        table = self._catalog.load_table(identifier)
        # Before PyIceberg does, which would print a drawing.
        misfit = _arrow.misfit(table, schema)
        if misfit:
            raise ValueError(f"the rows do not fit table {identifier!r}: {misfit}")
        return table

    def _of_schema(self, identifier: str, schema: pa.Schema) -> Table:
        table = self._catalog.load_table(identifier)
        if self._policy.evolve and _arrow.is_wider(table, schema):
            with table.update_schema() as change:
                change.union_by_name(schema)
        different = _arrow.difference(table, schema, evolve=self._policy.evolve)
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
