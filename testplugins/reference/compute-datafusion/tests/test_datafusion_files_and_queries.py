"""Files as tables, results as files, and queries that run while they are read and can be ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from floe_reference_storage_local import LocalStorage

from floe_plugins import (
    CancelledOperationError,
    ComputePlugin,
    PluginRegistry,
    PluginTimeoutError,
    StoragePlugin,
    UnsupportedOperationError,
)
from floe_plugins.hookspecs.compute import Files
from floe_plugins.hookspecs.running import RunState

# Each asks for more rows than there will ever be: those of the first come at once, of the others never.
ENDLESS = "SELECT value FROM range(1000000000000)"
SILENT = "SELECT count(*) FROM range(1000000000000) a, range(1000000) b WHERE a.value * b.value % 7 = 3"
SORTING = "SELECT value FROM range(1000000000000) ORDER BY value % 7"


class Elsewhere(LocalStorage):
    """A storage that no engine has a way of its own to, and that counts what is opened."""

    name = "elsewhere"
    opened = 0

    def uri(self, path: str) -> str:
        return f"vault://shelf/{super().uri(path).removeprefix(f'file://{self._root}/')}"

    def access(self, consumer: str) -> Any:
        raise UnsupportedOperationError(f"{consumer} has no way of its own to it")

    def filesystem(self) -> Any:
        storage, found = self, super().filesystem()
        opening = found.open

        def counting(*args: Any, **options: Any) -> Any:
            storage.opened += 1
            return opening(*args, **options)

        found.open = counting
        return found


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    plugins = {"compute": {"datafusion": {}}, "storage": {"local": {"root": str(tmp_path / "it's")}}}
    with PluginRegistry({"plugins": plugins}, required=["compute:datafusion"]) as registry:
        yield registry


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[PluginRegistry]:
    plugins = {"compute": {"datafusion": {}}, "storage": {"elsewhere": {"root": str(tmp_path)}}}
    registry = PluginRegistry({"plugins": plugins}, required=["compute:datafusion"])
    registry.register(Elsewhere)
    with registry:
        yield registry


def rows(stream: Any) -> list[tuple[Any, ...]]:
    table = pa.RecordBatchReader.from_stream(stream).read_all()
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("sql", [SILENT, SORTING])
def test_a_query_that_never_ends_is_cancelled(compute: ComputePlugin, sql: str) -> None:
    query = compute.submit(sql)
    with pytest.raises(TimeoutError, match="goes on"):
        query.result(0)
    query.cancel()
    query.cancel()

    with pytest.raises(CancelledOperationError, match="compute:datafusion was cancelled"):
        query.result()
    assert query.state is RunState.CANCELLED
    compute.release()
    assert rows(compute.execute("SELECT 2 AS a")) == [(2,)]


def test_a_result_is_read_while_it_is_made_and_ends_when_the_query_is_cancelled(compute: ComputePlugin) -> None:
    query = compute.submit(ENDLESS)
    result = pa.RecordBatchReader.from_stream(query.result())

    assert [result.read_next_batch().num_rows > 0 for _ in range(20)] == [True] * 20
    assert query.state is RunState.RUNNING
    query.cancel()
    with pytest.raises(Exception, match="was cancelled"):
        result.read_next_batch()


def test_a_query_that_takes_too_long_is_ended(compute: ComputePlugin) -> None:
    query = compute.submit(SILENT, timeout=0.1)
    with pytest.raises(PluginTimeoutError, match=r"within 0\.1 seconds"):
        query.result()
    assert query.state is RunState.FAILED


def test_a_query_ends_with_its_last_row_or_when_nobody_has_its_rows_any_more(compute: ComputePlugin) -> None:
    done, left = compute.submit("SELECT $1 AS a", [1]), compute.submit(ENDLESS)
    assert rows(done.result()) == [(1,)]
    with pytest.raises(RuntimeError, match="can be read once"):
        done.result()
    result = pa.RecordBatchReader.from_stream(left.result())
    result.read_next_batch()
    del result

    assert done.state is left.state is RunState.SUCCEEDED


def test_an_empty_result_has_the_columns_of_a_full_one(compute: ComputePlugin) -> None:
    compute.register_table("t", pa.table({"s": pa.array(["a"], pa.string_view()), "i": [1]}))

    full, empty = (
        pa.RecordBatchReader.from_stream(compute.submit(sql).result()).schema
        for sql in ("SELECT s, i FROM t", "SELECT s, i FROM t WHERE i > 1")
    )

    assert full.equals(empty)


def test_statements_that_change_something_are_submitted_too(compute: ComputePlugin) -> None:
    compute.submit("CREATE TABLE t AS SELECT 1 AS a").result()
    assert rows(compute.submit("SELECT a FROM t").result()) == [(1,)]
    with pytest.raises(Exception, match="not found"):
        compute.submit("SELECT * FROM gone").result()
    with pytest.raises(Exception, match=r"(?i)divide by zero"):
        rows(compute.submit("SELECT 1 / (value - value) FROM range(10)").result())


def test_a_query_reads_the_tables_as_they_were_when_it_was_submitted(compute: ComputePlugin) -> None:
    compute.execute("CREATE TABLE t AS SELECT value FROM range(100000)")
    query = compute.submit("SELECT value FROM t")
    compute.execute("DROP TABLE t")
    compute.release()

    assert len(rows(query.result())) == 100000


def test_stopping_ends_the_queries_that_run(tmp_path: Path) -> None:
    plugins = {"compute": {"datafusion": {}}, "storage": {"local": {"root": str(tmp_path)}}}
    with PluginRegistry({"plugins": plugins}) as registry:
        query = registry.get(ComputePlugin, "datafusion").submit(SILENT)
    with pytest.raises(CancelledOperationError):
        query.result()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_what_was_written_is_attached_and_read(compute: ComputePlugin, storage: StoragePlugin, kind: str) -> None:
    target = Files(storage.uri(f"out/n 1.{kind}"), kind)

    report = compute.write("SELECT value AS i, 'x' AS s FROM range(3000)", target)
    compute.attach("Num.bers", target)

    assert (report.uri, report.rows) == (target.uri, 3000)
    assert rows(compute.execute('SELECT sum(i) AS i, max(s) AS s FROM "Num.bers"')) == [(4498500, "x")]
    assert [each.path for each in storage.list()] == [f"out/n 1.{kind}"]


def test_files_and_folders_and_patterns_are_attached(compute: ComputePlugin, storage: StoragePlugin) -> None:
    for number in (1, 2, 4):
        compute.write(f"SELECT {number} AS i", Files(storage.uri(f"in/{number}.parquet")))
    with storage.open("lines.json", "wb") as file:
        file.write(b'{"i": 8}\n')
    with storage.open("semi.csv", "wb") as file:
        file.write(b"1;2\n")

    found = {}
    for place in ("in/4.parquet", "in", "in/", "in/[12].parquet"):
        compute.attach("t", Files(storage.uri("in") + place.removeprefix("in")))
        found[place] = rows(compute.execute("SELECT sum(i) AS i FROM t"))
    compute.attach("t", Files(storage.uri("lines.json"), "json"))
    compute.attach("u", Files(storage.uri("semi.csv"), "csv", {"delimiter": ";", "has_header": "false"}))

    assert found == {"in/4.parquet": [(4,)], "in": [(7,)], "in/": [(7,)], "in/[12].parquet": [(3,)]}
    assert rows(compute.execute("SELECT i FROM t")) == [(8,)]
    assert rows(compute.execute("SELECT * FROM u")) == [(1, 2)]


def test_what_cannot_be_written_or_attached_is_refused(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("t"))
    for call in (
        lambda: compute.write("SELECT 1", Files(storage.uri("t"), "iceberg")),
        lambda: compute.write("SELECT 1", target, "append"),
        lambda: compute.write("SELECT 1", Files("gs://bucket/t")),
        lambda: compute.write("SELECT 1", Files(storage.uri("t"), options={"compression": "zstd"})),
        lambda: compute.attach("t", Files(storage.uri("t"), "iceberg")),
        lambda: compute.attach("t", Files(storage.uri("t.csv"), "csv", {"delim": ";"})),
        lambda: compute.attach("t", Files("gs://bucket/t")),
    ):
        with pytest.raises(UnsupportedOperationError):
            call()
    with storage.open("text.parquet", "wb") as file:
        file.write(b"not Parquet, though it is long enough")
    for path in ("none.parquet", "text.parquet"):
        with pytest.raises(ValueError, match="cannot be read as parquet"):
            compute.attach("t", Files(storage.uri(path)))
    with pytest.raises(ValueError, match="expected one query"):
        compute.write("CREATE TABLE t AS SELECT 1 AS a", target)
    with pytest.raises(Exception, match="not found"):
        compute.write("SELECT * FROM gone", target)


def test_nothing_is_written_over_unless_it_is_replaced(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")
    compute.write("SELECT 1 AS a", target)

    with pytest.raises(FileExistsError):
        compute.write("SELECT 2 AS a", target)
    with pytest.raises(Exception, match=r"(?i)divide by zero"):
        compute.write("SELECT 1 / (99999 - value) AS a FROM range(100000)", target, "replace")
    with storage.open("n.csv") as file:
        assert file.read() == b'"a"\n1\n'
    compute.write("SELECT 2 AS a", target, "replace")
    with storage.open("n.csv") as file:
        assert file.read() == b'"a"\n2\n'
    assert [each.path for each in storage.list()] == ["n.csv"]


@pytest.mark.parametrize("name", ["t", 'odd "name".x'])
def test_a_statement_never_changes_attached_files(compute: ComputePlugin, storage: StoragePlugin, name: str) -> None:
    compute.write("SELECT 1 AS a", Files(storage.uri("in/1.parquet")))
    compute.attach(name, Files(storage.uri("in")))
    quoted = '"' + name.replace('"', '""') + '"'

    for sql in (f"INSERT INTO {quoted} SELECT 2", f"DROP TABLE {quoted}", f"CREATE OR REPLACE TABLE {quoted}(a INT)"):
        with pytest.raises(UnsupportedOperationError, match="attached"):
            compute.execute(sql)

    assert [each.path for each in storage.list()] == ["in/1.parquet"]
    compute.execute("SET datafusion.execution.batch_size = 100")
    assert rows(compute.execute(f"SELECT a FROM {quoted}")) == [(1,)]  # noqa: S608


def test_attached_files_replace_and_are_replaced_until_release(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")
    compute.write("SELECT 'file' AS a", target)
    compute.execute("CREATE TABLE t AS SELECT 'stored' AS a")
    compute.register_table("t", compute.execute("SELECT 'rows' AS a"))
    compute.attach("t", target)
    attached = rows(compute.execute("SELECT a FROM t"))
    with pytest.raises(UnsupportedOperationError, match="registered"):
        compute.execute("DROP TABLE t")
    compute.register_table("t", compute.execute("SELECT 'again' AS a"))

    assert (attached, rows(compute.execute("SELECT a FROM t"))) == ([("file",)], [("again",)])
    compute.attach("t", target)
    compute.release()
    assert rows(compute.execute("SELECT a FROM t")) == [("stored",)]


def test_a_storage_that_the_engine_does_not_know_is_read_and_written_through_its_plugin(
    elsewhere: PluginRegistry,
) -> None:
    compute, storage = elsewhere.get(ComputePlugin, "datafusion"), elsewhere.one(StoragePlugin)
    for number in (1, 2):
        compute.write(f"SELECT {number} AS i", Files(storage.uri(f"in/{number}.parquet")))

    for place, total in (("in", 3), ("in/2.parquet", 2), ("in/*.parquet", 3)):
        compute.attach("t", Files("vault://shelf/" + place))
        assert rows(compute.execute("SELECT sum(i) AS i FROM t")) == [(total,)]
    with pytest.raises(ValueError, match="no such file"):
        compute.attach("t", Files("vault://shelf/none"))


def test_statements_read_no_other_tables_than_they_name(elsewhere: PluginRegistry) -> None:
    compute, storage = elsewhere.get(ComputePlugin, "datafusion"), elsewhere.one(StoragePlugin)
    assert isinstance(storage, Elsewhere)
    compute.write("SELECT 1 AS i", Files(storage.uri("large.parquet")))
    compute.attach("large", Files(storage.uri("large.parquet")))
    compute.execute("CREATE TABLE t AS SELECT 1 AS a")
    before = storage.opened

    compute.execute("INSERT INTO public.t VALUES (2)")
    compute.execute("CREATE TABLE u AS SELECT a FROM t")
    compute.execute("DROP TABLE u")
    assert rows(compute.execute("SELECT sum(a) AS a FROM t")) == [(3,)]

    assert storage.opened == before
    assert rows(compute.execute("SELECT i FROM large")) == [(1,)]
    assert storage.opened > before


def test_the_engine_says_what_it_can(compute: ComputePlugin) -> None:
    can = compute.capabilities()
    assert (can.placeholders, can.cancel, can.streams) == (("$1", "$name"), True, True)
    assert (can.transactions, can.distributed) == (True, False)
    with pytest.raises(UnsupportedOperationError, match="lease"), compute.lease():
        pass


def test_many_queries_run_and_are_ended_at_once(compute: ComputePlugin) -> None:
    queries = [compute.submit(ENDLESS) for _ in range(8)]
    ends = [threading.Thread(target=query.cancel) for query in queries]
    for end in ends:
        end.start()
    for end in ends:
        end.join()

    for query in queries:
        with pytest.raises(CancelledOperationError):
            query.result()
