from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from drilling import states, stopped
from floe_reference_compute_datafusion import DataFusionCompute
from process_limits import no_space

from floe_plugins import (
    ComputePlugin,
    HealthState,
    PluginConfigurationError,
    PluginError,
    PluginRef,
    PluginRegistry,
    StoragePlugin,
    UnsupportedOperationError,
)

REF = PluginRef.parse("compute:datafusion")


def platform(root: Path, **config: Any) -> PluginRegistry:
    return PluginRegistry(
        {"plugins": {"storage": {"local": {"root": str(root)}}, "compute": {"datafusion": config}}},
        required=["compute:datafusion"],
    )


def of(registry: PluginRegistry) -> ComputePlugin:
    return registry.get(ComputePlugin, "datafusion")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "it's a root"


@pytest.fixture(params=[{}, {"path": "db/warehouse"}], ids=["in memory", "in files"])
def registry(request: pytest.FixtureRequest, root: Path) -> Iterator[PluginRegistry]:
    with platform(root, **request.param) as started:
        yield started


@pytest.fixture
def kept(root: Path) -> Iterator[ComputePlugin]:
    with platform(root, path="db/warehouse") as started:
        yield of(started)


def rows(stream: Any) -> list[tuple[Any, ...]]:
    table = pa.RecordBatchReader.from_stream(stream).read_all()
    return [tuple(row.values()) for row in table.to_pylist()]


