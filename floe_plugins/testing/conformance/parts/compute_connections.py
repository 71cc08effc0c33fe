"""What the rules for SQL engines share, and the rules for connections and for releasing the database."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Collection, Generator
from typing import Any

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import error_text, rule, shown
from floe_plugins.testing.conformance.samples.arrow import columns, rows, table

_CONNECT = """
@contextlib.contextmanager
def connect(self):
    connection = self._engine.connect()
    try:
        yield connection
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()
"""
_RELEASE = """
def release(self):
    if self._blocks_of_this_thread:
        raise RuntimeError("release() within a block of connect() would wait for itself")
    with self._no_statement_and_no_block:  # of other threads
        self._engine.close()  # the next call of another hook opens it again
"""


# Seconds for which somebody is watched, or let wait.
_MEANWHILE = 0.1


class ComputeCase(Case):
    """What all rules for SQL engines work with.

    Attributes:
        placeholder: the positional placeholder of the engine's dialect.
        named_placeholder: the placeholder of the parameter called ``value``.
        integers: the SQL type of whole numbers.
        unsupported: what the engine cannot do, and raises ``UnsupportedOperationError`` for: ``connect``,
            ``create`` (tables of its own), ``dbt_profile``, ``nested`` (tables with lists and records).
        persistent: whether committed data are still there when the plugin is started again.
        keeps_tables: whether a table that one call creates is there for the next one.
    """

    placeholder: str = "?"
    named_placeholder: str = "$value"
    integers: str = "BIGINT"
    unsupported: Collection[str] = ()
    persistent: bool = True
    keeps_tables: bool = True

    def use(self, plugin: Any) -> None:
        """Ask for rows of a registered table and for some that there are not, in each way that the engine has."""
        plugin.register_table("conformance_used", table({"n": [1]}))
        self.rows_of(plugin, "SELECT n FROM conformance_used")
        if "connect" not in self.unsupported:
            with plugin.connect() as connection:
                connection.cursor().execute("SELECT 1 AS n")
        for sql in ("SELECT n FROM conformance_used", "SELECT n FROM conformance_nowhere"):
            with contextlib.suppress(Exception):
                self.rows_of(plugin, sql)
            with contextlib.suppress(Exception):
                plugin.submit(sql).result(self.seconds)

    @staticmethod
    def rows_of(plugin: Any, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        """Return the rows that a statement gives."""
        found = plugin.execute(sql) if parameters is None else plugin.execute(sql, parameters)
        return rows(getattr(found, "stream", found))

    @staticmethod
    def columns_of(plugin: Any, sql: str) -> list[str]:
        """Return the names of the columns that a statement gives."""
        found = plugin.execute(sql)
        return columns(getattr(found, "stream", found))

    def create(self, plugin: Any) -> None:
        """Create a table of the engine's own."""
        plugin.execute(f"CREATE TABLE conformance_items (n {self.integers})")

    def items(self, plugin: Any) -> list[Any]:
        """Return what is in that table."""
        return [row["n"] for row in self.rows_of(plugin, "SELECT n FROM conformance_items ORDER BY n")]

    @staticmethod
    def insert(plugin: Any, number: int, error: Exception | None = None) -> None:
        """Insert a number into that table by a connection, and let its block fail."""
        with plugin.connect() as connection:
            connection.cursor().execute(f"INSERT INTO conformance_items VALUES ({number})")  # noqa: S608 a number
            if error is not None:
                raise error

    @contextlib.contextmanager
    def creating(self) -> Generator[Any, None, None]:
        """Give the plugin if the engine keeps tables; else the rule is left out."""
        if "create" in self.unsupported or not self.keeps_tables:
            self.skip("the engine keeps no tables of its own")
        with self.started() as plugin:
            yield plugin

    @contextlib.contextmanager
    def connecting(self, *, creating: bool = False) -> Generator[Any, None, None]:
        """Give the plugin if the engine has connections; else the rule is left out."""
        if "connect" in self.unsupported or (creating and ("create" in self.unsupported or not self.keeps_tables)):
            self.skip("the engine has no connections, or keeps no tables of its own")
        with self.started() as plugin:
            yield plugin

    @contextlib.contextmanager
    def transacting(self) -> Generator[Any, None, None]:
        """Give the plugin if its connections have transactions; else the rule is left out."""
        with self.connecting(creating=True) as plugin:
            if plugin.capabilities().transactions is False:
                self.skip("the engine has no transactions")
            yield plugin


