"""The rules for data loaders."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.ingestion import IngestReport, Issue, SchemaChange, Severity
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.ingestion_sources import ROWS, SourceRules
from floe_plugins.testing.conformance.rule import error_text, rule, shown

_VALIDATE = """
def validate(self, source):
    if not callable(source) and not isinstance(source, Iterable):
        return (Issue(Severity.ERROR, f"a {type(source).__name__} cannot be loaded"),)
    return ()  # neither called nor advanced
"""
_RUN = """
def run(self, source, table, mode="append"):
    if mode not in {"append", "replace", "merge"}:
        raise ValueError(f"mode {mode!r} is not known")
    rows = list(source() if callable(source) else source)  # all of it, before anything is written
    with self._transaction() as transaction:
        transaction.write(table, rows, mode)
    return IngestReport(transaction.id, {table: len(rows)})
"""
_DISCARD = """
def discard_pending(self):
    return len([load.drop() for load in self._pending_loads()])
"""


class IngestionConformance(SourceRules, PluginConformance):
    """The rules for ``IngestionPlugin``.

    >>> from floe_plugins.testing import IngestionConformance
    >>> class TestAcme(IngestionConformance):
    ...     plugin = ...  # your class
    ...     table = "scratch.conformance_items"
    ...     def loaded(self, plugin, table):
    ...         return rows_of(f"SELECT * FROM {table}")  # by the database's own client; [] if there is no table
    ...     def connected(self):
    ...         return ConnectorSource("sql_database", {"credentials": "sqlite:///two_rows.db"}, "items")

    Attributes:
        table: the table that is loaded.
        persistent: whether what was loaded is still there when the plugin is started again.
    """

    @rule(_VALIDATE)
    def test_issues_are_a_tuple_of_records(self) -> None:
        """``validate`` returns a tuple of ``Issue``."""
        with self.started() as plugin:
            for source in ([*ROWS], object()):
                found = plugin.validate(source)
                right = type(found) is tuple and all(isinstance(each, Issue) for each in found)
                self.expect(right, f"validate({shown(source)}) returned {shown(found)}")

    @rule(_VALIDATE)
    def test_a_good_source_has_no_errors(self) -> None:
        """A source that can be loaded has no issue that prevents it."""
        with self.started() as plugin:
            errors = [each for each in plugin.validate([*ROWS]) if each.severity is Severity.ERROR]
            self.expect(not errors, f"validate() of rows returned {shown(errors)}")

    @rule(_VALIDATE)
    def test_what_is_no_source_is_an_error(self) -> None:
        """What can never be loaded is an issue with the severity ``ERROR``."""
        with self.started() as plugin:
            errors = [each for each in plugin.validate(object()) if each.severity is Severity.ERROR]
            self.expect(errors, "validate(object()) found no error")

    @rule(_VALIDATE)
    def test_validating_calls_nothing(self) -> None:
        """Callables are not called by ``validate``."""
        calls: list[int] = []

        def source() -> list[dict[str, Any]]:
            calls.append(1)
            return [*ROWS]

        with self.started() as plugin:
            plugin.validate(source)
            self.expect(not calls, f"validate() called the source {len(calls)} times")

    @rule(_VALIDATE)
    def test_validating_advances_nothing(self) -> None:
        """Iterators are not advanced by ``validate``, so the source can still be loaded."""
        source = iter(ROWS)
        with self.started() as plugin:
            plugin.validate(source)
            left = len(list(source))
            self.expect(left == len(ROWS), f"after validate(), {left} of {len(ROWS)} rows are left")

    @rule(_RUN)
    def test_loading_returns_a_report(self) -> None:
        """``run`` returns an ``IngestReport`` with the id of the load, and how long it took."""
        with self.started() as plugin:
            found = plugin.run([*ROWS], self.table)
            self.expect(isinstance(found, IngestReport), f"run() returned {shown(found)}")
            right = isinstance(found.load_id, str) and found.load_id and found.seconds >= 0
            self.expect(right, f"run() returned {shown(found)}")

    @rule(_RUN)
    def test_rows_are_counted(self) -> None:
        """The report has the number of loaded rows of each table."""
        with self.started() as plugin:
            found = getattr(plugin.run([*ROWS], self.table), "rows", {self.table: 2})
            self.expect(type(found) is dict, f"its rows are an object of {type(found).__name__}, and no dict")
            counts = sorted(found.values())
            self.expect(counts == [len(ROWS)], f"for {len(ROWS)} rows the report has {counts}")

    @rule(_RUN)
    def test_changes_of_the_schema_are_reported(self) -> None:
        """The report has the columns that were added to a table."""
        with self.started() as plugin:
            plugin.run([*ROWS], self.table)
            found = getattr(plugin.run([{"id": 3, "extra": "x"}], self.table), "schema_changes", None)
            if found is not None:
                right = all(isinstance(each, SchemaChange) for each in found)
                right = right and "extra" in {each.column for each in found}
                self.expect(right, f"for a new column 'extra' the report has {shown(found)}")

    @rule(_RUN)
    def test_the_whole_source_is_loaded(self) -> None:
        """``run`` loads the whole source into the table: rows, an iterator of them, or what a callable returns."""
        with self.started() as plugin:
            for number, source in enumerate(([*ROWS], iter(ROWS), lambda: iter(ROWS))):
                plugin.run(source, f"{self.table}_{number}")
                found = self.ids(plugin, f"{self.table}_{number}")
                self.expect(found == [1, 2], f"of {shown(source)} the rows {found} were loaded")

    @rule(_RUN)
    def test_rows_are_appended(self) -> None:
        """``append``, which is the default, keeps the rows that are there."""
        with self.started() as plugin:
            plugin.run([{"id": 1}], self.table)
            plugin.run([{"id": 2}], self.table)
            found = self.ids(plugin)
            self.expect(found == [1, 2], f"after two loads the table has {found}")

    @rule(_RUN)
    def test_rows_are_replaced(self) -> None:
        """``replace`` removes the rows that were there."""
        with self.started() as plugin:
            plugin.run([{"id": 1}], self.table)
            plugin.run([{"id": 2}], self.table, "replace")
            found = [each for each in self.ids(plugin) if each == 1]
            self.expect(not found, "after a load with 'replace' the old row is there")

    @rule(_RUN)
    def test_unknown_modes_are_refused(self) -> None:
        """``run`` raises ``ValueError`` if ``mode`` is unknown, and writes nothing."""
        with self.started() as plugin:
            with self.raises(ValueError, "run(..., mode='upsert')"):
                plugin.run([*ROWS], self.table, "upsert")
            self.expect(not self.loaded(plugin, self.table), "run(..., mode='upsert') wrote rows")

    @rule(_RUN)
    def test_merging_without_a_key_is_refused(self) -> None:
        """``run`` raises ``ValueError`` if there is no key for merging."""
        with self.started() as plugin, self.raises(ValueError, "run(..., mode='merge') of rows without a key"):
            plugin.run([*ROWS], self.table, "merge")

    @rule(_RUN)
    def test_a_source_that_cannot_be_read_is_refused(self) -> None:
        """``run`` raises ``ValueError`` if the source cannot be read."""
        with self.started() as plugin, self.raises(ValueError, "run(object(), ...)"):
            plugin.run(object(), self.table)

    @rule(_RUN)
    def test_what_does_not_match_the_table_is_refused(self) -> None:
        """``run`` raises ``ValueError`` if the source does not match the table, and writes nothing; or loads it all."""
        with self.started() as plugin:
            plugin.run([{"id": 1, "name": "a"}], self.table)
            wanted = 2
            try:
                plugin.run([{"id": "conformance", "name": "b"}], self.table)
            except ValueError:
                wanted = 1
            except Exception as error:  # noqa: BLE001 the plugin may raise anything
                self.broken(f"run() of a text for a column of numbers raised {error_text(error)}", error)
            found = self.loaded(plugin, self.table)
            self.expect(len(found) == wanted, f"after run() of a text for a column of numbers, the rows are {found}")

    @rule(_RUN)
    def test_a_source_that_fails_is_not_loaded_in_part(self) -> None:
        """``run`` loads the whole source, or nothing if that fails."""

        def failing() -> Iterator[dict[str, Any]]:
            yield {"id": 1}
            raise OSError("the source is gone")

        with self.started() as plugin:
            with self.raises((ValueError, PluginError, OSError), "run() of a source that failed after one row"):
                plugin.run(failing(), self.table)
            found = self.ids(plugin)
            self.expect(not found, f"after a source that failed, the table has {found}")

    @rule(_RUN)
    def test_several_threads_load_tables(self) -> None:
        """``run`` may be called from several threads for different tables."""
        tables = [f"{self.table}_{number}" for number in range(3)]
        with self.started() as plugin:
            self.together([functools.partial(plugin.run, [*ROWS], table) for table in tables])
            found = [self.ids(plugin, table) for table in tables]
            self.expect(found == [[1, 2]] * 3, f"3 threads loaded the rows 1 and 2, and the tables have {found}")

    @rule(_DISCARD)
    def test_nothing_is_pending_after_a_load(self) -> None:
        """``discard_pending`` returns the number of pending loads: none after loads that succeeded."""
        with self.started() as plugin:
            plugin.run([*ROWS], self.table)
            found = plugin.discard_pending()
            self.expect(type(found) is int and found == 0, f"discard_pending() returned {shown(found)}")

    @rule(_RUN)
    def test_what_was_loaded_survives_a_restart(self) -> None:
        """What was loaded is still there when the plugin was stopped and is started again."""
        if not self.persistent:
            self.skip("persistent is False: set it to True if what was loaded outlives a restart")
        with self.started() as plugin:
            plugin.run([{"id": 7}], self.table)
        with self.started() as plugin:
            found = self.ids(plugin)
            self.expect(found == [7], f"after a restart the table has {found}; persistent = False if that is meant")