def run(compute: ComputePlugin, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    return rows(compute.execute(sql, parameters))


def test_a_query_gives_its_rows(compute: ComputePlugin) -> None:
    assert run(compute, "SELECT value, value * 2 AS d FROM range(3)") == [(0, 0), (1, 2), (2, 4)]


def test_parameters_are_bound(compute: ComputePlugin) -> None:
    evil = "'; DROP TABLE x; --"

    assert run(compute, "SELECT $1 AS a, $2 AS b", [1, evil]) == [(1, evil)]
    assert run(compute, "SELECT $b AS a, $a AS b", {"a": 1, "b": evil}) == [(evil, 1)]


@pytest.mark.parametrize(
    "value",
    [1, "ä", None, 1.5, True, b"x", date(2026, 1, 8), datetime(2026, 1, 8, 10), Decimal("1.20"), [1, 2]],  # noqa: DTZ001
)
def test_a_parameter_keeps_its_type(compute: ComputePlugin, value: object) -> None:
    assert run(compute, "SELECT $x AS x", {"x": value}) == [(value,)]


def test_files_of_the_storage_are_read_by_uri(compute: ComputePlugin, registry: PluginRegistry) -> None:
    storage = registry.get(StoragePlugin, "local")
    with storage.open("sales/2026 q1.csv", "wb") as file:
        file.write(b"region,amount\nnorth,10\nsouth,20\n")

    uri = storage.uri("sales/2026 q1.csv").replace("'", "''")

    assert run(compute, f"SELECT sum(amount) AS total FROM '{uri}'") == [(30,)]  # noqa: S608


def test_a_result_is_read_after_other_statements_and_again(compute: ComputePlugin) -> None:
    first = compute.execute("SELECT value FROM range(10000)")
    run(compute, "CREATE TABLE other AS SELECT 1 AS a")
    second = compute.execute("SELECT a FROM other")
    compute.release()

    assert len(rows(first)) == 10000
    assert len(rows(first)) == 10000
    assert rows(second) == [(1,)]


def test_a_statement_runs_once_however_often_its_result_is_read(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t(i INTEGER)")

    result = compute.execute("INSERT INTO t VALUES ($1)", [1])
    rows(result), rows(result)

    assert run(compute, "SELECT i FROM t") == [(1,)]


def test_tables_are_changed_and_dropped(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t AS SELECT 1 AS i, 'a' AS s")
    run(compute, "INSERT INTO t VALUES (2, 'b'), (3, 'c')")
    run(compute, "UPDATE t SET s = 'z' WHERE i = 1")
    run(compute, "DELETE FROM t WHERE i = 2")
    assert run(compute, "SELECT i, s FROM t ORDER BY i") == [(1, "z"), (3, "c")]

    run(compute, "CREATE OR REPLACE TABLE t AS SELECT 7 AS other")
    assert run(compute, "SELECT * FROM t") == [(7,)]

    run(compute, "DROP TABLE t")
    with pytest.raises(ValueError, match="not found"):
        run(compute, "SELECT * FROM t")


def test_views_follow_their_tables(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t AS SELECT 1 AS i")
    run(compute, "CREATE VIEW doubled AS SELECT i * 2 AS d FROM t")
    run(compute, "CREATE VIEW a AS SELECT d + 1 AS e FROM doubled")
    run(compute, "INSERT INTO t VALUES (5)")
    compute.release()

    assert run(compute, "SELECT e FROM a ORDER BY e") == [(3,), (11,)]
    run(compute, "DROP VIEW a")
    with pytest.raises(ValueError, match="not found"):
        run(compute, "SELECT * FROM a")


def test_a_statement_that_fails_changes_nothing(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t(i INTEGER)")
    for wrong in (
        "SELEC 1",
        "INSERT INTO t VALUES ('x')",
        "CREATE TABLE t(i INTEGER)",
        "INSERT INTO nothing VALUES (1)",
    ):
        with pytest.raises(Exception, match=r"\w"):
            run(compute, wrong)

    assert run(compute, "SELECT * FROM t") == []


def test_a_registered_table_is_queried_by_its_name(compute: ComputePlugin) -> None:
    compute.register_table('odd "name".x', compute.execute("SELECT 1 AS a UNION ALL SELECT 2"))

    assert run(compute, 'SELECT sum(a) AS s FROM "odd ""name"".x"') == [(3,)]
    with compute.connect() as connection:
        assert connection.cursor().execute('SELECT count(*) FROM "odd ""name"".x"').fetchall() == [(2,)]


def test_a_stream_that_can_be_read_once_is_registered(compute: ComputePlugin) -> None:
    class Once:
        """A stream as the contract has it at its weakest."""

        def __init__(self, stream: Any) -> None:
            self.streams = [stream]

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return self.streams.pop().__arrow_c_stream__(requested_schema)

    compute.register_table("t", Once(compute.execute("SELECT 1 AS a")))

    assert run(compute, "SELECT a FROM t") == [(1,)]
    assert run(compute, "SELECT a FROM t") == [(1,)]


def test_a_registered_table_takes_the_place_of_another(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t AS SELECT 'stored' AS a")
    compute.register_table("t", compute.execute("SELECT 'first' AS a"))
    compute.register_table("t", compute.execute("SELECT 'second' AS b"))
    assert run(compute, "SELECT b FROM t") == [("second",)]

    run(compute, "CREATE TABLE u AS SELECT b FROM t")
    compute.release()

    assert run(compute, "SELECT a FROM t") == [("stored",)]
    assert run(compute, "SELECT b FROM u") == [("second",)]


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t VALUES (2)", "DROP TABLE t", "CREATE OR REPLACE TABLE t AS SELECT 2 AS a"]
)
def test_a_registered_table_cannot_be_changed(compute: ComputePlugin, sql: str) -> None:
    compute.register_table("t", compute.execute("SELECT 1 AS a"))

    with pytest.raises(UnsupportedOperationError, match="registered"):
        run(compute, sql)

    assert run(compute, "SELECT a FROM t") == [(1,)]


@pytest.mark.parametrize("made_of", ["SELECT 1 AS a", "SELECT 1 AS a WHERE false"])
@pytest.mark.parametrize("sql", ["SET datafusion.execution.batch_size = 100", "INSERT INTO t SELECT 1 WHERE false"])
def test_what_leaves_a_registered_table_as_it_is_may_be_done(compute: ComputePlugin, made_of: str, sql: str) -> None:
    compute.register_table("t", compute.execute(made_of))
    before = run(compute, "SELECT a FROM t")

    run(compute, sql)

    assert run(compute, "SELECT a FROM t") == before


def test_a_view_outlasts_the_registered_table_that_it_needs(compute: ComputePlugin) -> None:
    compute.register_table("t", compute.execute("SELECT 1 AS a"))
    run(compute, "CREATE VIEW v AS SELECT a FROM t")
    compute.release()
    with pytest.raises(ValueError, match="not found"):
        run(compute, "SELECT a FROM v")
    run(compute, "CREATE TABLE other(i INTEGER)")

    compute.register_table("t", compute.execute("SELECT 2 AS a"))

    assert run(compute, "SELECT a FROM v") == [(2,)]


@pytest.mark.parametrize("rows_there", [0, 5000])
def test_a_table_passes_unchanged(compute: ComputePlugin, rows_there: int) -> None:
    made_of = """
        SELECT value AS i, concat('x', value) AS s, make_array(value) AS l, named_struct('a', value) AS r,
               CAST(value AS DECIMAL(9, 2)) AS d, TIMESTAMP '2026-01-08' AS t
        FROM range(CAST($1 AS BIGINT))
    """
    made_of = made_of.replace("CAST($1 AS BIGINT)", str(rows_there))
    compute.register_table("t", compute.execute(made_of))

    passed = run(compute, "SELECT * FROM t ORDER BY i")
    assert len(passed) == rows_there
    assert passed == run(compute, made_of + " ORDER BY i")


def test_no_string_views_reach_other_engines(compute: ComputePlugin) -> None:
    compute.register_table("t", pa.table({"s": pa.array(["a"], pa.string_view())}))

    found = pa.RecordBatchReader.from_stream(compute.execute("SELECT s FROM t")).schema.field("s").type

    assert found in {pa.string(), pa.large_string()}


def test_release_keeps_committed_data_and_drops_registered_tables(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE kept AS SELECT 1 AS a")
    compute.register_table("gone", compute.execute("SELECT 1 AS a"))

    compute.release()

    assert run(compute, "SELECT a FROM kept") == [(1,)]
    with pytest.raises(ValueError, match="not found"):
        run(compute, "SELECT * FROM gone")


def test_release_waits_for_who_is_connected(compute: ComputePlugin) -> None:
    released = threading.Event()

    def release() -> None:
        compute.release()
        released.set()

    with compute.connect() as connection:
        connection.cursor().execute("CREATE TABLE t AS SELECT 1 AS a")
        waiting = threading.Thread(target=release)
        waiting.start()
        # Whoever is connected may go on; it would wait for the release that waits for it.
        assert run(compute, "SELECT 1 AS a") == [(1,)]
        assert not released.is_set()
    waiting.join()

    assert run(compute, "SELECT a FROM t") == [(1,)]


def test_release_refuses_to_wait_for_itself(compute: ComputePlugin) -> None:
    with compute.connect(), pytest.raises(RuntimeError, match="same thread"):
        compute.release()


def test_a_block_is_committed_and_one_that_raises_rolled_back(compute: ComputePlugin) -> None:
    def fail(connection: Any) -> None:
        connection.cursor().executemany("INSERT INTO t VALUES ($1)", [[2], [3]])
        connection.cursor().execute("CREATE TABLE u(a INTEGER)")
        raise ZeroDivisionError

    run(compute, "CREATE TABLE t(a INTEGER)")
    with compute.connect() as connection:
        connection.cursor().execute("INSERT INTO t VALUES ($1)", [1])
        assert connection.cursor().execute("SELECT a FROM t").fetchall() == [(1,)]
        assert run(compute, "SELECT a FROM t") == []
    with pytest.raises(ZeroDivisionError), compute.connect() as connection:
        fail(connection)

    assert run(compute, "SELECT a FROM t") == [(1,)]
    assert run(compute, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'") == [("t",)]


def test_commit_and_rollback_begin_anew(compute: ComputePlugin) -> None:
    def work(connection: Any) -> None:
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO t VALUES ($1)", [[1], [2]])
        connection.commit()
        cursor.execute("INSERT INTO t VALUES (3)")
        connection.rollback()
        cursor.execute("INSERT INTO t VALUES (4)")
        raise ZeroDivisionError

    run(compute, "CREATE TABLE t(a INTEGER)")
    with pytest.raises(ZeroDivisionError), compute.connect() as connection:
        work(connection)

    assert run(compute, "SELECT a FROM t ORDER BY a") == [(1,), (2,)]


def test_a_connection_that_was_closed_in_its_block_has_rolled_back(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t(a INTEGER)")
    with compute.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO t VALUES (1)")
        connection.close()
        with pytest.raises(PluginError, match="closed"):
            cursor.execute("SELECT 1")

    assert run(compute, "SELECT a FROM t") == []


def test_a_connection_is_of_no_use_after_its_block(compute: ComputePlugin) -> None:
    with compute.connect() as connection:
        cursor = connection.cursor()

    with pytest.raises(PluginError, match="closed"):
        cursor.execute("SELECT 1")


def test_of_two_that_change_the_same_table_the_later_one_is_undone(compute: ComputePlugin) -> None:
    def meet(connection: Any) -> None:
        connection.cursor().execute("INSERT INTO t VALUES (1)")
        run(compute, "INSERT INTO t VALUES (2)")

    run(compute, "CREATE TABLE t(a INTEGER)")
    run(compute, "CREATE TABLE u(a INTEGER)")

    with pytest.raises(PluginError, match="another transaction"), compute.connect() as connection:
        meet(connection)
    with compute.connect() as connection:
        connection.cursor().execute("INSERT INTO u VALUES (3)")
        run(compute, "INSERT INTO t VALUES (4)")

    assert run(compute, "SELECT a FROM t ORDER BY a") == [(2,), (4,)]
    assert run(compute, "SELECT a FROM u") == [(3,)]


def test_cursors_of_a_connection_do_not_disturb_each_other(compute: ComputePlugin) -> None:
    with compute.connect() as connection:
        first, second = connection.cursor(), connection.cursor()
        first.execute("SELECT value FROM range(5000) ORDER BY value")
        assert first.fetchone() == (0,)
        second.execute("SELECT $x AS a", {"x": 1})
        assert first.fetchmany(2) == [(1,), (2,)]
        assert second.description[0][0] == "a"
        assert [*second] == [(1,)]
        assert len(first.fetchall()) == 4997
        assert first.fetchone() is None


def test_rows_of_no_query_are_an_error(compute: ComputePlugin) -> None:
    with compute.connect() as connection, pytest.raises(PluginError, match="no rows"):
        connection.cursor().fetchone()


def test_what_is_not_kept_is_refused(compute: ComputePlugin) -> None:
    with pytest.raises(UnsupportedOperationError, match="schema public"):
        run(compute, "CREATE SCHEMA other")
    with pytest.raises(UnsupportedOperationError, match="dbt"):
        compute.dbt_profile("dev")


def test_many_threads_work_at_once(compute: ComputePlugin) -> None:
    together = threading.Barrier(6)
    failures: list[BaseException] = []
    run(compute, "CREATE TABLE t(a INTEGER)")

    def work(number: int) -> None:
        try:
            together.wait()
            for turn in range(4):
                compute.register_table("shared", compute.execute("SELECT $1 AS a", [number]))
                compute.register_table(f"own_{number}", compute.execute("SELECT $1 AS a", [turn]))
                assert run(compute, f"SELECT a FROM own_{number}") == [(turn,)]  # noqa: S608
                run(compute, "INSERT INTO t VALUES ($1)", [number])
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert run(compute, "SELECT count(*) FROM t") == [(24,)]


def test_releasing_between_others_statements_loses_nothing(compute: ComputePlugin) -> None:
    run(compute, "CREATE TABLE t(a INTEGER)")
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(10):
                run(compute, "INSERT INTO t VALUES ($1)", [number])
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(10):
        compute.release()
    thread.join()

    assert failures == []
    assert run(compute, "SELECT count(*) FROM t") == [(10,)]


def test_limits_reach_the_engine(root: Path) -> None:
    with platform(root, threads=3, memory_limit="1MiB") as registry:
        compute = of(registry)
        found = run(compute, "SELECT value FROM information_schema.df_settings WHERE name LIKE '%target_partitions'")
        assert found == [("3",)]
        with pytest.raises(Exception, match=r"memory|Resources"):
            run(compute, "SELECT count(*) FROM (SELECT DISTINCT value, concat('x', value) AS s FROM range(3000000))")


def test_what_was_committed_outlasts_the_process(root: Path) -> None:
    with platform(root, path="w") as registry:
        run(of(registry), "CREATE TABLE t AS SELECT 1 AS a, 'x' AS \"B\"")
        run(of(registry), "CREATE VIEW v AS SELECT a FROM t")

    with platform(root, path="w") as registry:
        assert run(of(registry), 'SELECT a, "B" FROM t') == [(1, "x")]
        assert run(of(registry), "SELECT a FROM v") == [(1,)]


def test_only_what_newer_versions_need_is_kept(kept: ComputePlugin, root: Path) -> None:
    run(kept, "CREATE TABLE steady AS SELECT 1 AS a")
    for number in range(8):
        run(kept, f"CREATE OR REPLACE TABLE changing AS SELECT {number} AS a")

    files = [path.name for path in (root / "db" / "warehouse").rglob("*.parquet")]

    assert len([name for name in files if name.startswith("steady")]) == 1
    assert len([name for name in files if name.startswith("changing")]) == 3


def test_a_commit_that_another_process_was_faster_than_leaves_no_files(kept: ComputePlugin, root: Path) -> None:
    run(kept, "CREATE TABLE t(a INTEGER)")
    with platform(root, path="db/warehouse") as other:
        run(of(other), "CREATE TABLE u(a INTEGER)")
    before = sorted((root / "db" / "warehouse").rglob("*"))

    with pytest.raises(PluginError, match="another process"):
        run(kept, "INSERT INTO t VALUES (2)")

    assert sorted((root / "db" / "warehouse").rglob("*")) == before


def test_a_definition_takes_no_parameters_and_says_so(compute: ComputePlugin) -> None:
    with pytest.raises(ValueError, match="Placeholder"):
        run(compute, "CREATE TABLE t AS SELECT $1 AS a", [1])

    assert run(compute, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == [(0,)]


def test_another_process_sees_what_was_committed_and_conflicts_are_told(kept: ComputePlugin, root: Path) -> None:
    run(kept, "CREATE TABLE t(a INTEGER)")
    with platform(root, path="db/warehouse") as other:
        run(of(other), "INSERT INTO t VALUES (1)")

        with pytest.raises(PluginError, match="another process"):
            run(kept, "INSERT INTO t VALUES (2)")
        assert run(kept, "SELECT a FROM t") == []
        kept.release()
        assert run(kept, "SELECT a FROM t") == [(1,)]
        run(kept, "INSERT INTO t VALUES (2)")

        of(other).release()
        assert run(of(other), "SELECT a FROM t ORDER BY a") == [(1,), (2,)]


def test_checking_health_does_not_take_the_tables_back(kept: ComputePlugin) -> None:
    assert kept.health_check().message == "DataFusion answers"
    kept.release()

    assert kept.health_check().state is HealthState.HEALTHY
    assert "released" in kept.health_check().message


@pytest.mark.drill("damaged tables of DataFusion")
def test_damaged_files_fail_the_start_and_are_left_alone(
    request: pytest.FixtureRequest, kept: ComputePlugin, root: Path
) -> None:
    run(kept, "CREATE TABLE t AS SELECT 1 AS a")
    [table] = (root / "db" / "warehouse").rglob("*.parquet")
    backup = table.read_bytes()
    table.write_bytes(b"PAR1 nonsense")

    registry = platform(root, path="db/warehouse")
    request.addfinalizer(registry.shutdown)
    [failed] = registry.startup().failed
    report = registry.health()
    registry.get(StoragePlugin, "local").open("beside", "wb").close()

    assert failed.ref == REF
    assert "damaged" in failed.message
    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"compute:datafusion": "unhealthy", "storage:local": "healthy"}
    assert table.read_bytes() == b"PAR1 nonsense"
    table.write_bytes(backup)
    assert registry.start(ComputePlugin, "datafusion").ok
    assert run(of(registry), "SELECT a FROM t") == [(1,)]
    assert registry.health().state is HealthState.HEALTHY
    assert stopped(registry) == ["compute:datafusion", "storage:local"]


@pytest.mark.drill("DataFusion tables on a full disk")
def test_a_full_disk_is_an_error_and_loses_nothing_that_was_committed(
    request: pytest.FixtureRequest, root: Path
) -> None:
    registry = platform(root, path="w")
    request.addfinalizer(registry.shutdown)
    registry.startup().raise_for_failures()
    compute = of(registry)
    run(compute, "CREATE TABLE t AS SELECT 1 AS a")

    with no_space(10_000):
        with pytest.raises(OSError, match="File too large"):
            compute.execute("INSERT INTO t SELECT value FROM range(100000)")
        report = registry.health()
        assert run(compute, "SELECT a FROM t") == [(1,)]

    # What is there can be queried, and small things still have room.
    assert states(report) == {"compute:datafusion": "healthy", "storage:local": "healthy"}
    run(compute, "INSERT INTO t VALUES (2)")
    compute.release()
    assert run(compute, "SELECT a FROM t ORDER BY a") == [(1,), (2,)]
    assert stopped(registry) == ["compute:datafusion", "storage:local"]


def test_stopping_leaves_a_running_transaction_uncommitted(root: Path) -> None:
    registry = platform(root, path="w")
    registry.startup().raise_for_failures()
    compute = of(registry)
    run(compute, "CREATE TABLE t(a INTEGER)")

    def stop(connection: Any) -> None:
        connection.cursor().execute("INSERT INTO t VALUES (1)")
        assert registry.shutdown().ok

    with pytest.raises(PluginError, match="closed"), compute.connect() as connection:
        stop(connection)

    with platform(root, path="w") as again:
        assert run(of(again), "SELECT a FROM t") == []


@pytest.mark.parametrize("config", [{"threads": 0}, {"memory_limit": "0"}, {"path": ""}], ids=str)
def test_a_wrong_configuration_is_refused(root: Path, config: dict[str, Any]) -> None:
    with pytest.raises(PluginConfigurationError, match=rf"plugins\.compute\.datafusion\.{next(iter(config))}"):
        platform(root, **config).startup()


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_compute_datafusion;"
        "print([m for m in ('datafusion', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "[]"


def test_the_class_is_what_its_entry_point_names(compute: ComputePlugin) -> None:
    assert isinstance(compute, DataFusionCompute)
