"""The rules for catalogs of API 1.1: what they tell of tables, scans, changed schemas, files and snapshots."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from floe_plugins.hookspecs.catalog import Column, RowFilter, Snapshot, TableInfo, TableRef
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.testing.conformance.parts.catalog_writes import WriteRules, items
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.arrow import OneTimeStream, columns, rows, schema_of, table

_LOAD = """
def load_table(self, identifier):
    found = self._found(identifier)  # raises ValueError and LookupError
    return TableInfo(
        TableRef(identifier, found.location, found.snapshot_id),
        columns=tuple(Column(name, kind) for name, kind in found.types.items()),
        snapshots=tuple(Snapshot(each.id, each.time) for each in found.snapshots),  # oldest first
    )
"""
_SCAN = """
def scan(self, identifier, columns=None, filters=(), snapshot_id=None, limit=None):
    found = self._found(identifier)  # raises ValueError and LookupError
    self._check(found, columns, filters, limit)  # raises ValueError
    snapshot = found.current if snapshot_id is None else found.snapshot(snapshot_id)  # raises LookupError
    return snapshot.scan(columns, filters, limit)
"""
_EVOLVE = """
def evolve_schema(self, identifier, schema):
    found = self._found(identifier)  # raises ValueError and LookupError
    new = {name: kind for name, kind in self._types(schema).items() if found.types.get(name) != kind}
    if not all(self._is_wider(found.types.get(name), kind) for name, kind in new.items()):
        raise ValueError("a type would not hold the values that are there")
    return self._commit(identifier, types={**found.types, **new})
"""
_FILES = """
def commit_files(self, identifier, uris):
    found = self._found(identifier)  # raises ValueError and LookupError
    for uri in uris:
        self._check_file(found, uri)  # raises ValueError: missing, there already, or of another schema
    return self._commit(identifier, files=[*found.files, *uris])
"""
_EXPIRE = """
def expire_snapshots(self, identifier, keep=1):
    if keep < 1:
        raise ValueError(f"keep is {keep}: at least one snapshot has to be kept")
    found = self._found(identifier)  # raises ValueError and LookupError
    return self._forget(found.snapshots[:-keep])
