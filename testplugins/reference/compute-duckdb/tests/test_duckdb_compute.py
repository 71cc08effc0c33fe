from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import nanoarrow
import pytest
from drilling import states, stopped
from floe_reference_compute_duckdb import DuckDBCompute, DuckDBConfig
from floe_reference_storage_local import LocalStorage, LocalStorageConfig

from floe_plugins import (
    CancelledOperationError,
    ComputePlugin,
    HealthState,
    PluginError,
    PluginRegistry,
    PluginTimeoutError,
    PluginUnavailableError,
    StoragePlugin,
    UnsupportedOperationError,
)

OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('SELECT 1'); print('open')"


class Lookup:
    """What the plugin needs of a registry."""

    def __init__(self, storage: LocalStorage) -> None:
        self.storage = storage

    def get(self, category: Any, name: str) -> Any:
        assert (category.__name__, name) == ("StoragePlugin", "local")
        return self.storage

    def one(self, category: Any) -> Any:
        return self.get(category, "local")


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    plugin = LocalStorage()
    plugin.config = LocalStorageConfig(root=tmp_path / "it's a root")
    plugin.startup()
    return plugin


def made(storage: LocalStorage, **config: Any) -> DuckDBCompute:
    plugin = DuckDBCompute()
    plugin.registry = Lookup(storage)
    plugin.config = DuckDBConfig(**config)
    return plugin


@pytest.fixture(params=["in memory", "in a file"])
def compute(request: pytest.FixtureRequest, storage: LocalStorage) -> Any:
    plugin = made(storage) if request.param == "in memory" else made(storage, path="db/warehouse.duckdb")
    plugin.startup()
    yield plugin
    plugin.shutdown()


@pytest.fixture
def on_disk(storage: LocalStorage) -> Any:
    plugin = made(storage, path="db/warehouse.duckdb")
    plugin.startup()
    yield plugin
    plugin.shutdown()


def rows(stream: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in nanoarrow.ArrayStream(stream).read_all().to_pylist()]


class OnlyRows:
    """A stream as the contract has it at its weakest: read once."""

    def __init__(self, stream: Any) -> None:
        self.streams = [stream]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.streams.pop().__arrow_c_stream__(requested_schema)


def opened_elsewhere(path: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, path], capture_output=True, text=True, encoding="utf-8", check=False
    )
    return done.stdout.strip() or done.stderr


def test_a_query_gives_its_rows(compute: DuckDBCompute) -> None:
    assert rows(compute.execute("SELECT i, i * 2 AS d FROM range(3) r(i)")) == [(0, 0), (1, 2), (2, 4)]


def test_parameters_are_bound(compute: DuckDBCompute) -> None:
    evil = "'; DROP TABLE x; --"

    assert rows(compute.execute("SELECT ? AS a, ? AS b", [1, evil])) == [(1, evil)]
    assert rows(compute.execute("SELECT $b AS a, $a AS b", {"a": 1, "b": evil})) == [(evil, 1)]


def test_files_of_the_storage_are_read_by_uri_and_by_path(compute: DuckDBCompute, storage: LocalStorage) -> None:
    with storage.open("sales/2026 q1.csv", "wb") as file:
        file.write(b"region,amount\nnorth,10\nsouth,20\n")

    sql = "SELECT sum(amount)::BIGINT AS total FROM read_csv(?)"

    assert rows(compute.execute(sql, [storage.uri("sales/2026 q1.csv")])) == [(30,)]
    assert rows(compute.execute(sql, ["sales/2026 q1.csv"])) == [(30,)]


def test_a_result_is_read_after_other_statements_and_again(compute: DuckDBCompute) -> None:
    first = compute.execute("SELECT i FROM range(10000) r(i)")
    compute.execute("CREATE TABLE other AS SELECT 1 AS a")
    second = compute.execute("SELECT a FROM other")
    compute.release()

    assert len(rows(first)) == 10000
    assert len(rows(first)) == 10000
    assert rows(second) == [(1,)]


