"""A correct catalog of API 1.1 keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import nanoarrow
from conformance_suite import OPERATORS, RulesOfNewerApi
from testing.conformance.test_catalog import Shelf, ShelfConformance, namespace_of, stream, types_of

from floe_plugins.hookspecs import Column, Snapshot, TableInfo
from floe_plugins.testing.conformance.samples import arrow


class NewShelf(Shelf):
    """The catalog with the hooks of API 1.1. Its files are of JSON, whatever they are called."""

    floe_api_version = "1.1"

    def startup(self):
        super().startup()
        self.history: dict[str, list[tuple[int, list[dict[str, Any]]]]] = {}
        self.taken: set[str] = set()
        self.snapshots = itertools.count(next(self.snapshots))

    def commit(self, identifier, rows):
        snapshot = super().commit(identifier, rows)
        self.history.setdefault(identifier, []).append((snapshot, rows))
        return snapshot

    def known(self, identifier):
        namespace_of(identifier)
        return self.found(identifier)

    def load_table(self, identifier):
        table = self.known(identifier)
        columns = tuple(Column(name, kind) for name, kind in table.types.items())
        snapshots = tuple(Snapshot(snapshot, float(snapshot)) for snapshot, _ in self.history.get(identifier, []))
        ref = self.ensure_table(identifier, arrow.schema_of(stream([*table.types], table.types, [])))
        return TableInfo(ref, columns, snapshots, rows=len(table.rows))

    def scan(self, identifier, columns=None, filters=(), snapshot_id=None, limit=None):
        table = self.known(identifier)
        if not set(columns or ()) <= table.types.keys():
            raise ValueError(columns)
        self.check_scan(table, filters, limit)
        rows = [row for row in self.rows_at(identifier, snapshot_id) if self.keeps(row, filters)]
        return stream([*table.types] if columns is None else [*columns], table.types, self.limited(rows, limit))

    def check_scan(self, table, filters, limit):
        if limit is not None and limit < 0:
            raise ValueError(limit)
        for each in filters:
            if each.column not in table.types or each.operator not in OPERATORS:
                raise ValueError(each)
            if each.operator == "in" and not isinstance(each.value, list):
                raise ValueError(each)
            values = each.value if each.operator == "in" else [each.value]
            kind = str if table.types[each.column] == "STRING" else int
            if not all(isinstance(value, kind) for value in values):
                raise ValueError(each)

    def rows_at(self, identifier, snapshot_id):
        if snapshot_id is None:
            return self.found(identifier).rows
        for snapshot, rows in self.history.get(identifier, []):
            if snapshot == snapshot_id:
                return rows
        raise LookupError(snapshot_id)

    def keeps(self, row, filters):
        return all(OPERATORS[each.operator](row[each.column], each.value) for each in filters)

    def limited(self, rows, limit):
        return rows[:limit]

    def evolve_schema(self, identifier, schema):
        table = self.known(identifier)
        is_stream = hasattr(schema, "__arrow_c_stream__")
        types = types_of(nanoarrow.ArrayStream(schema).schema if is_stream else nanoarrow.Schema(schema))
        self.check_types(table, types)
        return self.evolved(identifier, {**table.types, **types})

    def check_types(self, table, types):
        if any(table.types.get(name, kind) != kind for name, kind in types.items()):
            raise ValueError(types)

    def evolved(self, identifier, types):
        table = self.found(identifier)
        rows = [{name: row.get(name) for name in types} for row in table.rows]
        self.tables[identifier] = attrs.evolve(table, types=types, rows=rows)
        return self.load_table(identifier).ref

    def commit_files(self, identifier, uris):
        table = self.known(identifier)
        self.check_taken(uris)
        rows = [row for uri in uris for row in self.of_file(table, uri)]
        snapshot = self.commit(identifier, [*table.rows, *rows])
        self.taken.update(uris)
        return snapshot

    def check_taken(self, uris):
        if self.taken.intersection(uris):
            raise ValueError(uris)

    def of_file(self, table, uri):
        place = Path(unquote(urlsplit(uri).path))
        if not place.is_file():
            raise ValueError(uri)
        rows = json.loads(place.read_text(encoding="utf-8"))
        if any(row.keys() != table.types.keys() for row in rows):
            raise ValueError(uri)
        return rows

    def expire_snapshots(self, identifier, keep=1):
        self.check_keep(keep)
        self.known(identifier)
        found = self.history.get(identifier, [])
        forgotten = found[:-keep] if keep else found
        self.history[identifier] = found[len(forgotten) :]
        return len(forgotten)

    def check_keep(self, keep):
        if keep < 1:
            raise ValueError(keep)


class NewConformance(ShelfConformance):
    plugin = NewShelf

    def settings(self) -> Mapping[str, Any]:
        return {"path": str(self.scratch / "shelf.json")}

    def parquet(self, name: str, kind: str = "items") -> str:
        made = {"items": [{"n": 7, "t": "text 7"}], "others": [{"other": "x"}]}
        file = self.scratch / name
        file.write_text(json.dumps(made[kind]) if kind in made else "broken", encoding="utf-8")
        return file.as_uri()


class DescribesLists(NewShelf):
    def load_table(self, identifier):
        found = super().load_table(identifier)
        return attrs.evolve(found, columns=list(found.columns))


class NewestFirst(NewShelf):
    def load_table(self, identifier):
        found = super().load_table(identifier)
        return attrs.evolve(found, snapshots=found.snapshots[::-1])


class CountsAll(NewShelf):
    def load_table(self, identifier):
        rows = sum(len(rows) for _, rows in self.history.get(identifier, []))
        return attrs.evolve(super().load_table(identifier), rows=rows)


class DescribesAnything(NewShelf):
    def load_table(self, identifier):
        if identifier.endswith(".missing"):
            raise ValueError(identifier)
        return super().load_table(identifier)


class ScansAList(NewShelf):
    def scan(self, identifier, columns=None, filters=(), snapshot_id=None, limit=None):
        found = super().scan(identifier, columns, filters, snapshot_id, limit)
        return found if columns or filters or snapshot_id or limit is not None else arrow.rows(found)


class ScansInItsOrder(NewShelf):
    def scan(self, identifier, columns=None, filters=(), snapshot_id=None, limit=None):
        return super().scan(identifier, columns and sorted(columns), filters, snapshot_id, limit)


class MeetsOneFilter(NewShelf):
    def keeps(self, row, filters):
        return super().keeps(row, filters[:1])


class ScansTheNewest(NewShelf):
    def rows_at(self, identifier, snapshot_id):
        super().rows_at(identifier, snapshot_id)
        return self.found(identifier).rows


class MissingIsEmpty(NewShelf):
    def rows_at(self, identifier, snapshot_id):
        try:
            return super().rows_at(identifier, snapshot_id)
        except LookupError:
            return []


class ZeroIsAll(NewShelf):
    def limited(self, rows, limit):
        return rows[: limit or None]


class FiltersByAnything(NewShelf):
    def check_scan(self, table, filters, limit):
        super().check_scan(table, [each for each in filters if each.operator != "like"], limit)

    def keeps(self, row, filters):
        return super().keeps(row, [each for each in filters if each.operator != "like"])


class Late:
    """A stream that is made when it is read."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.make().__arrow_c_stream__(requested_schema)