"""
_FILTERS: dict[str, tuple[object, list[int]]] = {
    "=": (2, [2]),
    "!=": (2, [1, 3, 4]),
    "<": (3, [1, 2]),
    "<=": (3, [1, 2, 3]),
    ">": (2, [3, 4]),
    ">=": (2, [2, 3, 4]),
    "in": ([1, 4], [1, 4]),
}


class TableRules(WriteRules):
    """The rules for the hooks of API 1.1, for catalogs that have them."""

    def parquet(self, name: str, kind: str = "items") -> str:
        """Write a Parquet file where the catalog can read it, and return its URI.

        Of the kind ``items`` it has the columns ``n``, whole numbers of 64 bits, and ``t``, texts, and the row 7 and
        ``text 7``; of the kind ``others`` a column ``other`` of texts alone; of the kind ``broken`` it is a text. Rules
        that need it are left out if it is not overridden.
        """
        del name, kind
        self.skip("it is not known how to write Parquet files: override 'parquet'")

    @contextmanager
    def having(self, hook: str) -> Generator[Any, None, None]:
        """Give the plugin with the table, if it implements a hook."""
        self.needs(hook)
        with self.made() as plugin:
            yield plugin

    def _refuses_tables(self, hook: str, *arguments: Any) -> None:
        with self.having(hook) as plugin:
            called: Callable[..., Any] = getattr(plugin, hook)
            for identifier in self.bad_tables:
                with self.raises(ValueError, f"{hook}({identifier!r})"):
                    called(identifier, *arguments)
            with self.raises(LookupError, f"{hook}() of a table that is missing"):
                called(f"{self.namespace}.missing", *arguments)

    def _scanned(self, plugin: Any, **options: Any) -> list[int]:
        return sorted(row["n"] for row in rows(plugin.scan(self.identifier, **options)))

    @rule(_LOAD)
    def test_a_table_is_described(self) -> None:
        """``load_table`` returns a ``TableInfo``: the table, and a tuple of its columns in order."""
        with self.having("load_table") as plugin:
            plugin.append(self.identifier, items(1))
            found = plugin.load_table(self.identifier)
            self.expect(isinstance(found, TableInfo), f"load_table() returned {shown(found)}")
            same = found.ref == plugin.ensure_table(self.identifier, schema_of(items(0)))
            self.expect(same, f"the table is {shown(found.ref)}, and ensure_table() returned another one")
            right = type(found.columns) is tuple and all(isinstance(each, Column) for each in found.columns)
            names = [each.name for each in found.columns] if right else None
            self.expect(names == ["n", "t"], f"of the columns n and t it has {shown(found.columns)}")

    @rule(_LOAD)
    def test_snapshots_are_told_oldest_first(self) -> None:
        """``TableInfo.snapshots`` are the snapshots that can be read, oldest first."""
        with self.having("load_table") as plugin:
            wanted = [plugin.append(self.identifier, items(number)) for number in range(3)]
            found = plugin.load_table(self.identifier).snapshots
            right = type(found) is tuple and all(isinstance(each, Snapshot) for each in found)
            self.expect(right, f"the snapshots are {shown(found)}")
            ids = [each.id for each in found]
            self.expect(ids == wanted, f"three writes returned {wanted}, and it has {shown(ids)}")
            times = [each.committed for each in found]
            self.expect(times == sorted(times), f"they were committed at {times}")

    @rule(_LOAD)
    def test_statistics_are_those_of_the_current_snapshot(self) -> None:
        """``TableInfo.rows`` is the number of rows of the current snapshot; None if the catalog does not know."""
        with self.having("load_table") as plugin:
            plugin.append(self.identifier, items(1, 2))
            plugin.replace(self.identifier, items(1, 2, 3))
            found = plugin.load_table(self.identifier)
            self.expect(found.rows in {None, 3}, f"of a table with 3 rows it has {shown(found.rows)}")

    @rule(_LOAD)
    def test_a_missing_table_is_not_described(self) -> None:
        """``load_table`` raises ``LookupError`` if the table does not exist, ``ValueError`` for no identifier."""
        self._refuses_tables("load_table")

    @rule(_SCAN)
    def test_a_scan_is_a_stream_of_the_rows(self) -> None:
        """``scan`` returns an ``ArrowStream`` of the rows of the current snapshot."""
        with self.having("scan") as plugin:
            plugin.append(self.identifier, items(1, 2))
            found = plugin.scan(self.identifier)
            self.expect(isinstance(found, ArrowStream), f"scan() returned {shown(found)}")
            got = sorted(row["n"] for row in rows(found))
            self.expect(got == [1, 2], f"of the rows 1 and 2 it has {got}")

    @rule(_SCAN)
    def test_columns_are_scanned_in_their_order(self) -> None:
        """``scan`` returns the columns that are asked for, in their order."""
        with self.having("scan") as plugin:
            for asked in (["t", "n"], ["t"]):
                found = columns(plugin.scan(self.identifier, columns=asked))
                self.expect(found == asked, f"of the columns {asked} it has {found}")

    @rule(_SCAN)
    def test_filters_are_met(self) -> None:
        """``scan`` returns the rows that meet all filters, of each operator."""
        with self.having("scan") as plugin:
            plugin.append(self.identifier, items(1, 2, 3, 4))
            for operator, (value, wanted) in _FILTERS.items():
                found = self._scanned(plugin, filters=[RowFilter("n", operator, value)])
                self.expect(found == wanted, f"of 1, 2, 3 and 4, n {operator} {value} gave {found}")
            found = self._scanned(plugin, filters=[RowFilter("n", ">", 1), RowFilter("n", "<", 3)])
            self.expect(found == [2], f"n > 1 and n < 3 together gave {found}")

    @rule(_SCAN)
    def test_an_older_snapshot_is_scanned(self) -> None:
        """``scan`` returns the rows of one snapshot, if one is given."""
        with self.having("scan") as plugin:
            older = plugin.append(self.identifier, items(1))
            plugin.append(self.identifier, items(2))
            found = self._scanned(plugin, snapshot_id=older)
            self.expect(found == [1], f"1 was appended, then 2; the older snapshot has {found}")

    @rule(_SCAN)
    def test_a_missing_snapshot_is_an_error(self) -> None:
        """``scan`` raises ``LookupError`` if the snapshot does not exist."""
        with self.having("scan") as plugin:
            known = plugin.append(self.identifier, items(1))
            with self.raises(LookupError, "scan() of a snapshot that is missing"):
                plugin.scan(self.identifier, snapshot_id=known + 1)

    @rule(_SCAN)
    def test_a_scan_is_limited(self) -> None:
        """``limit`` is the greatest number of rows of a ``scan``, none if it is 0."""
        with self.having("scan") as plugin:
            plugin.append(self.identifier, items(1, 2, 3))
            for limit, wanted in ((2, 2), (0, 0), (9, 3)):
                found = len(self._scanned(plugin, limit=limit))
                self.expect(found == wanted, f"of 3 rows, scan(..., limit={limit}) returned {found}")

    @rule(_SCAN)
    def test_an_invalid_scan_is_refused(self) -> None:
        """``scan`` raises ``ValueError`` if a column does not exist, a filter is invalid, or ``limit`` is negative."""
        wrong: tuple[dict[str, Any], ...] = (
            {"columns": ["missing"]},
            {"filters": [RowFilter("missing", "=", 1)]},
            {"filters": [RowFilter("n", "like", 1)]},
            {"filters": [RowFilter("n", "in", 1)]},
            {"filters": [RowFilter("t", "in", "text 1")]},
            {"filters": [RowFilter("n", "=", "a text")]},
            {"filters": [RowFilter("n", "=", {"a": 1})]},
            {"limit": -1},
        )
        with self.having("scan") as plugin:
            for options in wrong:
                with self.raises(ValueError, f"scan() with {options}"):
                    rows(plugin.scan(self.identifier, **options))

    @rule(_SCAN)
    def test_an_invalid_scan_is_refused_before_its_stream_is_read(self) -> None:
        """What is wrong with a call of ``scan`` is raised by the call, and not while the stream is read."""
        with self.having("scan") as plugin:
            wrong: tuple[dict[str, Any], ...] = (
                {"columns": ["n", "missing"]},
                {"filters": [RowFilter("missing", "=", 1)]},
                {"limit": -1},
            )
            for options in wrong:
                with self.raises(ValueError, f"scan() with {options}, whose stream was not read,"):
                    plugin.scan(self.identifier, **options)

    @rule(_SCAN)
    def test_a_missing_table_is_not_scanned(self) -> None:
        """``scan`` raises ``LookupError`` if the table does not exist, ``ValueError`` for no identifier."""
        self._refuses_tables("scan")

    @rule(_EVOLVE)
    def test_columns_are_added(self) -> None:
        """``evolve_schema`` adds the columns that the table lacks; rows that are there have no values in them."""
        with self.having("evolve_schema") as plugin:
            plugin.append(self.identifier, items(1))
            found = plugin.evolve_schema(self.identifier, schema_of(table({"n": [1], "t": ["a"], "more": ["x"]})))
            self.expect(isinstance(found, TableRef), f"evolve_schema() returned {shown(found)}")
            got = rows(plugin.read(self.identifier))
            wanted = [{"n": 1, "t": "text 1", "more": None}]
            self.expect(got == wanted, f"after a column was added, the row is {shown(got)}")

    @rule(_EVOLVE)
    def test_no_column_is_removed(self) -> None:
        """``evolve_schema`` removes no column, and takes the schema of a stream, too."""
        with self.having("evolve_schema") as plugin:
            plugin.append(self.identifier, items(1))
            plugin.evolve_schema(self.identifier, OneTimeStream(table({"more": ["x"]})))
            found = columns(plugin.read(self.identifier))
            self.expect(set(found) == {"n", "t", "more"}, f"after 'more' was added to n and t, there are {found}")

    @rule(_EVOLVE)
    def test_types_that_do_not_hold_the_values_are_refused(self) -> None:
        """``evolve_schema`` raises ``ValueError`` if a type would not hold its values. Nothing was changed."""
        with self.having("evolve_schema") as plugin:
            with self.raises(ValueError, "evolve_schema() from whole numbers to booleans"):
                plugin.evolve_schema(self.identifier, schema_of(table({"more": ["x"], "n": [True]})))
            found = columns(plugin.read(self.identifier))
            self.expect(found == ["n", "t"], f"after it was refused, the columns are {found}")

    @rule(_EVOLVE)
    def test_a_missing_table_does_not_change(self) -> None:
        """``evolve_schema`` raises ``LookupError`` if the table does not exist, ``ValueError`` for no identifier."""
        self._refuses_tables("evolve_schema", schema_of(items(0)))

    @rule(_FILES)
    def test_files_are_added_in_one_commit(self) -> None:
        """``commit_files`` adds Parquet files in one commit, and returns the id of the new snapshot."""
        with self.having("commit_files") as plugin:
            plugin.append(self.identifier, items(1))
            made = plugin.commit_files(self.identifier, [self.parquet("new")])
            found = self.numbers(plugin)
            self.expect(found == [1, 7], f"after a file with 7 was added to 1, the table has {found}")
            current = plugin.ensure_table(self.identifier, schema_of(items(0))).snapshot_id
            self.expect(made == current, f"it returned {shown(made)}, and the current snapshot is {shown(current)}")

    @rule(_FILES)
    def test_files_that_do_not_fit_are_refused(self) -> None:
        """``commit_files`` raises ``ValueError`` if a file is not there, or does not match the schema of the table."""
        with self.having("commit_files") as plugin:
            good = self.parquet("good")
            for wrong in (f"{good}.missing", self.parquet("other", "others"), self.parquet("broken", "broken")):
                with self.raises(ValueError, f"commit_files() of {wrong}"):
                    plugin.commit_files(self.identifier, [good, wrong])
            found = self.numbers(plugin)
            self.expect(found == [], f"after files were refused, the empty table has {found}")

    @rule(_FILES)
    def test_a_file_is_added_once(self) -> None:
        """``commit_files`` raises ``ValueError`` if a file is in the table already."""
        with self.having("commit_files") as plugin:
            uri = self.parquet("new")
            plugin.commit_files(self.identifier, [uri])
            with self.raises(ValueError, "commit_files() of a file that is in the table"):
                plugin.commit_files(self.identifier, [uri])

    @rule(_FILES)
    def test_a_missing_table_takes_no_files(self) -> None:
        """``commit_files`` raises ``LookupError`` if the table does not exist, ``ValueError`` for no identifier."""
        self._refuses_tables("commit_files", ["file:///conformance/missing.parquet"])

    @rule(_EXPIRE)
    def test_snapshots_are_forgotten(self) -> None:
        """``expire_snapshots`` forgets all snapshots but the newest, and returns how many were forgotten."""
        with self.having("expire_snapshots") as plugin:
            for number in range(4):
                plugin.append(self.identifier, items(number))
            found = [plugin.expire_snapshots(self.identifier, 3), plugin.expire_snapshots(self.identifier)]
            self.expect(found == [1, 2], f"of 4 snapshots 3 were kept, then 1; it returned {shown(found)}")

    @rule(_EXPIRE)
    def test_rows_are_kept_when_snapshots_are_forgotten(self) -> None:
        """``expire_snapshots`` changes nothing in the newest snapshots."""
        with self.having("expire_snapshots") as plugin:
            for number in range(3):
                plugin.append(self.identifier, items(number))
            plugin.expire_snapshots(self.identifier)
            found = self.numbers(plugin)
            self.expect(found == [0, 1, 2], f"after all other snapshots were forgotten, the table has {found}")

    @rule(_EXPIRE)
    def test_one_snapshot_is_kept_at_least(self) -> None:
        """``expire_snapshots`` raises ``ValueError`` if ``keep`` is below 1."""
        with self.having("expire_snapshots") as plugin:
            plugin.append(self.identifier, items(1))
            for keep in (0, -1):
                with self.raises(ValueError, f"expire_snapshots(..., {keep})"):
                    plugin.expire_snapshots(self.identifier, keep)

    @rule(_EXPIRE)
    def test_a_missing_table_has_no_snapshots(self) -> None:
        """``expire_snapshots`` raises ``LookupError`` if the table does not exist, ``ValueError`` for no identifier."""
        self._refuses_tables("expire_snapshots")