def test_a_large_result_takes_no_memory_and_is_read_again_after_other_statements(
    compute: DuckDBCompute, storage: LocalStorage
) -> None:
    rows_there = 3_000_000
    tracemalloc.start()
    result = compute.execute(f"SELECT i, 'text ' || i AS text FROM range({rows_there}) AS t(i)")  # noqa: S608
    compute.execute("CREATE TABLE other AS SELECT 1 AS i")
    compute.release()

    for _ in range(2):
        with nanoarrow.ArrayStream(result) as stream:
            assert sum(len(chunk) for chunk in stream) == rows_there
    assert tracemalloc.get_traced_memory()[1] < rows_there
    tracemalloc.stop()
    # The file that it lies in has no name.
    assert {file.name for file in (storage.config.root / "db").glob("*")} <= {"warehouse.duckdb"}


def test_a_large_stream_is_registered_whole_or_not_at_all(compute: DuckDBCompute) -> None:
    many = compute.execute("SELECT i FROM range(250_000) AS t(i)")
    compute.register_table("many", OnlyRows(many))
    assert rows(compute.execute("SELECT count(*), sum(i) FROM many")) == [(250_000, 31_249_875_000)]

    broken = "SELECT CASE WHEN i = 240_000 THEN error('the line is cut') ELSE i END AS i FROM range(250_000) AS t(i)"
    with duckdb.connect() as other, pytest.raises(Exception, match=r"the line is cut|Interrupted"):
        compute.register_table("many", OnlyRows(other.sql(broken)))

    assert rows(compute.execute("SELECT count(*) FROM many")) == [(250_000,)]


def test_a_statement_runs_once_however_often_its_result_is_read(compute: DuckDBCompute) -> None:
    compute.execute("CREATE TABLE t(i INTEGER)")

    result = compute.execute("INSERT INTO t VALUES (?)", [1])
    returned = compute.execute("INSERT INTO t VALUES (2) RETURNING i")
    rows(result), rows(result), rows(returned)

    assert rows(returned) == [(2,)]
    assert rows(compute.execute("SELECT i FROM t ORDER BY i")) == [(1,), (2,)]


def test_variables_of_the_program_are_no_tables(compute: DuckDBCompute) -> None:
    with pytest.raises(duckdb.CatalogException):
        compute.execute("SELECT * FROM sql")


def test_a_registered_table_is_queried_by_its_name(compute: DuckDBCompute) -> None:
    compute.register_table('odd "name".x', compute.execute("SELECT 1 AS a UNION ALL SELECT 2"))

    assert rows(compute.execute('SELECT sum(a)::INT AS s FROM "odd ""name"".x"')) == [(3,)]
    with compute.connect() as connection:
        assert connection.cursor().execute('SELECT count(*) FROM "odd ""name"".x"').fetchall() == [(2,)]


def test_a_stream_that_can_be_read_once_is_registered(compute: DuckDBCompute) -> None:
    compute.register_table("t", OnlyRows(compute.execute("SELECT 1 AS a")))

    assert rows(compute.execute("SELECT a FROM t")) == [(1,)]
    assert rows(compute.execute("SELECT a FROM t")) == [(1,)]


def test_a_registered_table_takes_the_place_of_another(compute: DuckDBCompute) -> None:
    compute.execute("CREATE TABLE t AS SELECT 'stored' AS a")
    compute.register_table("t", compute.execute("SELECT 'first' AS a"))
    compute.register_table("t", compute.execute("SELECT 'second' AS b"))

    assert rows(compute.execute("SELECT b FROM t")) == [("second",)]


@pytest.mark.parametrize("rows_there", [0, 5000])
def test_a_table_passes_unchanged(compute: DuckDBCompute, rows_there: int) -> None:
    made_of = """
        SELECT i, 'x' || i AS s, [i] AS l, {'a': i} AS r, i::DECIMAL(9, 2) AS d, TIMESTAMP '2026-01-08' AS t
        FROM range(?) r(i)
    """
    compute.register_table("t", compute.execute(made_of, [rows_there]))

    passed = rows(compute.execute("FROM t"))
    assert len(passed) == rows_there
    assert passed == rows(compute.execute(made_of, [rows_there]))


class Elsewhere(LocalStorage):
    """A storage whose files are not reached by their path on this machine."""

    def uri(self, path: str) -> str:
        return f"vault://shelf/{super().uri(path).removeprefix(f'file://{self.config.root}/')}"

    def properties(self, consumer: str) -> Any:
        raise UnsupportedOperationError(f"{consumer} has no way of its own to it")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    plugin = Elsewhere()
    plugin.config = LocalStorageConfig(root=tmp_path / "vault")
    plugin.startup()
    for name in ("a", "b"):
        with plugin.open(f"in/{name}.csv", "wb") as file:
            file.write(f"name\n{name}\n".encode())
    return plugin


