"""Versions of the tables as files of a storage.

A version is a file that names the Parquet files of its tables. Each is made once and
never changed, by the one who is first to make a file of its number: so several
processes can share the tables, and none ever sees half a version.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from floe_plugins import PluginError, StoragePlugin
from floe_reference_compute_datafusion._versions import ConcurrentChangeError, Table, Version

_log = logging.getLogger(__name__)

# Older ones are deleted; whoever is still reading one of them begins anew.
_KEPT = 3
_READING_TRIES = 5


class Files:
    """The versions in one folder of a storage. Only one thread may call ``save`` at a time."""

    def __init__(self, storage: StoragePlugin, folder: str) -> None:
        self._storage = storage
        self._folder = folder.strip("/")
        self._files: dict[int, tuple[Table, str]] = {}

    def newest(self) -> Version:
        """The newest version, with all its tables in memory.

        Raises:
            PluginError: its files are damaged.
        """
        for _ in range(_READING_TRIES):
            numbers = self._numbers()
            if not numbers:
                return Version()
            try:
                return self._read(numbers[-1])
            except FileNotFoundError:
                # Newer ones have come meanwhile, and this one has gone.
                continue
        raise PluginError(f"a file of {self._folder} is missing", hint="Restore the folder from a backup")

    def save(self, version: Version) -> None:
        """Save a version, or change nothing.

        Raises:
            ConcurrentChangeError: another process was faster.
        """
        written: list[str] = []
        try:
            tables = {name: self._place_of(name, table, written) for name, table in version.tables.items()}
            self._publish(version, tables)
        except BaseException:
            for place in written:
                self._storage.delete(place)
            raise
        # Each is known by the table itself, which is kept here so that no other takes its id.
        self._files = {id(table): (table, tables[name]) for name, table in version.tables.items()}
        try:
            self._delete_old(set(tables.values()))
        except (OSError, ValueError, KeyError) as error:
            # The version is there, so nothing has failed for who made it.
            _log.warning("old files in %s cannot be deleted: %s", self._folder, error)

    def _publish(self, version: Version, tables: dict[str, str]) -> None:
        content = {"tables": tables, "views": dict(version.views)}
        try:
            with self._storage.open(self._version(version.number), "xb") as file:
                file.write(json.dumps(content, indent=1).encode())
        except FileExistsError as error:
            message = f"{self._folder} has been changed by another process meanwhile"
            raise ConcurrentChangeError(message, hint="Call release(), then run it again") from error

    def _read(self, number: int) -> Version:
        import pyarrow as pa

        place = self._version(number)
        try:
            content = self._content(number)
            tables = {name: self._table(path) for name, path in content["tables"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
            raise PluginError(f"{place} or a file that it names is damaged: {error}") from error
        self._files = {id(table): (table, content["tables"][name]) for name, table in tables.items()}
        return Version(number, tables, content["views"])

    def _table(self, path: str) -> Table:
        import pyarrow.parquet as pq

        with self._storage.open(path) as file:
            return pq.read_table(file)

    def _place_of(self, name: str, table: Table, written: list[str]) -> str:
        known = self._files.get(id(table))
        if known is not None:
            return known[1]
        import pyarrow.parquet as pq

        # The name is for those who look into the folder; any other would do.
        readable = "".join(letter if letter.isalnum() else "_" for letter in name)[:50]
        path = f"{self._folder}/tables/{readable}-{uuid.uuid4().hex}.parquet"
        with self._storage.open(path, "xb") as file:
            pq.write_table(table, file)
        written.append(path)
        return path

    def _numbers(self) -> list[int]:
        found = self._storage.list(f"{self._folder}/versions/")
        return sorted(int(info.path.rpartition("/")[2].removesuffix(".json")) for info in found)

    def _version(self, number: int) -> str:
        return f"{self._folder}/versions/{number:010}.json"

    def _content(self, number: int) -> Mapping[str, Any]:
        with self._storage.open(self._version(number)) as file:
            content: Mapping[str, Any] = json.loads(file.read())
        return content

    def _delete_old(self, needed: set[str]) -> None:
        numbers = self._numbers()
        old = {number: set(self._content(number)["tables"].values()) for number in numbers[:-_KEPT]}
        for number in numbers[-_KEPT:]:
            needed |= set(self._content(number)["tables"].values())
        for number, places in old.items():
            for place in sorted(places - needed):
                self._storage.delete(place)
            self._storage.delete(self._version(number))
