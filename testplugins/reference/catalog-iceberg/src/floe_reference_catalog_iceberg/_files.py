"""The files of a table: written a part at a time, and deleted once no snapshot needs them. Imports PyIceberg."""

from __future__ import annotations

import itertools
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.table.update import RemoveSnapshotsUpdate

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.snapshots import Snapshot

logger = logging.getLogger("floe_reference_catalog_iceberg")

LIMITS = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}
"""What keeps a table's metadata files from becoming more with each commit."""

_WRITE = "floe.write"


class Written:
    """Data files of rows that come a part at a time; no table knows them yet."""

    def __init__(self, table: Table, pages: Iterable[pa.Table]) -> None:
        self.files: list[DataFile] = []
        self._io = table.io
        self._name = name = uuid.uuid4()
        counter = itertools.count()
        try:
            for page in pages:
                self.files += _dataframe_to_data_files(table.metadata, page, table.io, name, counter)
        except BaseException:
            self.discard()
            raise

    def commit(self, table: Table, *, replace: bool, keep: int) -> set[str]:
        """Append the files to the table, or put them in the place of all others, in one commit.

        Returns:
            the files of snapshots that the table has no more.
        """

        def put(change: Transaction) -> None:
            # There is nothing to replace before the first snapshot, and PyIceberg would warn of that.
            if replace and table.current_snapshot() is not None:
                change.delete(AlwaysTrue())
            with change.update_snapshot({_WRITE: str(self._name)}).fast_append() as append:
                for file in self.files:
                    append.append_data_file(file)

        return _commit(table, put, keep)

    def is_in(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot is that of the commit."""
        return snapshot.summary is not None and snapshot.summary[_WRITE] == str(self._name)

    def discard(self) -> None:
        """Delete the files, which no table needs."""
        for file in self.files:
            delete(self._io, file.file_path)


def is_scattered(table: Table, small: int) -> bool:
    """Whether there are several small files that could be one: of the same partition, or without one."""
    found = Counter(
        (task.file.spec_id, task.file.partition)
        for task in table.scan().plan_files()
        if task.file.file_size_in_bytes < small
    )
    return any(count > 1 for count in found.values())


def add(table: Table, uris: Iterable[str], keep: int) -> set[str]:
    """Add Parquet files where they are, in one commit; return the files of snapshots that the table has no more.

    Raises:
        ValueError: a file is in the table already, or PyIceberg cannot take it.
    """
    try:
        return _commit(table, lambda change: change.add_files([*uris]), keep)
    except NotImplementedError as error:
        raise ValueError(f"the files cannot be added: {error}") from error


def expire(table: Table, keep: int) -> tuple[int, set[str]]:
    """Forget all but the newest snapshots; return how many, and the files that only they needed."""
    with _transaction(table) as change:
        expired = _expire(change, keep)
    return len(expired), _unneeded(table, expired)


def _transaction(table: Table) -> Transaction:
    # Not stored with the table. PyIceberg from 0.12 on would commit again by itself if others came first,
    # with snapshots to remove that those others may have removed; our callers begin anew with what is there.
    table.metadata.properties["commit.retry.num-retries"] = "0"
    return table.transaction()


def _commit(table: Table, put: Callable[[Transaction], None], keep: int) -> set[str]:
    with _transaction(table) as change:
        missing: dict[str, Any] = {name: value for name, value in LIMITS.items() if name not in table.properties}
        if missing:
            change.set_properties(**missing)
        put(change)
        expired = _expire(change, keep)
    return _unneeded(table, expired)


def _unneeded(table: Table, expired: Iterable[Snapshot]) -> set[str]:
    kept = set(itertools.chain.from_iterable(_paths(each, table) for each in table.snapshots()))
    return {path for each in expired for path in _paths(each, table)} - kept


def _expire(change: Transaction, keep: int) -> list[Snapshot]:
    """Remove all but the newest snapshots, and those that a branch or a tag names."""
    metadata = change.table_metadata
    named = {ref.snapshot_id for ref in metadata.refs.values()}
    newest = sorted(metadata.snapshots, key=lambda each: each.sequence_number or 0, reverse=True)
    expired = [each for each in newest[keep:] if each.snapshot_id not in named]
    if expired:
        named_so = {"action": "remove-snapshots", "snapshot-ids": [each.snapshot_id for each in expired]}
        change._apply((RemoveSnapshotsUpdate.model_validate(named_so),))
    return expired


def _paths(snapshot: Snapshot, table: Table) -> Iterator[str]:
    yield snapshot.manifest_list
    for manifest in snapshot.manifests(table.io):
        yield manifest.manifest_path
        yield from (entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io))


def delete(io: Any, path: str) -> None:
    """Delete a file; one that cannot be is left, and logged."""
    try:
        io.delete(path)
    except FileNotFoundError:
        pass
    except Exception as error:  # noqa: BLE001 each storage has its own
        logger.warning("%s is not needed any more and cannot be deleted: %s", path, error)


def orphans(table: Table, found: Iterable[str]) -> set[str]:
    """Those of the files that neither the table nor any of its snapshots knows."""
    known = set(itertools.chain.from_iterable(_paths(each, table) for each in table.snapshots()))
    known |= {table.metadata_location, *(each.metadata_file for each in table.metadata.metadata_log)}
    return {path for path in found if path not in known}