class ChecksColumnsLate(NewShelf):
    def scan(self, identifier, columns=None, filters=(), snapshot_id=None, limit=None):
        scan = super().scan
        if not set(columns or ()) <= self.known(identifier).types.keys():
            return Late(lambda: scan(identifier, columns, filters, snapshot_id, limit))
        return scan(identifier, columns, filters, snapshot_id, limit)


class ScansAnything(NewShelf):
    def scan(self, identifier, columns=None, filters=(), snapshot_id=None, limit=None):
        if identifier.endswith(".missing"):
            raise ValueError(identifier)
        return super().scan(identifier, columns, filters, snapshot_id, limit)


class AddsWithValues(NewShelf):
    def evolved(self, identifier, types):
        found = super().evolved(identifier, types)
        for row in self.found(identifier).rows:
            row.update({name: "" for name, value in row.items() if value is None})
        return found


class RemovesColumns(NewShelf):
    def evolve_schema(self, identifier, schema):
        found = super().evolve_schema(identifier, schema)
        if hasattr(schema, "__arrow_c_stream__"):
            self.evolved(identifier, {"more": "STRING"})
        return found


class NarrowsTypes(NewShelf):
    def check_types(self, table, types):
        try:
            super().check_types(table, types)
        except ValueError:
            table.types["more"] = "STRING"
            raise


