"""The rules for SQL engines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.compute_connections import ConnectionRules
from floe_plugins.testing.conformance.parts.compute_files import FileQueryRules
from floe_plugins.testing.conformance.parts.compute_queries import QueryRules
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.arrow import OneTimeStream, rows, table

_EXECUTE = """
def execute(self, sql, parameters=None):
    with self._cursor() as cursor:
        # Collected: the result outlives the cursor, and can be read after other statements.
        return cursor.execute(sql, parameters).to_arrow_table()
"""
_REGISTER = """
def register_table(self, name, data):
    # Read before the call returns, and once.
    self._tables[name] = pyarrow.table(data)
"""
_PROFILE = """
def dbt_profile(self, target):
    return {"type": "acme", "path": self._path, "schema": target}
"""


class ComputeConformance(ConnectionRules, QueryRules, FileQueryRules, PluginConformance):
    """The rules for ``ComputePlugin``. Their SQL is that of most engines; the attributes say what differs.

    >>> from floe_plugins.testing import ComputeConformance
    >>> class TestAcme(ComputeConformance):
    ...     plugin = ...  # your class
    ...     placeholder, named_placeholder = "%s", "%(value)s"
    ...     unsupported = {"dbt_profile"}
    ...     persistent = True
    ...     def settings(self):
    ...         return {"path": str(self.scratch / "warehouse.db")}
    """

    @rule(_EXECUTE)
    def test_a_result_is_an_arrow_stream(self) -> None:
        """``execute`` returns an ``ArrowStream``: an object with ``__arrow_c_stream__``."""
        with self.started() as plugin:
            found = plugin.execute("SELECT 1 AS a")
            self.expect(isinstance(found, ArrowStream), f"execute() returned an object of {type(found).__name__}")

    @rule(_EXECUTE)
    def test_a_query_gives_its_rows(self) -> None:
        """``execute`` runs one SQL statement and returns its result, in the order of the query."""
        with self.started() as plugin:
            sql = "SELECT 2 AS a, 'x' AS b UNION ALL SELECT 1, 'y' ORDER BY a"
            found = self.rows_of(plugin, sql)
            self.expect(found == [{"a": 1, "b": "y"}, {"a": 2, "b": "x"}], f"execute({sql!r}) gave {shown(found)}")

    @rule(_EXECUTE)
    def test_null_is_null(self) -> None:
        """NULL in a result is null in the Arrow data."""
        with self.started() as plugin:
            found = self.rows_of(plugin, f"SELECT CAST(NULL AS {self.integers}) AS a")
            self.expect(found == [{"a": None}], f"a NULL became {shown(found)}")

    @rule(_EXECUTE)
    def test_a_result_may_be_empty(self) -> None:
        """A result without rows has its columns."""
        with self.started() as plugin:
            sql = "SELECT 1 AS a, 'x' AS b WHERE 1 = 0"
            found = self.columns_of(plugin, sql)
            self.expect(found == ["a", "b"], f"execute({sql!r}) has the columns {shown(found)}")

    @rule(_EXECUTE)
    def test_a_result_may_be_wide(self) -> None:
        """A result may have many columns."""
        with self.started() as plugin:
            sql = "SELECT " + ", ".join(f"{number} AS c{number}" for number in range(300))
            found = self.rows_of(plugin, sql)
            self.expect(found == [{f"c{n}": n for n in range(300)}], f"of 300 columns, {len(found[0])} came back")

    @rule(_EXECUTE)
    def test_a_result_may_be_long(self) -> None:
        """A result has all of its rows, also if they come in several batches."""
        with self.started() as plugin:
            plugin.register_table("conformance_digits", table({"n": list(range(10))}))
            tables = ", ".join(f"conformance_digits t{number}" for number in range(4))
            found = self.rows_of(plugin, f"SELECT t0.n AS n FROM {tables}")  # noqa: S608 constants
            self.expect(len(found) == 10_000, f"of 10,000 rows, {len(found)} came back")  # noqa: PLR2004 10 to the 4th

    @rule(_EXECUTE)
    def test_positional_parameters_are_bound(self) -> None:
        """Parameters are bound, not inserted into the text: a sequence for positional placeholders."""
        with self.started() as plugin:
            for value in ("it's", "'; DROP TABLE x; --", "ü鍵", 42, None):
                found = self.rows_of(plugin, f"SELECT {self.placeholder} AS a", [value])
                self.expect(found == [{"a": value}], f"the parameter {shown(value)} came back as {shown(found)}")

    @rule(_EXECUTE)
    def test_named_parameters_are_bound(self) -> None:
        """Parameters are bound, not inserted into the text: a mapping for named placeholders."""
        with self.started() as plugin:
            for value in ("it's", 42):
                found = self.rows_of(plugin, f"SELECT {self.named_placeholder} AS a", {"value": value})
                self.expect(found == [{"a": value}], f"the parameter {shown(value)} came back as {shown(found)}")

    @rule(_EXECUTE)
    def test_a_result_outlives_other_statements(self) -> None:
        """The result can still be read after other statements have run."""
        with self.started() as plugin:
            first = plugin.execute("SELECT 1 AS a")
            plugin.execute("SELECT 2 AS a")
            found = rows(getattr(first, "stream", first))
            self.expect(found == [{"a": 1}], f"after another statement, the first result has {shown(found)}")

    @rule(_EXECUTE)
    def test_a_wrong_statement_is_an_error(self) -> None:
        """A statement that cannot be run raises an error."""
        with self.started() as plugin:
            for sql in ("SELEC 1", "SELECT * FROM conformance_missing"):
                with self.raises(Exception, f"execute({sql!r})"):
                    plugin.execute(sql)

    @rule(_EXECUTE)
    def test_a_statement_that_is_no_query_gives_a_stream(self) -> None:
        """For a statement that is not a query, ``execute`` returns an ``ArrowStream``, which may have no rows."""
        with self.creating() as plugin:
            found = plugin.execute(f"CREATE TABLE conformance_new (n {self.integers})")
            self.expect(isinstance(found, ArrowStream), f"execute('CREATE TABLE ...') returned {shown(found)}")

    @rule(_EXECUTE)
    def test_what_was_executed_is_done(self) -> None:
        """What a statement of ``execute`` writes is there for the next one, in the order of the calls."""
        with self.creating() as plugin:
            self.create(plugin)
            for number in (1, 2):
                plugin.execute(f"INSERT INTO conformance_items VALUES ({number})")  # noqa: S608 a constant
            found = self.items(plugin)
            self.expect(found == [1, 2], f"after INSERT of 1 and 2, the table has {found}")

    @rule(_REGISTER)
    def test_a_registered_table_is_queried_by_its_name(self) -> None:
        """``register_table`` makes data available to queries as the table ``name``."""
        with self.started() as plugin:
            found = plugin.register_table("conformance_data", table({"n": [1, 2], "t": ["a", "b"]}))
            self.expect(found is None, f"register_table() returned {shown(found)}")
            got = self.rows_of(plugin, "SELECT n, t FROM conformance_data ORDER BY n DESC")
            self.expect(got == [{"n": 2, "t": "b"}, {"n": 1, "t": "a"}], f"the table has {shown(got)}")

    @rule(_REGISTER)
    def test_a_registered_table_is_replaced(self) -> None:
        """``register_table`` replaces a table of that name, also if the new one has other columns."""
        with self.started() as plugin:
            plugin.register_table("conformance_data", table({"n": [1]}))
            plugin.register_table("conformance_data", table({"other": ["new"]}))
            found = self.rows_of(plugin, "SELECT * FROM conformance_data")
            self.expect(found == [{"other": "new"}], f"after it was replaced, the table has {shown(found)}")

    @rule(_REGISTER)
    def test_data_are_read_before_the_call_returns(self) -> None:
        """The data is read before ``register_table`` returns."""
        with self.started() as plugin:
            stream = OneTimeStream(table({"n": [1]}))
            plugin.register_table("conformance_stream", stream)
            self.expect(stream.is_read, "register_table() returned and had not read the data")

    @rule(_REGISTER)
    def test_a_stream_is_read_once_and_queried_again(self) -> None:
        """A stream can be read once; the table can be queried any number of times."""
        with self.started() as plugin:
            stream = OneTimeStream(table({"n": [1, 2, 3]}))
            plugin.register_table("conformance_stream", stream)
            counts = [len(self.rows_of(plugin, "SELECT n FROM conformance_stream")) for _ in range(3)]
            self.expect(counts == [3, 3, 3], f"three queries of a registered stream of 3 rows gave {counts} rows")

    @rule(_REGISTER)
    def test_nulls_and_types_are_kept(self) -> None:
        """A registered table has the values and nulls of its data, of any type."""
        data: dict[str, list[Any]] = {"i": [1, None], "f": [0.5, None], "t": ["ü", None], "b": [True, None]}
        with self.started() as plugin:
            plugin.register_table("conformance_types", table(data))
            found = self.rows_of(plugin, "SELECT * FROM conformance_types")
            wanted = [{name: values[place] for name, values in data.items()} for place in (0, 1)]
            self.expect(found == wanted, f"{shown(wanted)} came back as {shown(found)}")

    @rule(_REGISTER)
    def test_nested_data_are_kept(self) -> None:
        """A registered table may hold lists and records, unless the engine has none."""
        if "nested" in self.unsupported:
            self.skip("the engine has no lists and records")
        data: dict[str, list[Any]] = {"l": [[1, 2], []], "r": [{"x": 1, "y": "a"}, {"x": 2, "y": None}]}
        with self.started() as plugin:
            plugin.register_table("conformance_nested", table(data))
            found = self.rows_of(plugin, "SELECT * FROM conformance_nested")
            wanted = [{name: values[place] for name, values in data.items()} for place in (0, 1)]
            self.expect(found == wanted, f"{shown(wanted)} came back as {shown(found)}")

    @rule(_REGISTER)
    def test_a_registered_table_may_be_empty(self) -> None:
        """A registered table without rows has its columns."""
        with self.started() as plugin:
            plugin.register_table("conformance_empty", table({"a": [], "b": []}))
            found = self.columns_of(plugin, "SELECT * FROM conformance_empty")
            self.expect(found == ["a", "b"], f"an empty table has the columns {shown(found)}")

    @rule(_PROFILE)
    def test_a_profile_is_one_of_dbt(self) -> None:
        """``dbt_profile`` returns the output of a dbt profile: a mapping with its adapter as ``type``."""
        if "dbt_profile" in self.unsupported:
            self.skip("dbt cannot work with this engine")
        with self.started() as plugin:
            found = plugin.dbt_profile("dev")
            right = isinstance(found, Mapping) and isinstance(found.get("type"), str)
            self.expect(right, f"dbt_profile('dev') returned {shown(found)}")

    @rule(_EXECUTE)
    def test_several_threads_execute(self) -> None:
        """Hooks are thread-safe: several threads get their own results."""
        with self.started() as plugin:

            def work(number: int) -> bool:
                return all(self.rows_of(plugin, f"SELECT {number} AS a") == [{"a": number}] for _ in range(5))

            right = self.together([functools.partial(work, number) for number in range(4)])
            self.expect(all(right), "of 4 threads, some got results that are not theirs")

    @rule(_EXECUTE)
    def test_several_threads_register_tables(self) -> None:
        """Hooks are thread-safe: several threads register tables, and each gets the rows of its own."""
        with self.started() as plugin:

            def work(number: int) -> bool:
                found: list[Any] = []
                for turn in range(3):
                    name = f"conformance_{number}_{turn}"
                    plugin.register_table(name, table({"n": [number]}))
                    found += self.rows_of(plugin, f"SELECT n FROM {name}")  # noqa: S608 a name of this method
                return found == [{"n": number}] * 3

            right = self.together([functools.partial(work, number) for number in range(4)])
            self.expect(all(right), "of 4 threads, some got rows that are not of the tables that they registered")

    @rule(_PROFILE)
    def test_what_it_cannot_do_is_said(self) -> None:
        """A hook raises ``UnsupportedOperationError`` for what the engine cannot do."""
        calls: dict[str, Callable[[Any], Any]] = {
            "connect": lambda plugin: plugin.connect().__enter__(),
            "create": lambda plugin: plugin.execute(f"CREATE TABLE conformance_new (n {self.integers})"),
            "dbt_profile": lambda plugin: plugin.dbt_profile("dev"),
            "nested": lambda plugin: plugin.register_table("conformance_nested", table({"l": [[1, 2]]})),
        }
        if not self.unsupported:
            self.skip("nothing is unsupported")
        if not calls.keys() >= {*self.unsupported}:
            self.missing("unsupported", f"which of {', '.join(calls)} it cannot do, but {shown(self.unsupported)}")
        with self.started() as plugin:
            for name in self.unsupported:
                with self.raises(UnsupportedOperationError, name):
                    calls[name](plugin)