class ConnectionRules(ComputeCase):
    """The rules for ``connect`` and ``release``."""

    @rule(_CONNECT)
    def test_a_connection_is_one_of_db_api(self) -> None:
        """``connect`` returns a context manager with a DB-API 2.0 connection."""
        with self.connecting() as plugin, plugin.connect() as connection:
            for name in ("cursor", "commit", "rollback", "close"):
                self.expect(callable(getattr(connection, name, None)), f"the connection has no method {name}()")
            cursor = connection.cursor()
            cursor.execute("SELECT 6 * 7")
            one = cursor.fetchone()
            cursor.execute("SELECT 1 AS a UNION ALL SELECT 2 ORDER BY a")
            found = [one and tuple(one), [tuple(row) for row in cursor.fetchall()]]
            cursor.close()
            self.expect(found == [(42,), [(1,), (2,)]], f"fetchone() and fetchall() gave {shown(found)}")

    @rule(_CONNECT)
    def test_a_cursor_names_its_columns(self) -> None:
        """After a query, the ``description`` of a DB-API 2.0 cursor has a sequence for each column, its name first."""
        with self.connecting() as plugin, plugin.connect() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1 AS a, 2 AS b")
            found = getattr(cursor, "description", None)
            names = [str(each[0]).lower() for each in found or ()]
            self.expect(names == ["a", "b"], f"of a query for the columns a and b, it is {shown(found)}")

    @rule(_CONNECT)
    def test_a_cursor_forgets_the_columns_of_the_last_query(self) -> None:
        """The ``description`` of a DB-API 2.0 cursor is of its last statement, not of a query before."""
        if "create" in self.unsupported:
            self.skip("the engine keeps no tables of its own")
        with self.connecting() as plugin, plugin.connect() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1 AS conformance_a")
            cursor.execute(f"CREATE TABLE conformance_items (n {self.integers})")
            found = getattr(cursor, "description", None)
            names = [str(each[0]).lower() for each in found or ()]
            self.expect("conformance_a" not in names, f"after CREATE TABLE, it is {shown(found)}, of the query before")

    @rule(_CONNECT)
    def test_leaving_the_block_commits(self) -> None:
        """Leaving the block of ``connect`` commits."""
        with self.connecting(creating=True) as plugin:
            self.create(plugin)
            self.insert(plugin, 1)
            found = self.items(plugin)
            self.expect(found == [1], f"after a block that wrote a row, the table has {found}")

    @rule(_CONNECT)
    def test_a_block_that_raised_is_rolled_back(self) -> None:
        """Leaving the block of ``connect`` rolls back if it raised, and raises what it raised."""
        with self.transacting() as plugin:
            self.create(plugin)
            with self.raises(KeyError, "a block of connect() that raised KeyError"):
                self.insert(plugin, 1, KeyError())
            found = self.items(plugin)
            self.expect(found == [], f"after a block that wrote a row and raised, the table has {found}")

    @rule(_CONNECT)
    def test_leaving_the_block_closes_the_connection(self) -> None:
        """Leaving the block of ``connect`` closes the connection."""
        with self.connecting() as plugin:
            with plugin.connect() as connection:
                pass
            with self.raises(Exception, "a statement on the connection after the block"):
                connection.cursor().execute("SELECT 1")

    @rule(_CONNECT)
    def test_a_block_that_raised_closes_the_connection(self) -> None:
        """Leaving the block of ``connect`` closes the connection also if it raised."""
        with self.connecting() as plugin:
            with contextlib.suppress(KeyError), plugin.connect() as connection:
                raise KeyError
            with self.raises(Exception, "a statement on the connection of a block that raised"):
                connection.cursor().execute("SELECT 1")

    @rule(_CONNECT)
    def test_a_connection_binds_parameters(self) -> None:
        """A cursor of the connection binds parameters: ``execute`` of DB-API 2.0 takes them."""
        with self.connecting() as plugin, plugin.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT {self.placeholder} AS a", ["it's"])
            found = cursor.fetchone()
            self.expect(found and tuple(found) == ("it's",), f'the parameter "it\'s" came back as {shown(found)}')

    @rule(_CONNECT)
    def test_each_caller_has_its_own_connection(self) -> None:
        """Only the caller uses its connection: another one does not see what was not committed."""
        with self.transacting() as plugin:
            self.create(plugin)
            with plugin.connect() as connection:
                connection.cursor().execute("INSERT INTO conformance_items VALUES (1)")
                [found] = self.together([functools.partial(self.items, plugin)])
            self.expect(found == [], f"before a block had ended, another caller saw {found}")

    @rule(_RELEASE)
    def test_releasing_returns_nothing_and_can_be_repeated(self) -> None:
        """``release`` returns None, and may be called again."""
        with self.started() as plugin:
            found = [plugin.release(), plugin.release()]
            self.expect(found == [None, None], f"release() returned {shown(found)}")

    @rule(_RELEASE)
    def test_the_next_call_opens_the_database(self) -> None:
        """After ``release``, the next call of any other hook opens the database again."""
        with self.started() as plugin:
            for call in ("execute", "register_table", "connect"):
                plugin.release()
                if call == "execute":
                    plugin.execute("SELECT 1")
                elif call == "register_table":
                    plugin.register_table("conformance_data", table({"n": [1]}))
                elif call not in self.unsupported:
                    with plugin.connect() as connection:
                        connection.cursor().execute("SELECT 1")

    @rule(_RELEASE)
    def test_committed_data_are_kept(self) -> None:
        """After ``release``, committed data is kept."""
        with self.creating() as plugin:
            self.create(plugin)
            plugin.execute("INSERT INTO conformance_items VALUES (1)")
            plugin.release()
            found = self.items(plugin)
            self.expect(found == [1], f"after release(), the table has {found}")

    @rule(_RELEASE)
    def test_registered_tables_are_not_kept(self) -> None:
        """After ``release``, registered tables are gone."""
        with self.started() as plugin:
            plugin.register_table("conformance_data", table({"n": [1]}))
            plugin.release()
            with self.raises(Exception, "a query of a table that was registered before release()"):
                plugin.execute("SELECT * FROM conformance_data")

    @rule(_RELEASE)
    def test_releasing_waits_for_blocks(self) -> None:
        """``release`` waits for blocks of ``connect`` on other threads."""
        with self.connecting() as plugin:
            inside, done, released = threading.Event(), threading.Event(), threading.Event()

            def work() -> bool:
                with plugin.connect() as connection:
                    inside.set()
                    done.wait(self.seconds / 2)
                    connection.cursor().execute("SELECT 1")
                    return not released.is_set()

            def release() -> bool:
                inside.wait(self.seconds / 2)
                threading.Timer(0.02, done.set).start()
                plugin.release()
                released.set()
                return True

            waited, _ = self.together([work, release])
            self.expect(waited, "release() returned while another thread was in a block of connect()")

    @rule(_RELEASE)
    def test_a_call_during_a_release_is_answered(self) -> None:
        """Hooks are thread-safe: a call that comes while another thread waits in ``release`` gets its rows."""
        with self.connecting() as plugin:
            inside, releasing, leaving = threading.Event(), threading.Event(), threading.Event()

            def hold() -> None:
                with plugin.connect():
                    inside.set()
                    leaving.wait(self.seconds / 2)

            def release() -> None:
                inside.wait(self.seconds / 2)
                releasing.set()
                plugin.release()

            def ask() -> list[dict[str, Any]]:
                releasing.wait(self.seconds / 2)
                # As long as nobody leaves the block, whoever releases the database waits.
                leaving.wait(_MEANWHILE)
                threading.Timer(_MEANWHILE, leaving.set).start()
                return self.rows_of(plugin, "SELECT 1 AS n")

            calls: list[Callable[[], Any]] = [hold, release, ask]
            found = self.together(calls)[2]
            self.expect(found == [{"n": 1}], f"the rows of a call that came meanwhile are {shown(found)}")

    @rule(_RELEASE)
    def test_releasing_within_a_block_is_refused(self) -> None:
        """``release`` raises ``RuntimeError`` if it is called within a block of ``connect`` on the same thread."""
        doing = "release() within a block of connect()"
        with self.connecting() as plugin, plugin.connect(), self.raises(RuntimeError, doing):
            plugin.release()

    @rule(_RELEASE)
    def test_committed_data_survive_a_restart(self) -> None:
        """What was committed is still there when the plugin was stopped and is started again."""
        if not self.keeps_tables or "create" in self.unsupported:
            self.skip("the engine keeps no tables of its own")
        if not self.persistent:
            self.skip("persistent is False: set it to True if what was committed outlives a restart")
        with self.started() as plugin:
            self.create(plugin)
            plugin.execute("INSERT INTO conformance_items VALUES (1)")
        with self.started() as plugin:
            try:
                found = self.items(plugin)
            except Exception as error:  # noqa: BLE001 an engine has errors of its own
                self.broken(f"after a restart, {error_text(error)}; persistent = False if that is meant", error)
            self.expect(found == [1], f"after a restart, the table has {found}")