class ChangesAnything(NewShelf):
    def evolve_schema(self, identifier, schema):
        if identifier.endswith(".missing"):
            raise ValueError(identifier)
        return super().evolve_schema(identifier, schema)


class SaysNothingOfFiles(NewShelf):
    def commit_files(self, identifier, uris):
        return super().commit_files(identifier, uris) - 1


class TakesFilesOneByOne(NewShelf):
    def commit_files(self, identifier, uris):
        for uri in uris:
            made = super().commit_files(identifier, [uri])
        return made


class TakesFilesTwice(NewShelf):
    def check_taken(self, uris):
        pass


class TakesFilesAnywhere(NewShelf):
    def commit_files(self, identifier, uris):
        if identifier.endswith(".missing"):
            raise ValueError(identifier)
        return super().commit_files(identifier, uris)


class CountsWhatItKeeps(NewShelf):
    def expire_snapshots(self, identifier, keep=1):
        super().expire_snapshots(identifier, keep)
        return keep


class ForgetsRows(NewShelf):
    def expire_snapshots(self, identifier, keep=1):
        found = super().expire_snapshots(identifier, keep)
        table = self.found(identifier)
        self.tables[identifier] = attrs.evolve(table, rows=table.rows[found:])
        return found


class KeepsNothing(NewShelf):
    def check_keep(self, keep):
        if keep < 0:
            raise ValueError(keep)


class ExpiresAnything(NewShelf):
    def expire_snapshots(self, identifier, keep=1):
        return 0 if identifier.endswith(".missing") else super().expire_snapshots(identifier, keep)


FAULTY: dict[str, type[Any]] = {
    "test_a_table_is_described": DescribesLists,
    "test_snapshots_are_told_oldest_first": NewestFirst,
    "test_statistics_are_those_of_the_current_snapshot": CountsAll,
    "test_a_missing_table_is_not_described": DescribesAnything,
    "test_a_scan_is_a_stream_of_the_rows": ScansAList,
    "test_columns_are_scanned_in_their_order": ScansInItsOrder,
    "test_filters_are_met": MeetsOneFilter,
    "test_an_older_snapshot_is_scanned": ScansTheNewest,
    "test_a_missing_snapshot_is_an_error": MissingIsEmpty,
    "test_a_scan_is_limited": ZeroIsAll,
    "test_an_invalid_scan_is_refused": FiltersByAnything,
    "test_an_invalid_scan_is_refused_before_its_stream_is_read": ChecksColumnsLate,
    "test_a_missing_table_is_not_scanned": ScansAnything,
    "test_columns_are_added": AddsWithValues,
    "test_no_column_is_removed": RemovesColumns,
    "test_types_that_do_not_hold_the_values_are_refused": NarrowsTypes,
    "test_a_missing_table_does_not_change": ChangesAnything,
    "test_files_are_added_in_one_commit": SaysNothingOfFiles,
    "test_files_that_do_not_fit_are_refused": TakesFilesOneByOne,
    "test_a_file_is_added_once": TakesFilesTwice,
    "test_a_missing_table_takes_no_files": TakesFilesAnywhere,
    "test_snapshots_are_forgotten": CountsWhatItKeeps,
    "test_rows_are_kept_when_snapshots_are_forgotten": ForgetsRows,
    "test_one_snapshot_is_kept_at_least": KeepsNothing,
    "test_a_missing_table_has_no_snapshots": ExpiresAnything,
}


class TestTables(RulesOfNewerApi):
    new = NewConformance
    old = ShelfConformance
    faulty = FAULTY