def test_files_of_any_storage_are_read_by_uri(elsewhere: Elsewhere) -> None:
    compute = made(elsewhere)

    assert rows(compute.execute("FROM read_csv('vault://shelf/in/a.csv')")) == [("a",)]
    assert rows(compute.execute("FROM read_csv('vault://shelf/in/*.csv') ORDER BY 1")) == [("a",), ("b",)]
    compute.execute("COPY (SELECT 7 AS i) TO 'vault://shelf/out/c.parquet'")
    assert rows(compute.execute("FROM read_parquet('vault://shelf/out/c.parquet')")) == [(7,)]
    with pytest.raises(duckdb.Error, match="nothing"):
        compute.execute("FROM read_csv('vault://shelf/in/nothing.csv')")
    compute.shutdown()


def test_a_database_lies_beside_a_storage_that_cannot_hold_it(elsewhere: Elsewhere, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"cannot lie in vault://shelf/w\.duckdb.*absolute path"):
        made(elsewhere, path="w.duckdb").startup()

    compute = made(elsewhere, path=str(tmp_path / "w.duckdb"))
    compute.execute("CREATE TABLE t AS FROM read_csv('vault://shelf/in/a.csv')")
    compute.shutdown()
    assert opened_elsewhere(str(tmp_path / "w.duckdb")) == "open"


def test_release_keeps_committed_data_and_drops_registered_tables(compute: DuckDBCompute) -> None:
    compute.execute("CREATE TABLE kept AS SELECT 1 AS a")
    compute.register_table("gone", compute.execute("SELECT 1 AS a"))

    compute.release()

    assert rows(compute.execute("SELECT a FROM kept")) == [(1,)]
    with pytest.raises(duckdb.CatalogException):
        compute.execute("SELECT * FROM gone")


def test_release_lets_another_process_open_the_database(on_disk: DuckDBCompute, storage: LocalStorage) -> None:
    path = storage.uri("db/warehouse.duckdb").removeprefix("file://")
    result = on_disk.execute("SELECT 1 AS a")
    assert "lock" in opened_elsewhere(path)

    on_disk.release()

    assert opened_elsewhere(path) == "open"
    assert rows(result) == [(1,)]
    assert rows(on_disk.execute("SELECT 2 AS a")) == [(2,)]


def test_checking_health_does_not_take_the_database_back(on_disk: DuckDBCompute, storage: LocalStorage) -> None:
    on_disk.release()

    assert on_disk.health_check().state is HealthState.HEALTHY
    assert opened_elsewhere(storage.uri("db/warehouse.duckdb").removeprefix("file://")) == "open"


def test_release_waits_for_who_is_connected(on_disk: DuckDBCompute) -> None:
    released = threading.Event()

    def release() -> None:
        on_disk.release()
        released.set()

    with on_disk.connect() as connection:
        connection.cursor().execute("CREATE TABLE t AS SELECT 1 AS a")
        waiting = threading.Thread(target=release)
        waiting.start()
        # Whoever is connected may go on; it would wait for the release that waits for it.
        assert rows(on_disk.execute("SELECT 1 AS a")) == [(1,)]
        assert not released.is_set()
    waiting.join()

    assert rows(on_disk.execute("SELECT a FROM t")) == [(1,)]


def test_release_refuses_to_wait_for_itself(on_disk: DuckDBCompute) -> None:
    with on_disk.connect(), pytest.raises(RuntimeError, match="same thread"):
        on_disk.release()


def test_stopping_ends_a_running_statement(on_disk: DuckDBCompute) -> None:
    failed = threading.Event()
    endless = "SELECT count(*) FROM range(1000000000000) a(i), range(1000000) b(j) WHERE i * j % 7 = 3"

    def run() -> None:
        with on_disk.connect() as connection:
            connected.set()
            with pytest.raises(duckdb.InterruptException):
                connection.cursor().execute(endless)
        failed.set()

    connected = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    connected.wait()

    on_disk.shutdown()

    thread.join()
    assert failed.is_set()


