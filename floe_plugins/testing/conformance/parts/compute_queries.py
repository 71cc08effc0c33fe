"""The rules for SQL engines of API 1.1: queries that are submitted, and what an engine says that it can do."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from floe_plugins.errors import CancelledOperationError, PluginTimeoutError, UnsupportedOperationError
from floe_plugins.hookspecs.compute import ComputeCapabilities
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.hookspecs.running import Running, RunState
from floe_plugins.testing.conformance.parts.compute_connections import ComputeCase
from floe_plugins.testing.conformance.rule import error_text, rule, shown
from floe_plugins.testing.conformance.samples.arrow import rows, table

_SUBMIT = """
def submit(self, sql, parameters=None, timeout=None):
    cursor = self._engine.cursor()
    return InThread(
        lambda: cursor.execute(sql, parameters).to_arrow_table(),  # what it raises, result() raises
        f"a query of compute:{self.name}",
        interrupt=cursor.interrupt,
        timeout=timeout,
    )
"""
_CAPABILITIES = """
def capabilities(self):
    return ComputeCapabilities(dialect="acme", placeholders=("?",), cancel=True, formats=("csv", "parquet"))
"""
_LEASE = """
@contextlib.contextmanager
def lease(self):
    if self._blocks_of_this_thread:
        raise RuntimeError("lease() within a block of connect() would wait for itself")
    with self._nobody_else:  # other threads wait; this one is told by a RuntimeError
        self._engine.close()
        yield
