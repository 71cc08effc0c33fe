"""SQL by Spark, on a real Spark Connect server."""

from __future__ import annotations

import concurrent.futures
import itertools
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
from floe_reference_compute_spark import SparkCompute, SparkConfig
from pydantic import ValidationError
from pyspark.sql.connect.proto import base_pb2_grpc

from floe_plugins import (
    CancelledOperationError,
    HealthState,
    PluginError,
    PluginTimeoutError,
    PluginUnavailableError,
    UnsupportedOperationError,
)
from floe_plugins.hookspecs.compute import Files
from floe_plugins.hookspecs.running import RunState

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000000) WHERE id % 7 = 8"
SECRET = "s3cret"  # noqa: S105 nobody has it
# More than any limit here, and never in memory as a whole.
MANY = "SELECT id, id * 2 AS twice FROM range(100000000)"


def rows(result: Any) -> list[tuple[Any, ...]]:
    table = pa.table(result)
    return [*zip(*(column.to_pylist() for column in table.columns), strict=True)]


def test_a_query_gives_its_rows_which_can_be_read_again(compute: SparkCompute) -> None:
    result = compute.execute("SELECT 1 AS a, 'x' AS b")
    compute.execute("SELECT 2")

    assert rows(result) == rows(result) == [(1, "x")]


@pytest.mark.parametrize(
    ("sql", "parameters"), [("SELECT ? AS a", ["x'; DROP"]), ("SELECT :a AS a", {"a": "x'; DROP"})]
)
def test_parameters_are_bound(compute: SparkCompute, sql: str, parameters: Any) -> None:
    assert rows(compute.execute(sql, parameters)) == [("x'; DROP",)]


def test_a_query_without_rows_has_its_columns(compute: SparkCompute) -> None:
    assert pa.table(compute.execute("SELECT id FROM range(3) WHERE id > 5")).column_names == ["id"]


def test_an_error_of_a_statement_is_sparks_own(compute: SparkCompute) -> None:
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException, match="gone"):
        compute.execute("SELECT * FROM gone")
    with pytest.raises(PySparkException):
        compute.execute("SELEC 1")


def test_a_registered_table_is_queried_by_its_name(compute: SparkCompute) -> None:
    compute.register_table("Orders", pa.table({"id": [1, 2], "amount": [1.5, 2.5]}))
    assert rows(compute.execute("SELECT sum(amount) AS s FROM orders")) == [(4.0,)]
    with compute.connect() as connection:
        assert connection.cursor().execute("SELECT id FROM orders ORDER BY id").fetchall() == [(1,), (2,)]
    compute.register_table("orders", pa.table({"id": [3]}))
    assert rows(compute.execute("SELECT id FROM orders")) == [(3,)]
    compute.release()
    with pytest.raises(Exception, match="orders"):
        compute.execute("SELECT id FROM orders")


