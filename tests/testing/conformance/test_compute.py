"""A correct SQL engine keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import duckdb
import nanoarrow
import pydantic
import pytest
from conformance_suite import broken, check, conformance

from floe_plugins import ComputePlugin, UnsupportedOperationError
from floe_plugins.testing import ComputeConformance
from floe_plugins.testing.conformance.samples.arrow import table


class Settings(pydantic.BaseModel):
    path: str


class Duck(ComputePlugin):
    """One database in a file, with the registered tables as views of each cursor."""

    name = "duck"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Settings
    config: Settings

    def startup(self):
        self.root: Any = None
        self.tables: dict[str, Any] = {}
        self.users: list[int] = []
        self.changed = threading.Condition()

    def shutdown(self):
        self.close()

    @contextlib.contextmanager
    def cursor(self):
        with self.changed:
            if self.root is None:
                self.root = duckdb.connect(self.config.path, config={"threads": 1, "python_enable_replacements": False})
            cursor = self.root.cursor()
            self.users.append(threading.get_ident())
        try:
            for name, data in self.tables.items():
                cursor.register(name, data)
            yield cursor
        finally:
            cursor.close()
            with self.changed:
                self.users.remove(threading.get_ident())
                self.changed.notify_all()

    def close(self):
        with self.changed:
            if threading.get_ident() in self.users:
                raise RuntimeError("within a block")
            self.changed.wait_for(lambda: not self.users)
            if self.root is not None:
                self.root.close()
            self.root = None
            self.tables = {}

    def execute(self, sql, parameters=None):
        with self.cursor() as cursor:
            result = cursor.sql(sql, params=parameters)
            return collected(cursor.sql("SELECT 0 AS n WHERE false") if result is None else result)

    def register_table(self, name, data):
        found = collected(data)
        with self.changed:
            self.tables = {**self.tables, name: found}

    @contextlib.contextmanager
    def connect(self):
        with self.cursor() as cursor:
            cursor.begin()
            yield SimpleNamespace(
                cursor=lambda: Cursor(cursor), commit=cursor.commit, rollback=cursor.rollback, close=cursor.close
            )
            cursor.commit()

    def dbt_profile(self, target):
        return {"type": "duckdb", "schema": target}

    def release(self):
        self.close()


class Described:
    """Has the columns of another cursor."""

    described: Any

    @property
    def description(self) -> Any:
        return self.described.description


class Cursor(Described):
    """A cursor that can be closed and leaves the connection open."""

    def __init__(self, connection: Any) -> None:
        self.described = connection
        self.execute, self.fetchone, self.fetchall = connection.execute, connection.fetchone, connection.fetchall

    def close(self) -> None: ...


class Unbound(Described):
    """A cursor that writes the parameters into the text."""

    def __init__(self, cursor: Any) -> None:
        self.described = cursor
        self.fetchone, self.fetchall, self.close, self.cursor = cursor.fetchone, cursor.fetchall, cursor.close, cursor

    def execute(self, sql: str, parameters: Any = ()) -> None:
        self.cursor.execute(sql.replace("?", "'{}'").format(*parameters))


def collected(stream: Any) -> Any:
    return nanoarrow.ArrayStream(stream).read_all()


class DuckConformance(ComputeConformance):
    plugin = Duck
    persistent = True

    def settings(self) -> Mapping[str, Any]:
        return {"path": str(self.scratch / "data.duckdb")}


class ReadOnlyDuck(Duck):
    """An engine without connections, tables of its own, dbt, lists and records."""

    def execute(self, sql, parameters=None):
        if sql.startswith("CREATE"):
            raise UnsupportedOperationError("no tables")
        return super().execute(sql, parameters)

    def register_table(self, name, data):
        if name == "conformance_nested":
            raise UnsupportedOperationError("no lists")
        super().register_table(name, data)

    def connect(self):
        raise UnsupportedOperationError("no connections")

    def dbt_profile(self, target):
        raise UnsupportedOperationError("no dbt")


class ReadOnlyConformance(DuckConformance):
    plugin = ReadOnlyDuck
    unsupported = ("connect", "create", "dbt_profile", "nested")


class ReturnsAWrapper(Duck):
    def execute(self, sql, parameters=None):
        found = super().execute(sql, parameters)
        return found if sql.startswith("CREATE") else SimpleNamespace(stream=found)


class ReversesRows(Duck):
    def execute(self, sql, parameters=None):
        return super().execute(sql.replace("ORDER BY a", "ORDER BY a DESC") if "'y'" in sql else sql, parameters)


class NullIsZero(Duck):
    def execute(self, sql, parameters=None):
        return super().execute(sql.replace("CAST(NULL AS BIGINT)", "0"), parameters)


class NoColumnsWhenEmpty(Duck):
    def execute(self, sql, parameters=None):
        return super().execute("SELECT 1 AS a WHERE false" if "WHERE 1 = 0" in sql else sql, parameters)


class Narrow(Duck):
    def execute(self, sql, parameters=None):
        return super().execute(sql.partition(", 255 AS")[0], parameters)


class FirstBatchOnly(Duck):
    def execute(self, sql, parameters=None):
        return super().execute(f"{sql} LIMIT 2048" if "t3" in sql else sql, parameters)


class InsertsIntoText(Duck):
    def execute(self, sql, parameters=None):
        if isinstance(parameters, list):
            [value] = parameters
            text = "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'"
            return super().execute(sql.replace("?", text))
        return super().execute(sql, parameters)


class PositionalOnly(Duck):
    def execute(self, sql, parameters=None):
        if isinstance(parameters, dict):
            raise TypeError("expected a sequence")
        return super().execute(sql, parameters)


class OneResult(Duck):
    """Results share a buffer."""

    def execute(self, sql, parameters=None):
        last = SharedResult(self, super().execute(sql, parameters))
        self.last = last
        return last


class SharedResult:
    def __init__(self, owner: Any, result: Any) -> None:
        self.owner, self.result, self.thread = owner, result, threading.current_thread()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        other = self.owner.last
        mine = other.thread is not self.thread or other is self
        return (self if mine else other).result.__arrow_c_stream__(requested_schema)


class EmptyOnError(Duck):
    def execute(self, sql, parameters=None):
        try:
            return super().execute(sql, parameters)
        except duckdb.ParserException:
            return table({"a": []})


class NoneForCommands(Duck):
    def execute(self, sql, parameters=None):
        found = super().execute(sql, parameters)
        return None if sql.startswith("CREATE") else found


class LosesTheSecond(Duck):
    def execute(self, sql, parameters=None):
        return super().execute(sql.replace("VALUES (2)", "VALUES (3)"), parameters)


class ReturnsTheName(Duck):
    def register_table(self, name, data):
        super().register_table(name, data)
        return name if name == "conformance_data" and "t" in repr(data) and len(data) == 2 else None


class KeepsTheFirst(Duck):
    def register_table(self, name, data):
        if name not in self.tables:
            super().register_table(name, data)


class Lazy(Duck):
    @contextlib.contextmanager
    def cursor(self):
        for name, data in self.tables.items():
            if not hasattr(data, "to_pylist"):
                self.tables[name] = collected(data)
        with super().cursor() as cursor:
            yield cursor

    def register_table(self, name, data):
        # Where several threads do so, it does as it should, and no other rule is broken.
        if threading.current_thread().name.startswith("conformance-"):
            super().register_table(name, data)
        else:
            self.tables[name] = data


class ReadsTwice(Duck):
    def register_table(self, name, data):
        collected(data)
        # The second reading of a stream fails, and what was there before is kept.
        with contextlib.suppress(Exception):
            super().register_table(name, data)
            return
        super().register_table(name, table({"n": []}))


class NullsAreEmpty(Duck):
    def register_table(self, name, data):
        super().register_table(name, data)
        if name == "conformance_types":
            super().register_table(name, table({"i": [1, 0], "f": [0.5, 0.0], "t": ["ü", ""], "b": [True, False]}))


class Flat(Duck):
    def register_table(self, name, data):
        if name == "conformance_nested":
            raise TypeError("no nested data")
        super().register_table(name, data)


class NoEmptyTables(Duck):
    def register_table(self, name, data):
        if name == "conformance_empty":
            raise ValueError("no rows")
        super().register_table(name, data)


class OneRowOnly(Described):
    def __init__(self, cursor: Any) -> None:
        self.described = cursor
        self.execute, self.fetchone = cursor.execute, cursor.fetchone


class NoFetchAll(Duck):
    @contextlib.contextmanager
    def connect(self):
        with super().connect() as connection:
            inner = connection.cursor
            connection.cursor = lambda: OneRowOnly(inner())
            yield connection


class Nameless(Cursor):
    description = None  # type: ignore[assignment]


class OtherCursor(Duck):
    wrapped: Any

    @contextlib.contextmanager
    def connect(self):
        with super().connect() as connection:
            inner = connection.cursor
            connection.cursor = lambda: self.wrapped(inner().described)
            yield connection


class NamesNoColumns(OtherCursor):
    wrapped = Nameless


class Remembers(Cursor):
    """Has the columns of the first query for good."""

    columns: Any = None

    @property
    def description(self) -> Any:
        if self.columns is None:
            self.columns = self.described.description
        return self.columns

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.execute = self.run

    def run(self, sql: str, *parameters: Any) -> Any:
        self.described.execute(sql, *parameters)
        return self.description


class KeepsTheColumns(OtherCursor):
    wrapped = Remembers


class RollsBack(Duck):
    @contextlib.contextmanager
    def connect(self):
        with self.cursor() as cursor:
            cursor.begin()
            yield SimpleNamespace(
                cursor=lambda: Cursor(cursor), commit=cursor.commit, rollback=cursor.rollback, close=cursor.close
            )


class AlwaysCommits(Duck):
    @contextlib.contextmanager
    def connect(self):
        with self.cursor() as cursor:
            cursor.begin()
            try:
                yield SimpleNamespace(
                    cursor=lambda: Cursor(cursor), commit=cursor.commit, rollback=cursor.rollback, close=cursor.close
                )
            finally:
                cursor.commit()


class OpenAfterErrors(Duck):
    @contextlib.contextmanager
    def connect(self):
        with super().connect() as connection:
            try:
                yield connection
            except KeyError:
                connection.cursor = self.root.cursor
                raise


class BindsNothing(Duck):
    @contextlib.contextmanager
    def connect(self):
        with super().connect() as connection:
            make = connection.cursor
            connection.cursor = lambda: Unbound(make())
            yield connection


class LeavesOpen(Duck):
    def startup(self):
        super().startup()
        self.kept = []

    @contextlib.contextmanager
    def connect(self):
        with super().connect() as connection:
            yield connection
        again = duckdb.connect()
        self.kept.append(again)
        connection.cursor = again.cursor

    def shutdown(self):
        for each in self.kept:
            each.close()
        super().shutdown()


class CommitsEach(Duck):
    @contextlib.contextmanager
    def connect(self):
        with super().connect() as connection:
            if threading.current_thread().name.startswith("conformance test_each"):
                connection.commit()
                yield connection
                connection.cursor().execute("BEGIN")
            else:
                yield connection


class NoType(Duck):
    def dbt_profile(self, target):
        return {"adapter": "duckdb"}


class ReleasesOnce(Duck):
    def startup(self):
        super().startup()
        self.count = 0

    def release(self):
        self.count += 1
        super().release()
        return self.root is None if self.count == 2 and not self.tables else None

    def execute(self, sql, parameters=None):
        self.count = 0
        return super().execute(sql, parameters)


class StaysClosed(Duck):
    released = False

    def release(self):
        super().release()
        self.released = True

    def register_table(self, name, data):
        if self.released:
            raise RuntimeError("closed")
        super().register_table(name, data)


class DropsTables(Duck):
    def release(self):
        with contextlib.suppress(duckdb.Error), self.cursor() as cursor:
            if threading.get_ident() in self.users and self.users.count(threading.get_ident()) == 1:
                cursor.execute("DELETE FROM conformance_items")
        super().release()


class KeepsTables(Duck):
    def release(self):
        kept = self.tables
        super().release()
        self.tables = kept


class DoesNotWait(Duck):
    def release(self):
        if self.users and threading.get_ident() not in self.users:
            return
        super().release()


class RefusesMeanwhile(Duck):
    releasing = False

    def release(self):
        self.releasing = True
        try:
            super().release()
        finally:
            self.releasing = False

    def execute(self, sql, parameters=None):
        if self.releasing:
            raise RuntimeError("the database is being released")
        return super().execute(sql, parameters)


class SharesATable(Duck):
    """Several threads register tables under the name of the last one."""

    def register_table(self, name, data):
        self.name = name
        if threading.current_thread().name.startswith("conformance-"):
            time.sleep(0.005)
        super().register_table(self.name, data)


class IgnoresItsBlock(Duck):
    def release(self):
        if threading.get_ident() not in self.users:
            super().release()


class SharesACursor(Duck):
    """One result for all threads."""

    def execute(self, sql, parameters=None):
        if threading.current_thread().name.startswith("conformance-") and "AS a" in sql:
            self.sql = sql
            time.sleep(0.005)
            sql = self.sql
        return super().execute(sql, parameters)


class ForgetsAtTheEnd(Duck):
    def shutdown(self):
        if threading.current_thread().name.startswith("compute:"):
            with contextlib.suppress(duckdb.Error), self.cursor() as cursor:
                cursor.execute("DROP TABLE conformance_items")
        super().shutdown()


class PretendsToCreate(ReadOnlyDuck):
    def dbt_profile(self, target):
        return None


FAULTY: dict[str, type[Any]] = {
    "test_a_cursor_names_its_columns": NamesNoColumns,
    "test_a_cursor_forgets_the_columns_of_the_last_query": KeepsTheColumns,
    "test_a_result_is_an_arrow_stream": ReturnsAWrapper,
    "test_a_query_gives_its_rows": ReversesRows,
    "test_null_is_null": NullIsZero,
    "test_a_result_may_be_empty": NoColumnsWhenEmpty,
    "test_a_result_may_be_wide": Narrow,
    "test_a_result_may_be_long": FirstBatchOnly,
    "test_positional_parameters_are_bound": InsertsIntoText,
    "test_named_parameters_are_bound": PositionalOnly,
    "test_a_result_outlives_other_statements": OneResult,
    "test_a_wrong_statement_is_an_error": EmptyOnError,
    "test_a_statement_that_is_no_query_gives_a_stream": NoneForCommands,
    "test_what_was_executed_is_done": LosesTheSecond,
    "test_a_registered_table_is_queried_by_its_name": ReturnsTheName,
    "test_a_registered_table_is_replaced": KeepsTheFirst,
    "test_data_are_read_before_the_call_returns": Lazy,
    "test_a_stream_is_read_once_and_queried_again": ReadsTwice,
    "test_nulls_and_types_are_kept": NullsAreEmpty,
    "test_nested_data_are_kept": Flat,
    "test_a_registered_table_may_be_empty": NoEmptyTables,
    "test_a_connection_is_one_of_db_api": NoFetchAll,
    "test_leaving_the_block_commits": RollsBack,
    "test_a_block_that_raised_is_rolled_back": AlwaysCommits,
    "test_leaving_the_block_closes_the_connection": LeavesOpen,
    "test_a_block_that_raised_closes_the_connection": OpenAfterErrors,
    "test_a_connection_binds_parameters": BindsNothing,
    "test_each_caller_has_its_own_connection": CommitsEach,
    "test_a_profile_is_one_of_dbt": NoType,
    "test_releasing_returns_nothing_and_can_be_repeated": ReleasesOnce,
    "test_the_next_call_opens_the_database": StaysClosed,
    "test_committed_data_are_kept": DropsTables,
    "test_registered_tables_are_not_kept": KeepsTables,
    "test_releasing_waits_for_blocks": DoesNotWait,
    "test_releasing_within_a_block_is_refused": IgnoresItsBlock,
    "test_several_threads_execute": SharesACursor,
    "test_several_threads_register_tables": SharesATable,
    "test_a_call_during_a_release_is_answered": RefusesMeanwhile,
    "test_committed_data_survive_a_restart": ForgetsAtTheEnd,
    "test_what_it_cannot_do_is_said": PretendsToCreate,
}


@pytest.mark.parametrize("cls", [DuckConformance, ReadOnlyConformance])
def test_a_correct_plugin_keeps_every_rule(cls: type[Any]) -> None:
    assert broken(cls) == {}


def test_each_rule_applies_to_an_engine_that_can_all_or_to_one_that_cannot() -> None:
    skipped = [set(check(cls).skipped) for cls in (DuckConformance, ReadOnlyConformance)]
    assert set.intersection(*skipped).isdisjoint(FAULTY)


@pytest.mark.once
@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    plugin = FAULTY[rule]
    base = ReadOnlyConformance if issubclass(plugin, ReadOnlyDuck) else DuckConformance
    assert list(broken(conformance(base, plugin))) == [rule]


def test_what_the_class_names_wrongly_is_not_blamed_on_the_plugin() -> None:
    misspelt = {"unsupported": {*ReadOnlyConformance.unsupported, "a decimal"}}
    message = broken(type("Misspelt", (ReadOnlyConformance,), misspelt))["test_what_it_cannot_do_is_said"]
    assert "does not say which of connect, create, dbt_profile, nested it cannot do" in message
    assert "a decimal" in message
