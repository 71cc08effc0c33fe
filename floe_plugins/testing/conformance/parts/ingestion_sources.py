"""What the rules for data loaders share, and the rules for sources, for connectors and for loads that are pending."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from typing import Any

from floe_plugins.errors import PluginError, PluginUnavailableError, UnsupportedOperationError
from floe_plugins.hookspecs.ingestion import Connector, ConnectorSource, IngestReport, Severity, SourceStream
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown

ROWS = ({"id": 1, "name": "a"}, {"id": 2, "name": "b"})
# What a database refuses that is asked to.
REFUSED = {"id": 99, "name": "refused"}

_RUN = """
def run(self, source, table, mode="append"):
    rows = list(self._rows_of(source))  # all of it, before anything is written; raises ValueError
    if not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("a row is a mapping of column names to values")
    with self._transaction() as transaction:
        transaction.write(table, rows, mode)
    return IngestReport(transaction.id, {table: len(rows)})
"""
_CONNECTORS = """
def connectors(self):
    return tuple(sorted(self._connectors, key=lambda each: each.name))
"""
_DISCOVER = """
def discover(self, source):
    if not isinstance(source, ConnectorSource) or source.connector not in self._by_name:
        raise ValueError("it cannot be asked")
    return tuple(SourceStream(name, columns) for name, columns in sorted(self._tables_of(source)))
"""
_PENDING = """
def run(self, source, table, mode="append"):
    if self._pending(table):
        raise PluginError(f"an earlier load of {table} is pending", hint="Call discard_pending()")
    load = self._prepared(source, table, mode)
    try:
        return self._write(load)
    except DatabaseError as error:  # the load is kept
        raise PluginError(f"the database refuses the load: {error}") from error
"""


class IngestionCase(Case):
    """What all rules for data loaders work with."""

    table: str = "conformance_items"
    persistent: bool = True

    def loaded(self, plugin: Any, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table, with at least the loaded columns; none if there is no table. Override it."""
        del plugin, table
        self.missing("loaded", "how the rows of a table are read")

    def connected(self) -> ConnectorSource | None:
        """Return a source of a connector that has rows with the ids 1 and 2; None without one. Override it."""
        return None

    def unusable(self) -> Sequence[object]:
        """Return sources that look right and cannot be used, such as of a connector that lacks a package. Override it.

        By default there are none.
        """
        return ()

    def incremental(self) -> object | None:
        """Return a source of the ids 1 and 2 of which a load goes on where the last one ended. Override it.

        None, as by default, if there is none.
        """
        return None

    def held(self, plugin: Any) -> contextlib.AbstractContextManager[Any] | None:
        """Return a context in which another process has the database open; None if there is none. Override it."""
        del plugin
        return None

    def refusing(self, plugin: Any) -> contextlib.AbstractContextManager[Any] | None:
        """Return a context in which the database refuses a row of ``table`` with the id 99. Override it.

        None, as by default, if it does not refuse rows that match the table.
        """
        del plugin
        return None

    def use(self, plugin: Any) -> None:
        """Load some rows, and some that cannot be loaded."""
        plugin.validate([*ROWS])
        plugin.run([*ROWS], self.table)
        with contextlib.suppress(Exception):
            plugin.run([*ROWS, "no row"], self.table)

    def _held(self, plugin: Any) -> contextlib.AbstractContextManager[Any]:
        held = self.block("held", plugin)
        return held or self.skip("held() is not overridden: no other process can have the database open")

    def ids(self, plugin: Any, table: str = "") -> list[Any]:
        """Return the ids in a table, sorted."""
        return sorted(row["id"] for row in self.loaded(plugin, table or self.table))

    def nothing_of(self, plugin: Any, source: object, what: str) -> None:
        """Expect ``run`` to raise ``ValueError`` for a source, and to write nothing."""
        with self.raises(ValueError, f"run() of {what}"):
            plugin.run(source, self.table)
        found = self.ids(plugin)
        self.expect(not found, f"run() of {what} wrote the rows {found}")