@pytest.mark.parametrize("name", ["", "a b", "a;b", "`a`", "a.b"])
def test_what_sql_could_not_name_is_no_table(compute: SparkCompute, name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        compute.register_table(name, pa.table({"id": [1]}))


def test_temporary_views_of_one_caller_are_not_seen_by_others(compute: SparkCompute) -> None:
    with compute.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP VIEW mine AS SELECT 1 AS a")
        assert cursor.execute("SELECT a FROM mine").fetchone() == (1,)
        with pytest.raises(Exception, match="mine"):
            compute.execute("SELECT a FROM mine")


def test_there_are_no_transactions(compute: SparkCompute) -> None:
    with compute.connect() as connection:
        connection.commit()
        with pytest.raises(UnsupportedOperationError, match="no transactions"):
            connection.rollback()


def test_a_submitted_query_is_read_while_it_runs(compute: SparkCompute) -> None:
    query = compute.submit(MANY + " WHERE id >= ?", [10])
    batches = iter(query.result())  # type: ignore[call-overload]
    assert next(batch for batch in batches if batch.num_rows).num_rows < 1_000_000
    assert query.state is RunState.RUNNING
    query.cancel()
    with pytest.raises(CancelledOperationError):
        list(batches)
    assert query.state is RunState.CANCELLED


def test_a_query_that_was_read_to_its_end_has_succeeded(compute: SparkCompute) -> None:
    query = compute.submit("SELECT id FROM range(100000)")
    assert pa.table(query.result()).num_rows == 100_000
    assert query.state is RunState.SUCCEEDED
    query.cancel()
    assert query.state is RunState.SUCCEEDED


def test_rows_that_were_given_are_not_given_again(compute: SparkCompute) -> None:
    query = compute.submit("SELECT 1 AS a")
    assert rows(query.result()) == [(1,)]
    with pytest.raises(RuntimeError, match="asked for before"):
        query.result()


def test_a_query_that_never_ends_is_cancelled_and_the_others_go_on(compute: SparkCompute) -> None:
    query, other = compute.submit(ENDLESS), compute.submit("SELECT 1 AS a")
    assert rows(other.result()) == [(1,)]
    assert query.state is RunState.RUNNING
    query.cancel()
    with pytest.raises(CancelledOperationError, match="compute:spark was cancelled"):
        query.result()
    assert rows(compute.execute("SELECT 2 AS a")) == [(2,)]


def test_a_query_that_takes_too_long_is_ended(compute: SparkCompute) -> None:
    query = compute.submit(ENDLESS, timeout=0.3)
    with pytest.raises(PluginTimeoutError, match=r"within 0\.3 seconds"):
        query.result()
    assert query.state is RunState.FAILED


def test_a_result_beyond_the_limit_raises_and_is_not_fetched(
    connected: Callable[..., SparkCompute], server: Any
) -> None:
    compute = connected(server.remote, max_result="1MB", max_stream="2MB")
    with pytest.raises(PluginError, match="more than 1000000 bytes"):
        compute.execute(MANY)
    query = compute.submit(MANY)
    # Arrow's stream interface passes on the text of an error; the query has the error itself.
    with pytest.raises(pa.ArrowInvalid, match="more than 2000000 bytes"):
        pa.table(query.result())
    with pytest.raises(PluginError, match="more than 2000000 bytes"):
        query.result()
    assert rows(compute.execute("SELECT 1 AS a")) == [(1,)]


def test_stopping_ends_what_runs(connected: Callable[..., SparkCompute], server: Any) -> None:
    compute = connected(server.remote)
    query = compute.submit(ENDLESS)
    compute.shutdown()
    with pytest.raises(PluginUnavailableError):
        query.result()
    compute.startup()


def test_the_engine_writes_files_and_reads_them_where_they_are(compute: SparkCompute, tmp_path: Path) -> None:
    target = Files(f"file://{tmp_path}/numbers")
    compute.write("SELECT id, id * 2 AS twice FROM range(10)", target)
    compute.attach("numbers", target)
    assert rows(compute.execute("SELECT count(*) AS n, sum(twice) AS s FROM numbers")) == [(10, 90)]
    with pytest.raises(FileExistsError, match="already"):
        compute.write("SELECT 1 AS id", target)
    compute.write("SELECT id, id AS twice FROM range(5)", target, "append")
    assert rows(compute.execute("SELECT count(*) AS n FROM numbers")) == [(15,)]
    compute.write("SELECT id, id AS twice FROM range(2)", target, "replace")
    assert rows(compute.execute("SELECT count(*) AS n FROM numbers")) == [(2,)]


def test_files_that_cannot_be_read_are_refused_at_once(compute: SparkCompute, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        compute.attach("t", Files(f"file://{tmp_path}/nowhere"))
    (tmp_path / "text.parquet").write_text("no parquet", encoding="utf-8")
    with pytest.raises(ValueError, match=r"text\.parquet cannot be read as parquet"):
        compute.attach("t", Files(f"file://{tmp_path}/text.parquet"))
    with pytest.raises(UnsupportedOperationError, match="'xlsx'"):
        compute.attach("t", Files("file:///t.xlsx", "xlsx"))
    with pytest.raises(UnsupportedOperationError, match="'xlsx'"):
        compute.write("SELECT 1", Files("file:///t.xlsx", "xlsx"))


def test_what_the_engine_can_do_is_what_it_says(compute: SparkCompute) -> None:
    can = compute.capabilities()
    assert (can.dialect, can.distributed, can.transactions) == ("spark", True, False)
    assert can.placeholders == ("?", ":name")
    with pytest.raises(UnsupportedOperationError):
        compute.lease()
    with pytest.raises(UnsupportedOperationError, match="dev"):
        compute.dbt_profile("dev")


def test_many_callers_have_sessions_of_their_own(compute: SparkCompute) -> None:
    def work(number: int) -> list[tuple[Any, ...]]:
        with compute.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE TEMP VIEW own AS SELECT {number} AS a")
            return cursor.execute("SELECT a FROM own").fetchall()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [[(number,)] for number in range(16)]


def unused() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"sc://127.0.0.1:{found.getsockname()[1]}"


def made(remote: str, **config: Any) -> SparkCompute:
    plugin = SparkCompute()
    plugin.config = SparkConfig(remote=remote, **config)
    return plugin


def test_a_server_that_is_not_there_is_unavailable() -> None:
    remote = unused()
    with pytest.raises(PluginUnavailableError, match=f"{remote} does not answer"):
        made(remote).startup()


def test_a_server_that_says_nothing_is_given_up_after_the_configured_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        remote = f"sc://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises((PluginTimeoutError, PluginUnavailableError), match="does not answer"):
            made(remote, answer_timeout=0.5).startup()


def test_a_server_that_dies_during_a_query_is_unavailable(connected: Callable[..., SparkCompute], mortal: Any) -> None:
    compute = connected(mortal.remote, answer_timeout=5)
    running, reading = compute.submit(ENDLESS), compute.submit(MANY)
    batches = iter(reading.result())  # type: ignore[call-overload]
    next(batches)
    assert compute.health_check().state is HealthState.HEALTHY
    mortal.kill()
    with pytest.raises(PluginUnavailableError, match="does not answer"):
        running.result()
    with pytest.raises(PluginUnavailableError, match="does not answer"):
        list(batches)
    assert running.state is reading.state is RunState.FAILED
    assert compute.health_check().state is HealthState.UNHEALTHY


class Guarded(base_pb2_grpc.SparkConnectServiceServicer):
    """A server that lets nobody in, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def AnalyzePlan(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.told += [value for key, value in context.invocation_metadata() if key == "authorization"]
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")

    Config = ExecutePlan = AnalyzePlan


@pytest.fixture
def guarded() -> Iterator[tuple[Guarded, str]]:
    servicer = Guarded()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    base_pb2_grpc.add_SparkConnectServiceServicer_to_server(servicer, server)
    port = server.add_secure_port("localhost:0", grpc.local_server_credentials())
    server.start()
    yield servicer, f"sc://localhost:{port}"
    server.stop(None).wait()


def test_a_token_that_is_refused_is_named_as_the_cause_and_not_shown(guarded: tuple[Guarded, str]) -> None:
    servicer, remote = guarded
    with pytest.raises(PluginError, match="refuses the token") as caught:
        made(remote, token=SECRET).startup()
    assert not isinstance(caught.value, PluginUnavailableError)
    assert "plugins.compute.spark.token" in caught.value.hint
    assert servicer.told == ["Bearer s3cret"]
    assert "s3cret" not in str(caught.value) + repr(caught.value) + repr(made(remote, token=SECRET).config)


@pytest.mark.parametrize(
    "remote", ["", "spark.example.com", "http://x:1", "sc://", "sc://x:1/;token=abc", "sc://u@x", "sc://x/;a"]
)
def test_a_remote_that_is_none_or_holds_a_token_is_refused(remote: str) -> None:
    with pytest.raises(ValidationError):
        SparkConfig(remote=remote)


def test_no_thread_and_no_session_is_left(connected: Callable[..., SparkCompute], server: Any) -> None:
    compute = connected(server.remote)
    for _ in range(3):
        compute.execute("SELECT 1")
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("floe a query")]


def test_importing_the_plugin_imports_no_engine() -> None:
    code = "import sys, floe_reference_compute_spark; print({'pyspark', 'grpc', 'pandas', 'pyarrow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == "set()\n"


def test_ids_of_queries_are_those_of_their_sessions(compute: SparkCompute) -> None:
    ids = [compute.submit("SELECT 1").id for _ in range(2)]
    assert len({*ids}) == 2
    assert all(part for part in itertools.chain(*(each.split("-") for each in ids)))