def test_a_block_is_committed_and_one_that_raises_rolled_back(compute: DuckDBCompute) -> None:
    compute.execute("CREATE TABLE t(a INTEGER)")
    with compute.connect() as connection:
        connection.cursor().execute("INSERT INTO t VALUES (?)", [1])
        assert rows(compute.execute("SELECT a FROM t")) == []
    with pytest.raises(duckdb.ConversionException), compute.connect() as connection:
        connection.cursor().executemany("INSERT INTO t VALUES (?)", [[2], ["no number"]])

    assert rows(compute.execute("SELECT a FROM t")) == [(1,)]


def test_commit_and_rollback_begin_anew(compute: DuckDBCompute) -> None:
    def work(connection: Any) -> None:
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO t VALUES (?)", [[1], [2]])
        connection.commit()
        cursor.execute("INSERT INTO t VALUES (3)")
        connection.rollback()
        cursor.execute("INSERT INTO t VALUES (4)")
        cursor.execute("SELECT 'no number'::INTEGER")

    compute.execute("CREATE TABLE t(a INTEGER)")
    with pytest.raises(duckdb.ConversionException), compute.connect() as connection:
        work(connection)

    assert rows(compute.execute("SELECT a FROM t ORDER BY a")) == [(1,), (2,)]


def test_a_connection_that_was_closed_in_its_block_has_rolled_back(compute: DuckDBCompute) -> None:
    compute.execute("CREATE TABLE t(a INTEGER)")
    with compute.connect() as connection:
        connection.cursor().execute("INSERT INTO t VALUES (1)")
        connection.close()

    assert rows(compute.execute("SELECT a FROM t")) == []


def test_cursors_of_a_connection_do_not_disturb_each_other(compute: DuckDBCompute) -> None:
    with compute.connect() as connection:
        first, second = connection.cursor(), connection.cursor()
        first.execute("SELECT i FROM range(5000) r(i)")
        assert first.fetchone() == (0,)
        second.execute("SELECT $x AS a", {"x": 1})
        assert first.fetchmany(2) == [(1,), (2,)]
        assert second.description[0][0] == "a"
        assert [*second] == [(1,)]
        assert len(first.fetchall()) == 4997
        assert first.fetchone() is None


def test_rows_of_no_query_are_an_error(compute: DuckDBCompute) -> None:
    with compute.connect() as connection, pytest.raises(duckdb.Error):
        connection.cursor().fetchone()


def test_many_threads_work_at_once(compute: DuckDBCompute) -> None:
    together = threading.Barrier(8)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            together.wait()
            for turn in range(5):
                compute.register_table("shared", compute.execute("SELECT ? AS a", [number]))
                compute.register_table(f"own_{number}", compute.execute("SELECT ? AS a", [turn]))
                assert rows(compute.execute(f"FROM own_{number}")) == [(turn,)]
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_releasing_between_others_statements_loses_nothing(on_disk: DuckDBCompute) -> None:
    on_disk.execute("CREATE TABLE t(a INTEGER)")
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(20):
                on_disk.execute("INSERT INTO t VALUES (?)", [number])
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(10):
        on_disk.release()
    thread.join()

    assert failures == []
    assert rows(on_disk.execute("SELECT count(*) AS n FROM t")) == [(20,)]


def test_dbt_is_told_the_same_database(storage: LocalStorage) -> None:
    compute = made(storage, path="db/w.duckdb", threads=2, schemas={"ci": "checks"})
    path = storage.uri("db/w.duckdb").removeprefix("file://")

    assert compute.dbt_profile("dev") == {
        "type": "duckdb",
        "path": path,
        "schema": "main",
        "threads": 2,
        "settings": {"file_search_path": str(Path(path).parent.parent)},
    }
    assert compute.dbt_profile("ci")["schema"] == "checks"


def test_dbt_cannot_reach_what_is_in_memory(storage: LocalStorage) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"plugins\.compute\.duckdb\.path"):
        made(storage).dbt_profile("dev")


def test_an_absolute_path_is_taken_as_it_is(storage: LocalStorage, tmp_path: Path) -> None:
    compute = made(storage, path=str(tmp_path / "elsewhere.duckdb"))
    compute.startup()
    compute.shutdown()

    assert (tmp_path / "elsewhere.duckdb").is_file()


