"""Iceberg tables and their namespaces. Imports PyIceberg, so it is imported when first used."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

import attrs
import pyarrow as pa
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationError,
)

from floe_plugins import PluginError, PluginUnavailableError
from floe_reference_catalog_iceberg import _arrow
from floe_reference_catalog_iceberg._backend import Backend, TakenError, UnknownOutcomeError
from floe_reference_catalog_iceberg._files import LIMITS, Written, add, delete, expire, is_scattered, orphans
from floe_reference_catalog_iceberg._partitions import repartition
from floe_reference_catalog_iceberg._scans import Rows, Wanted, rows_of

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from floe_plugins import StoragePlugin
    from floe_plugins.hookspecs.protocols import ArrowStream

T = TypeVar("T")

# Seconds: the longest wait before the second try of a commit; each further one may take twice as long, up to a limit.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# What of a table is read into memory at once: bytes in files, and rows, since files are compressed.
FEW_BYTES, FEW_ROWS = 16 * 1024 * 1024, 100_000


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

    def __init__(self, name: str, backend: Backend, properties: Mapping[str, str], policy: Policy) -> None:
        self.backend = backend
        self._policy = policy
        self._root = properties["warehouse"]
        self._catalog = backend.open(name, properties)

    def close(self) -> None:
        """Close the connections to the backend."""
        self.backend.close(self._catalog)

    def make_namespace(self, namespace: str) -> bool:
        """Create a namespace; return whether it is new."""
        try:
            with self._asked(namespace):
                self._catalog.create_namespace(namespace)
        except (NamespaceAlreadyExistsError, TakenError):  # the latter if somebody else made it in between
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
                location = "/".join([self._root.rstrip("/"), *identifier.split(".")])
                return self._catalog.create_table(identifier, schema, location, properties=LIMITS)
        except (TableAlreadyExistsError, TakenError):  # made by somebody else in between
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
        except UnknownOutcomeError as error:
            # Its files stay where they are: the table may have them.
            with contextlib.suppress(PluginUnavailableError):
                for snapshot in self.table(identifier).snapshots():
                    if written.is_in(snapshot):
                        return snapshot.snapshot_id
            message = f"{error}; whether {identifier!r} has the rows is not known"
            raise UnknownOutcomeError(message, hint="Look at its snapshots before you write them again") from None
        except BaseException:
            written.discard()
            raise

    def _committed(self, identifier: str, schema: pa.Schema, written: Written, *, replace: bool) -> int:
        def once() -> tuple[Table, set[str]]:
            table = self._fitting(identifier, schema)
            return table, written.commit(table, replace=replace, keep=self._policy.keep)

        return self._snapshot_of(identifier, *self._tried(identifier, once))

    def _snapshot_of(self, identifier: str, table: Table, unused: set[str]) -> int:
        snapshot = table.current_snapshot()
        if snapshot is None:
            raise PluginError(f"table {identifier!r} has no snapshot after a write")
        for path in unused:
            delete(table.io, path)
        return snapshot.snapshot_id

    def _tried(self, identifier: str, once: Callable[[], T]) -> T:
        attempts = self._policy.attempts
        for attempt in range(attempts):
            if attempt:
                # Of different length, so that those who met do not meet again.
                time.sleep(random.uniform(0, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)))  # noqa: S311
            with self._asked(identifier), contextlib.suppress(CommitFailedException):
                return once()
        message = f"table {identifier!r} was changed by others at each of {attempts} tries; nothing was written"
        raise PluginError(message, hint="Write fewer and larger pieces, or raise commit_attempts")

    def add(self, identifier: str, uris: Sequence[str]) -> int:
        """Add Parquet files where they are, in one commit; return the id of the new snapshot.

        Raises:
            ValueError: a file is not there, is in the table already, or does not fit.
            PluginError: others changed the table at every try.
        """

        def once() -> tuple[Table, set[str]]:
            table = self.table(identifier)
            for uri in uris:
                self._fits(identifier, table, _arrow.schema_of_file(table.io, uri), f"the rows of {uri}")
            return table, add(table, uris, self._policy.keep)

        return self._snapshot_of(identifier, *self._tried(identifier, once))

    def evolve(self, identifier: str, schema: pa.Schema) -> Table:
        """Add the columns that the table lacks, and widen those that are wider in the schema.

        Raises:
            ValueError: a type would have to change to one that does not hold its values.
            PluginError: others changed the table at every try.
        """

        def once() -> Table:
            table = self.table(identifier)
            there = {field.name for field in table.schema().fields}
            # Rows that are there have no values in new columns.
            wanted = pa.schema([each if each.name in there else each.with_nullable(True) for each in schema])  # noqa: FBT003
            with table.update_schema() as change:
                change.union_by_name(wanted)
            return table

        try:
            return self._tried(identifier, once)
        except (ValidationError, *_arrow.UNSUITABLE) as error:
            raise ValueError(f"table {identifier!r} cannot get this schema: {error}") from error

    def expire(self, identifier: str, keep: int) -> int:
        """Forget all but the newest snapshots, and delete what only they needed; return how many were forgotten."""

        def once() -> tuple[Table, int, set[str]]:
            table = self.table(identifier)
            return table, *expire(table, keep)

        table, count, unused = self._tried(identifier, once)
        for path in unused:
            delete(table.io, path)
        return count

    def partition(self, identifier: str, by: Sequence[str]) -> Table:
        """Partition the files that are written from now on.

        Raises:
            ValueError: there is no such column, or no such transform of it.
            PluginError: others changed the table at every try.
        """

        def once() -> Table:
            table = self.table(identifier)
            repartition(table, by)
            return table

        try:
            return self._tried(identifier, once)
        except (ValidationError, *_arrow.UNSUITABLE) as error:
            raise ValueError(f"table {identifier!r} cannot be partitioned by {', '.join(by)}: {error}") from error

    def compact(self, identifier: str) -> int:
        """Write all rows anew, if there are several small files; return the id of the snapshot with them, or 0.

        Raises:
            PluginError: others changed the table meanwhile.
        """
        table = self.table(identifier)
        snapshot = table.current_snapshot()
        if snapshot is None or not is_scattered(table, FEW_BYTES):
            return 0 if snapshot is None else snapshot.snapshot_id
        _, pages = _arrow.pages_of(rows_of(identifier, table, Wanted()))
        with self._asked(identifier):
            written = Written(table, pages)
        try:
            # The table as it was read: whatever was committed since then makes this fail.
            with self._asked(identifier):
                unused = written.commit(table, replace=True, keep=self._policy.keep)
        except UnknownOutcomeError:
            # Its files stay where they are: the table may have them.
            raise
        except CommitFailedException as error:
            written.discard()
            message = f"table {identifier!r} was changed by others while it was compacted"
            raise PluginError(message, hint="Try again when fewer write to it") from error
        except BaseException:
            written.discard()
            raise
        return self._snapshot_of(identifier, table, unused)

    def table(self, identifier: str) -> Table:
        """Return a table as it is now.

        Raises:
            LookupError: there is none.
        """
        with self._asked(identifier):
            return self._catalog.load_table(identifier)

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
            rows = rows_of(identifier, self._catalog.load_table(identifier), Wanted(columns, limit=limit))
            files = [task.file for task in rows.scan.plan_files()]
            size, count = sum(file.file_size_in_bytes for file in files), sum(file.record_count for file in files)
            if size > FEW_BYTES or count > FEW_ROWS:
                return rows
            # PyIceberg gives them in the table's order.
            table_in_memory: ArrowStream = rows.scan.to_arrow().select([*rows.columns])
            return table_in_memory

    def scan(self, identifier: str, wanted: Wanted) -> Rows:
        """Return the rows that are wanted, a part at a time."""
        return rows_of(identifier, self.table(identifier), wanted)

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
            with self.backend.translated():
                if purge:
                    self._catalog.purge_table(identifier)
                else:
                    self._catalog.drop_table(identifier)
        except NoSuchTableError:
            return False
        return True

    def _fitting(self, identifier: str, schema: pa.Schema) -> Table:
        table = self._catalog.load_table(identifier)
        self._fits(identifier, table, schema, "the rows")
        return table

    def _fits(self, identifier: str, table: Table, schema: pa.Schema, rows: str) -> None:
        # Before PyIceberg does, which would print a drawing.
        misfit = _arrow.misfit(table, schema)
        if misfit:
            raise ValueError(f"{rows} do not fit table {identifier!r}: {misfit}")

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
            with self.backend.translated():
                yield
        except NoSuchNamespaceError as error:
            raise LookupError(f"there is no namespace for {what!r} in the catalog") from error
        except NoSuchTableError as error:
            raise LookupError(f"there is no table {what!r} in the catalog") from error