class SourceRules(IngestionCase):
    """The rules for what is loaded, and the hooks of API 1.1."""

    @rule(_RUN)
    def test_rows_are_mappings(self) -> None:
        """A source is an iterable of mappings: ``run`` raises ``ValueError`` for other rows, and writes nothing."""
        with self.started() as plugin:
            for row in (7, None, ["id", 2]):
                self.nothing_of(plugin, iter([{"id": 1}, row]), f"a row that is {row!r}")

    @rule(_RUN)
    def test_a_file_that_is_missing_is_refused(self) -> None:
        """A source may be the path of a file: ``run`` raises ``ValueError`` if it cannot be read."""
        with self.started() as plugin:
            self.nothing_of(plugin, str(self.scratch / "missing.csv"), "a file that is missing")

    @rule(_RUN)
    def test_files_are_loaded(self) -> None:
        """A source may be the path of a file: ``run`` loads its rows."""
        file = self.scratch / "items.csv"
        file.write_text("id,name\n1,a\n2,b\n", encoding="utf-8")
        with self.started() as plugin:
            if any(each.severity is Severity.ERROR for each in plugin.validate(str(file))):
                self.skip("the plugin reads no CSV files")
            for source in (str(file), file):
                plugin.run(source, self.table, "replace")
                found = self.ids(plugin)
                # CSV does not say whether they are numbers.
                is_loaded = [str(each) for each in found] == ["1", "2"]
                self.expect(is_loaded, f"of {shown(source)} with the rows 1 and 2 the table has {found}")

    @rule(_RUN)
    def test_a_database_that_is_in_use_is_unavailable(self) -> None:
        """``run`` raises ``PluginUnavailableError`` if another process has the database open."""
        with self.started() as plugin:
            doing = "run() while another process has the database open"
            with self._held(plugin), self.raises(PluginUnavailableError, doing):
                plugin.run([*ROWS], self.table)

    @rule(_RUN)
    def test_the_database_is_released(self) -> None:
        """The database is released after ``run``: another process can open it, also if the load failed."""
        with self.started() as plugin:
            with self._held(plugin):
                pass  # else what it raises below would not be the plugin's fault
            for source in ([*ROWS], [*ROWS, "no row"]):
                with contextlib.suppress(ValueError):
                    plugin.run(source, self.table)
                try:
                    with self._held(plugin):
                        pass
                except Exception as error:  # noqa: BLE001 an engine has errors of its own
                    self.broken(f"another process cannot open the database afterwards: {error}", error)

    @rule(_RUN)
    def test_an_incremental_source_is_loaded_once(self) -> None:
        """A load of an incremental source goes on where the last one ended."""
        with self.started() as plugin:
            for _ in range(2):
                source = self.incremental()
                if source is None:
                    self.skip("incremental() is not overridden: no load goes on where the last one ended")
                plugin.run(source, self.table)
            found = self.ids(plugin)
            self.expect(found == [1, 2], f"after two loads of the rows 1 and 2 the table has {found}")

    @rule(_CONNECTORS)
    def test_connectors_are_sorted(self) -> None:
        """``connectors`` returns a tuple of ``Connector``, sorted by name."""
        self.needs("connectors")
        with self.started() as plugin:
            found = plugin.connectors()
            right = isinstance(found, tuple) and all(isinstance(each, Connector) for each in found)
            self.expect(right, f"connectors() returned {shown(found)}")
            names = [each.name for each in found]
            self.expect(names == sorted(set(names)), f"the connectors are {names}")

    @rule(_CONNECTORS)
    def test_a_connector_is_asked_for_its_rows(self) -> None:
        """A source may be a ``ConnectorSource``: ``run`` loads its rows."""
        source = self.connected()
        if source is None:
            self.skip("connected() is not overridden: there are no connectors")
        with self.started() as plugin:
            errors = [each for each in plugin.validate(source) if each.severity is Severity.ERROR]
            self.expect(not errors, f"validate({shown(source)}) returned {shown(errors)}")
            plugin.run(source, self.table)
            found = self.ids(plugin)
            self.expect(found == [1, 2], f"of {shown(source)} with the rows 1 and 2 the table has {found}")

    @rule(_CONNECTORS)
    def test_an_unknown_connector_is_no_source(self) -> None:
        """``run`` raises ``ValueError`` for a connector that is not known, and ``validate`` returns the error."""
        self.needs("connectors")
        source = ConnectorSource("conformance-unknown")
        with self.started() as plugin:
            found = plugin.validate(source)
            right = isinstance(found, tuple) and any(each.severity is Severity.ERROR for each in found)
            self.expect(right, f"validate({shown(source)}) returned {shown(found)}")
            self.nothing_of(plugin, source, shown(source))

    @rule(_CONNECTORS)
    def test_wrong_configurations_are_no_sources(self) -> None:
        """``run`` raises ``ValueError`` if the source cannot be read, such as by a wrong configuration or stream."""
        self.needs("connectors")
        with self.started() as plugin:
            wrong = [ConnectorSource(each.name, {"conformance": object()}) for each in plugin.connectors()]
            source = self.connected()
            if source is not None:
                wrong.append(ConnectorSource(source.connector, source.config, "conformance_unknown"))
            for each in wrong:
                self.nothing_of(plugin, each, shown(each))

    def _unusable(self) -> Sequence[object]:
        return self.unusable() or self.skip("unusable() is not overridden: it is not known what cannot be used")

    @rule(_CONNECTORS)
    def test_what_cannot_be_used_is_not_loaded(self) -> None:
        """``run`` raises ``ValueError`` if the source cannot be read, such as of a connector that lacks a package."""
        with self.started() as plugin:
            for source in self._unusable():
                found = plugin.validate(source)
                self.expect(isinstance(found, tuple), f"validate({shown(source)}) returned {shown(found)}")
                self.nothing_of(plugin, source, shown(source))

    @rule(_DISCOVER)
    def test_what_cannot_be_used_is_not_discovered(self) -> None:
        """``discover`` raises ``ValueError`` if the source cannot be asked, such as of one that lacks a package."""
        self.needs("discover")
        with self.started() as plugin:
            for source in self._unusable():
                with self.raises((ValueError, UnsupportedOperationError), f"discover({shown(source)})"):
                    plugin.discover(source)

    @rule(_DISCOVER)
    def test_files_are_discovered(self) -> None:
        """``discover`` returns the streams of a file: of text or a ``Path``, with the columns that are known."""
        self.needs("discover")
        file = self.scratch / "items.csv"
        file.write_text("id,name\n1,a\n2,b\n", encoding="utf-8")
        with self.started() as plugin:
            if any(each.severity is Severity.ERROR for each in plugin.validate(str(file))):
                self.skip("the plugin reads no CSV files")
            for source in (str(file), file):
                found = plugin.discover(source)
                columns = [set(each.columns) for each in found]
                right = isinstance(found, tuple) and columns in ([set()], [{"id", "name"}])
                self.expect(right, f"discover({shown(source)}) returned {shown(found)}")

    @rule(_DISCOVER)
    def test_streams_are_discovered(self) -> None:
        """``discover`` returns a tuple of ``SourceStream``, sorted by name, and loads no rows."""
        self.needs("discover")
        source = self.connected()
        if source is None:
            self.skip("connected() is not overridden: there are no connectors")
        with self.started() as plugin:
            found = plugin.discover(source)
            right = isinstance(found, tuple) and found and all(isinstance(each, SourceStream) for each in found)
            self.expect(right, f"discover({shown(source)}) returned {shown(found)}")
            names = [each.name for each in found]
            self.expect(names == sorted(set(names)), f"the streams are {names}")
            self.expect(not self.ids(plugin), "discover() loaded rows")

    @rule(_DISCOVER)
    def test_what_cannot_be_asked_is_not_discovered(self) -> None:
        """``discover`` raises ``ValueError`` if the source cannot be asked, or its connector is not known."""
        self.needs("discover")
        with self.started() as plugin:
            for source in (object(), ConnectorSource("conformance-unknown")):
                with self.raises((ValueError, UnsupportedOperationError), f"discover({shown(source)})"):
                    plugin.discover(source)

    @contextlib.contextmanager
    def _refused(self) -> Generator[tuple[Any, contextlib.ExitStack], None, None]:
        """Give the plugin with a load that is pending, and what ends the refusal when it is closed."""
        with self.started() as plugin, contextlib.ExitStack() as refusal:
            refusing = self.block("refusing", plugin)
            if refusing is None:
                self.skip("refusing() is not overridden: the database refuses no rows")
            refusal.enter_context(refusing)
            with self.raises(PluginError, "run() of a row that the database refuses"):
                plugin.run([REFUSED], self.table)
            yield plugin, refusal

    @rule(_PENDING)
    def test_nothing_of_a_refused_load_is_written(self) -> None:
        """``run`` raises ``PluginError`` if writing failed, and has written nothing."""
        with self._refused() as (plugin, _):
            found = self.ids(plugin)
            self.expect(not found, f"after a load that the database refused, the table has {found}")

    @rule(_PENDING)
    def test_no_load_follows_one_that_is_pending(self) -> None:
        """``run`` raises ``PluginError`` if writing failed in an earlier load of this table, which is pending."""
        with self._refused() as (plugin, refusal):
            refusal.close()
            with self.raises(PluginError, "run() while an earlier load of the table is pending"):
                plugin.run([{"id": 1, "name": "a"}], self.table)

    @rule(_PENDING)
    def test_pending_loads_are_discarded(self) -> None:
        """``discard_pending`` removes pending loads and returns their number; tables can be loaded again."""
        with self._refused() as (plugin, refusal):
            refusal.close()
            counts = [plugin.discard_pending(), plugin.discard_pending()]
            self.expect(counts == [1, 0], f"with one pending load, discard_pending() twice returned {counts}")
            plugin.run([{"id": 1, "name": "a"}], self.table)
            found = self.ids(plugin)
            self.expect(found == [1], f"after a discarded load, and one of the row 1, the table has {found}")

    @rule(_PENDING)
    def test_pending_loads_are_resumed(self) -> None:
        """``resume_pending`` completes the pending loads, and returns a tuple of their reports."""
        self.needs("resume_pending")
        with self._refused() as (plugin, refusal):
            refusal.close()
            found = plugin.resume_pending()
            right = isinstance(found, tuple) and [type(each) for each in found] == [IngestReport]
            self.expect(right, f"with one pending load, resume_pending() returned {shown(found)}")
            ids = self.ids(plugin)
            self.expect(ids == [REFUSED["id"]], f"after a load of the row 99 was resumed, the table has {ids}")
            again = plugin.resume_pending()
            self.expect(again == (), f"with nothing pending, resume_pending() returned {shown(again)}")

    @rule(_PENDING)
    def test_a_load_that_is_refused_again_stays_pending(self) -> None:
        """``resume_pending`` raises ``PluginError`` if writing failed again, and the load stays pending."""
        self.needs("resume_pending")
        with self._refused() as (plugin, refusal):
            with self.raises(PluginError, "resume_pending() of a row that the database still refuses"):
                plugin.resume_pending()
            refusal.close()
            count = plugin.discard_pending()
            self.expect(count == 1, f"after resume_pending() failed, discard_pending() returned {shown(count)}")