def test_a_path_out_of_the_storage_is_refused(storage: LocalStorage) -> None:
    with pytest.raises(ValueError, match="storage"):
        made(storage, path="../elsewhere.duckdb").startup()


def test_a_read_only_database_is_queried_but_not_changed(on_disk: DuckDBCompute, storage: LocalStorage) -> None:
    on_disk.execute("CREATE TABLE t AS SELECT 1 AS a")
    on_disk.shutdown()
    reader = made(storage, path="db/warehouse.duckdb", read_only=True)
    reader.startup()
    reader.register_table("r", reader.execute("SELECT a FROM t"))

    assert rows(reader.execute("SELECT a FROM r")) == [(1,)]
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        reader.execute("INSERT INTO t VALUES (2)")
    reader.shutdown()


def test_limits_reach_the_engine(storage: LocalStorage) -> None:
    compute = made(storage, threads=1, memory_limit="512MiB")

    limits = rows(compute.execute("SELECT current_setting('threads') AS t, current_setting('memory_limit') AS m"))

    assert limits == [(1, "512.0 MiB")]
    compute.shutdown()


def platform(root: Path, **timeouts: float) -> PluginRegistry:
    # A name in which "lock" stands, as it does in what DuckDB says of one.
    plugins = {"compute": {"duckdb": {"path": "blocks.duckdb"}}, "storage": {"local": {"root": str(root)}}}
    return PluginRegistry({"plugins": plugins}, required=["compute:duckdb"], timeouts=timeouts)


def kept_by(storage: StoragePlugin, content: bytes) -> bytes:
    """What is read of a file that was written just now."""
    with storage.open("beside", "wb") as file:
        file.write(content)
    with storage.open("beside") as file:
        return file.read()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    with platform(tmp_path) as started:
        started.get(ComputePlugin, "duckdb").execute("CREATE TABLE t AS SELECT 1 AS a")
        yield started


@contextlib.contextmanager
def held(database: Path) -> Iterator[None]:
    """Another process that has the database open."""
    code = f"import duckdb; c = duckdb.connect({str(database)!r}); print('held', flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield
        finally:
            other.communicate("\n")


@pytest.mark.drill("DuckDB file held by another process")
def test_a_database_that_another_process_holds_is_unavailable_until_it_is_let_go(
    request: pytest.FixtureRequest, registry: PluginRegistry, tmp_path: Path
) -> None:
    compute, storage = registry.get(ComputePlugin, "duckdb"), registry.get(StoragePlugin, "local")
    compute.release()
    # It ends in the pause after the sixth try: one that was under way then would be told as too slow.
    later = platform(tmp_path, startup=6)
    request.addfinalizer(later.shutdown)

    with held(tmp_path / "blocks.duckdb"):
        with pytest.raises(PluginUnavailableError, match=r"blocks\.duckdb is held by another process"):
            compute.execute("INSERT INTO t VALUES (2)")
        report = registry.health()
        assert kept_by(storage, b"all the same") == b"all the same"
        assert stopped(registry) == ["compute:duckdb", "storage:local"]

        started = later.startup()
        while_held = later.health()

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"compute:duckdb": "unhealthy", "storage:local": "healthy"}
    [failed] = started.failed
    assert "held by another process" in failed.message
    assert failed.attempts > 1
    assert states(while_held) == {"compute:duckdb": "unhealthy", "storage:local": "healthy"}
    assert later.start(ComputePlugin, "duckdb").ok
    assert rows(later.get(ComputePlugin, "duckdb").execute("SELECT a FROM t")) == [(1,)]
    assert later.health().state is HealthState.HEALTHY
    assert stopped(later) == ["compute:duckdb", "storage:local"]


def test_health_says_so_as_soon_as_a_database_is_let_go_again(registry: PluginRegistry, tmp_path: Path) -> None:
    compute = registry.get(ComputePlugin, "duckdb")
    compute.release()
    with held(tmp_path / "blocks.duckdb"), pytest.raises(PluginUnavailableError):
        compute.execute("SELECT 1")

    assert registry.health().state is HealthState.HEALTHY
    assert rows(compute.execute("SELECT a FROM t")) == [(1,)]