"""
# As many digits as give rows that no engine counts while a rule takes.
_TABLES = 14


class QueryRules(ComputeCase):
    """The rules for ``submit``, ``capabilities`` and ``lease``, for engines that have them.

    Attributes:
        endless: a query that takes longer than the rule; by default one over a table that the rule registers.
        lease_seconds: how long a call of another thread is watched while it waits for a lease to end.
    """

    endless: str = ""
    lease_seconds: float = 0.2

    def _read(self, query: Any) -> list[dict[str, Any]]:
        found = query.result(self.seconds)
        return rows(getattr(found, "stream", found))

    @contextmanager
    def querying(self) -> Generator[Any, None, None]:
        """Give the plugin if it implements ``submit``."""
        self.needs("submit")
        with self.started() as plugin:
            yield plugin

    @contextmanager
    def going_on(self, timeout: float | None = None) -> Generator[Any, None, None]:
        """Give a query that does not end by itself, if the engine can cancel; it is cancelled at the end."""
        with self.querying() as plugin:
            if plugin.capabilities().cancel is not True:
                self.skip("the engine does not say that it can cancel a query")
            sql = self.endless
            if not sql:
                plugin.register_table("conformance_digits", table({"n": list(range(10))}))
                tables = ", ".join(f"conformance_digits t{number}" for number in range(_TABLES))
                terms = " + ".join(f"t{number}.n * t{number + 1}.n" for number in range(_TABLES - 1))
                sql = f"SELECT max({terms}) AS n FROM {tables}"  # noqa: S608 constants
            query = plugin.submit(sql) if timeout is None else plugin.submit(sql, timeout=timeout)
            try:
                yield query
            finally:
                query.cancel()

    @rule(_SUBMIT)
    def test_a_submitted_query_gives_its_rows(self) -> None:
        """``submit`` returns a query whose ``result`` is an ``ArrowStream`` with the rows."""
        with self.querying() as plugin:
            query = plugin.submit("SELECT 6 * 7 AS n")
            self.expect(isinstance(query, Running), f"submit() returned {shown(query)}")
            result = query.result(self.seconds)
            self.expect(isinstance(result, ArrowStream), f"result() returned {shown(result)}")
            found = rows(getattr(result, "stream", result))
            self.expect(found == [{"n": 42}], f"its result has {shown(found)}")

    @rule(_SUBMIT)
    def test_a_result_that_was_read_has_all_rows_again(self) -> None:
        """``result`` that is called again returns all rows again, or raises ``RuntimeError``."""
        with self.querying() as plugin:
            query = plugin.submit("SELECT 6 * 7 AS n")
            self._read(query)
            try:
                again = query.result(self.seconds)
            except RuntimeError:
                return
            except Exception as error:  # noqa: BLE001 any other class is a plugin's mistake
                self.broken(f"result() that was called again raised {error_text(error)}", error)
            try:
                found = rows(getattr(again, "stream", again))
            except Exception:  # noqa: BLE001 a stream that was read may say so by an error of its own
                return
            self.expect(found == [{"n": 42}], f"result() that was called again has {shown(found)}")

    @rule(_SUBMIT)
    def test_a_submitted_query_may_have_many_rows(self) -> None:
        """The ``result`` of a query that was submitted has all of its rows, also if they come in many batches."""
        with self.querying() as plugin:
            plugin.register_table("conformance_digits", table({"n": list(range(10))}))
            tables = ", ".join(f"conformance_digits t{number}" for number in range(4))
            found = len(self._read(plugin.submit(f"SELECT t0.n AS n FROM {tables}")))  # noqa: S608 constants
            self.expect(found == 10_000, f"of 10,000 rows, {found} came back")  # noqa: PLR2004 10 to the 4th

    @rule(_SUBMIT)
    def test_a_statement_that_is_no_query_is_submitted(self) -> None:
        """``submit`` begins one SQL statement, also one that is no query: it is done when ``result`` has returned."""
        self.needs("submit")
        with self.creating() as plugin:
            query = plugin.submit(f"CREATE TABLE conformance_items (n {self.integers})")
            self.expect(query is not None, "submit('CREATE TABLE ...') returned None")
            self._read(query)
            found = self.items(plugin)
            self.expect(found == [], f"the table that was made has {shown(found)}")

    @rule(_SUBMIT)
    def test_a_query_has_an_id_of_its_own(self) -> None:
        """The ``id`` of a query is a text, and unique."""
        with self.querying() as plugin:
            queries = [plugin.submit("SELECT 1 AS n") for _ in range(3)]
            found = [query.id for query in queries]
            for query in queries:
                self._read(query)
            right = all(isinstance(each, str) and each for each in found) and len(set(found)) == len(found)
            self.expect(right, f"three queries have the ids {shown(found)}")

    @rule(_SUBMIT)
    def test_parameters_of_a_submitted_query_are_bound(self) -> None:
        """``submit`` binds parameters as ``execute`` does."""
        with self.querying() as plugin:
            for sql, given in (
                (f"SELECT {self.placeholder} AS n", ["it's"]),
                (f"SELECT {self.named_placeholder} AS n", {"value": "it's"}),
            ):
                found = self._read(plugin.submit(sql, given))
                self.expect(found == [{"n": "it's"}], f'the parameter "it\'s" came back as {shown(found)}')

    @rule(_SUBMIT)
    def test_a_submitted_query_knows_registered_tables(self) -> None:
        """A query that was submitted sees the tables that others of the plugin's hooks have made."""
        with self.querying() as plugin:
            plugin.register_table("conformance_data", table({"n": [1, 2, 3]}))
            found = [row["n"] for row in self._read(plugin.submit("SELECT n FROM conformance_data ORDER BY n"))]
            self.expect(found == [1, 2, 3], f"of a registered table with 1, 2 and 3 it has {found}")

    @rule(_SUBMIT)
    def test_an_error_of_a_query_is_raised_by_its_result(self) -> None:
        """An error of the statement is raised by ``result``, or by reading it; ``submit`` has returned by then."""
        with self.querying() as plugin:
            try:
                query = plugin.submit("SELECT * FROM conformance_missing")
            except Exception as error:  # noqa: BLE001 an engine has errors of its own
                self.broken(f"submit() of a wrong statement raised {error}", error)
            with self.raises(Exception, "the result of a wrong statement"):
                self._read(query)

    @rule(_SUBMIT)
    def test_the_state_says_how_a_query_ended(self) -> None:
        """``state`` says how a query ended: ``SUCCEEDED`` or ``FAILED``."""
        with self.querying() as plugin:
            for sql, wanted in (("SELECT 1 AS n", RunState.SUCCEEDED), ("SELEC 1", RunState.FAILED)):
                with contextlib.suppress(Exception):
                    query = plugin.submit(sql)
                    with contextlib.suppress(Exception):
                        self._read(query)
                    self.eventually(functools.partial(_has_ended, query))
                    found = query.state
                    if found is not wanted:
                        break
            else:
                return
            self.broken(f"after {sql!r} was read, the state of its query is {shown(found)}")

    @rule(_SUBMIT)
    def test_cancelling_a_query_that_ended_does_nothing(self) -> None:
        """``cancel`` does nothing if the work has ended."""
        with self.querying() as plugin:
            query = plugin.submit("SELECT 1 AS n")
            self._read(query)
            self.eventually(functools.partial(_has_ended, query))
            query.cancel()
            self.expect(query.state is RunState.SUCCEEDED, f"after cancel() its state is {shown(query.state)}")

    @rule(_SUBMIT)
    def test_submitting_returns_while_the_query_runs(self) -> None:
        """``submit`` returns while the query runs: its state is ``RUNNING``."""
        with self.going_on() as query:
            self.expect(query.state is RunState.RUNNING, f"the state of an endless query is {shown(query.state)}")

    @rule(_SUBMIT)
    def test_a_result_is_waited_for_no_longer_than_asked(self) -> None:
        """``result`` raises ``TimeoutError`` if its ``timeout`` has passed; the work goes on."""
        with self.going_on() as query:
            for number in ("first", "second"):
                try:
                    query.result(0.05)
                except TimeoutError as error:
                    self.expect(not isinstance(error, PluginTimeoutError), f"the {number} result(0.05) ended the query")
                    continue
                self.broken(f"the {number} result(0.05) of an endless query returned")

    @rule(_SUBMIT)
    def test_a_query_is_cancelled(self) -> None:
        """``result`` raises ``CancelledOperationError`` after ``cancel``, and the state is ``CANCELLED``."""
        with self.going_on() as query:
            query.cancel()
            with self.raises(CancelledOperationError, "result() of a query that was cancelled"):
                self._read(query)
            self.expect(query.state is RunState.CANCELLED, f"after cancel() its state is {shown(query.state)}")

    @rule(_SUBMIT)
    def test_a_query_keeps_its_timeout(self) -> None:
        """``result`` raises ``PluginTimeoutError`` if the query took longer than the ``timeout`` of ``submit``."""
        doing = "result() of an endless query with a timeout of 0.2 s"
        with self.going_on(timeout=0.2) as query, self.raises(PluginTimeoutError, doing):
            self._read(query)

    @rule(_CAPABILITIES)
    def test_capabilities_are_a_record(self) -> None:
        """``capabilities`` returns a ``ComputeCapabilities``, with tuples of texts."""
        self.needs("capabilities")
        with self.started() as plugin:
            found = plugin.capabilities()
            self.expect(isinstance(found, ComputeCapabilities), f"capabilities() returned {shown(found)}")
            for each in (found.placeholders, found.formats, found.targets):
                right = type(each) is tuple and all(isinstance(one, str) for one in each)
                self.expect(right, f"capabilities() has {shown(each)}")

    @rule(_CAPABILITIES)
    def test_formats_are_those_of_its_hooks(self) -> None:
        """``formats`` and ``targets`` are what ``attach`` reads and ``write`` writes: none without these hooks."""
        self.needs("capabilities")
        with self.started() as plugin:
            found = plugin.capabilities()
            for hook, formats in (("attach", found.formats), ("write", found.targets)):
                is_default = hasattr(getattr(self.plugin, hook), "floe_added_in")
                self.expect(not (is_default and formats), f"there is no hook {hook}(), and it has {shown(formats)}")

    @contextmanager
    def leasing(self) -> Generator[Any, None, None]:
        """Give the plugin if it can lease its database; else the rule is left out."""
        self.needs("lease")
        with self.started() as plugin:
            try:
                with plugin.lease():
                    pass
            except UnsupportedOperationError as error:
                self.skip(f"it cannot lease this database: {error}")
            yield plugin

    @rule(_LEASE)
    def test_the_leaseholder_does_not_use_the_plugin(self) -> None:
        """On the thread of the block of ``lease``, calls raise ``RuntimeError``."""
        calls: dict[str, Callable[[Any], Any]] = {
            "execute": lambda plugin: plugin.execute("SELECT 1 AS n"),
            "connect": lambda plugin: plugin.connect().__enter__(),
        }
        with self.leasing() as plugin, plugin.lease():
            for name, call in calls.items():
                with self.raises(RuntimeError, f"{name}() within a block of lease()"):
                    call(plugin)

    @rule(_LEASE)
    def test_leasing_within_a_block_is_refused(self) -> None:
        """``lease`` raises ``RuntimeError`` if it is entered within a block of ``connect`` on the same thread."""
        doing = "lease() within a block of connect()"
        with self.leasing() as plugin, plugin.connect(), self.raises(RuntimeError, doing), plugin.lease():
            pass

    @rule(_LEASE)
    def test_others_wait_for_the_leaseholder(self) -> None:
        """Calls of other threads wait until the block of ``lease`` ends."""
        with self.leasing() as plugin:
            inside, asking, answered = threading.Event(), threading.Event(), threading.Event()

            def hold() -> bool:
                with plugin.lease():
                    inside.set()
                    asking.wait(self.seconds / 2)
                    return not answered.wait(self.lease_seconds)

            def ask() -> bool:
                inside.wait(self.seconds / 2)
                asking.set()
                plugin.execute("SELECT 1 AS n")
                answered.set()
                return True

            waited, _ = self.together([hold, ask])
            self.expect(waited, "another thread's execute() returned within a block of lease()")

    @rule(_LEASE)
    def test_committed_data_are_kept_by_a_lease(self) -> None:
        """After the block of ``lease`` the plugin is used as before, with what was committed."""
        if "create" in self.unsupported or not self.keeps_tables:
            self.skip("the engine keeps no tables of its own")
        with self.leasing() as plugin:
            self.create(plugin)
            plugin.execute("INSERT INTO conformance_items VALUES (1)")
            with plugin.lease():
                pass
            found = self.items(plugin)
            self.expect(found == [1], f"after lease(), the table has {found}")


def _has_ended(query: Any) -> bool:
    return query.state is not RunState.RUNNING