@pytest.mark.drill("corrupt DuckDB file")
def test_a_corrupt_database_is_named_left_as_it_is_and_works_once_a_backup_takes_its_place(
    request: pytest.FixtureRequest, registry: PluginRegistry, tmp_path: Path
) -> None:
    compute, storage = registry.get(ComputePlugin, "duckdb"), registry.get(StoragePlugin, "local")
    database = tmp_path / "blocks.duckdb"
    compute.release()
    backup = database.read_bytes()
    # Behind the mark by which a file is known to be DuckDB's, so that a checksum is wrong.
    damaged = backup[:64] + b"?" * 20_000 + backup[20_064:]
    database.write_bytes(damaged)
    later = platform(tmp_path)
    request.addfinalizer(later.shutdown)

    with pytest.raises(PluginError, match=r"blocks\.duckdb cannot be opened: .*[Cc]orrupt") as caught:
        compute.execute("SELECT a FROM t")
    report = registry.health()
    assert kept_by(storage, b"all the same") == b"all the same"
    assert stopped(registry) == ["compute:duckdb", "storage:local"]
    started = later.startup()
    at_the_start = later.health()

    assert not isinstance(caught.value, PluginUnavailableError)
    assert "put a backup in its place" in caught.value.hint
    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"compute:duckdb": "unhealthy", "storage:local": "healthy"}
    [failed] = started.failed
    assert "cannot be opened" in failed.message
    assert failed.attempts == 1
    assert states(at_the_start) == {"compute:duckdb": "unhealthy", "storage:local": "healthy"}
    assert database.read_bytes() == damaged
    database.write_bytes(backup)
    assert later.start(ComputePlugin, "duckdb").ok
    assert rows(later.get(ComputePlugin, "duckdb").execute("SELECT a FROM t")) == [(1,)]
    assert later.health().state is HealthState.HEALTHY
    assert stopped(later) == ["compute:duckdb", "storage:local"]


@pytest.mark.parametrize("content", [b"no database" * 1000, b"x"], ids=["something else", "next to nothing"])
def test_a_file_that_is_no_database_fails_the_start_and_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    database = tmp_path / "blocks.duckdb"
    database.write_bytes(content)
    registry = platform(tmp_path)

    [failed] = registry.startup().failed

    assert registry.shutdown().ok
    assert f"{database} cannot be opened" in failed.message
    assert database.read_bytes() == content


def test_stopped_twice_is_stopped(compute: DuckDBCompute) -> None:
    compute.shutdown()
    compute.shutdown()


def test_an_open_database_answers_for_its_health(compute: DuckDBCompute) -> None:
    status = compute.health_check()

    assert status.state is HealthState.HEALTHY
    assert status.details["engine"] == duckdb.__version__


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_compute_duckdb, floe_reference_storage_local;"
        "print({'duckdb', 'fsspec', 'nanoarrow', 'pyarrow'} & {*sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout == "set()\n"


ENDLESS = "SELECT count(*) FROM range(1000000000000) a(i), range(1000000) b(j) WHERE i * j % 7 = 3"


def test_a_submitted_query_runs_beside_others_and_its_error_is_raised_with_its_result(compute: DuckDBCompute) -> None:
    endless, query = compute.submit(ENDLESS), compute.submit("SELECT ? AS a", [1])
    assert rows(query.result()) == [(1,)]
    with pytest.raises(duckdb.CatalogException):
        compute.submit("SELECT * FROM gone").result()
    endless.cancel()


def test_a_query_that_never_ends_is_cancelled_and_lets_go_of_the_database(on_disk: DuckDBCompute) -> None:
    query = on_disk.submit(ENDLESS)
    query.cancel()
    with pytest.raises(CancelledOperationError, match="compute:duckdb was cancelled"):
        query.result()
    # Waits for running statements.
    on_disk.release()
    assert rows(on_disk.execute("SELECT 2 AS a")) == [(2,)]


def test_a_query_that_takes_too_long_is_interrupted(on_disk: DuckDBCompute) -> None:
    with pytest.raises(PluginTimeoutError, match=r"within 0\.1 seconds"):
        on_disk.submit(ENDLESS, timeout=0.1).result()
    on_disk.release()


def test_the_engine_says_what_it_can(compute: DuckDBCompute) -> None:
    can = compute.capabilities()
    assert (can.dialect, can.placeholders, can.cancel) == ("duckdb", ("?", "$name"), True)
    assert (can.transactions, can.distributed, can.streams) == (True, False, False)
