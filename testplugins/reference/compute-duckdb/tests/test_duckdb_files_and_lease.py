"""Files as tables, results as files, and the database for another tool alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import nanoarrow
import pytest
from floe_reference_compute_duckdb import DuckDBCompute
from floe_reference_storage_local import LocalStorage

from floe_plugins import ComputePlugin, PluginRegistry, StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.compute import Files


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    assert (DuckDBCompute.name, LocalStorage.name) == ("duckdb", "local")
    plugins = {"compute": {"duckdb": {"path": "db.duckdb"}}, "storage": {"local": {"root": str(tmp_path / "it's")}}}
    with PluginRegistry({"plugins": plugins}) as registry:
        yield registry


def rows(stream: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in nanoarrow.ArrayStream(stream).read_all().to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_what_was_written_is_attached_and_read(compute: ComputePlugin, storage: StoragePlugin, kind: str) -> None:
    target = Files(storage.uri(f"out/n.{kind}"), kind)

    report = compute.write("SELECT i::BIGINT AS i FROM range(3) r(i); -- all", target)
    compute.attach("numbers", target)

    assert (report.uri, report.rows) == (target.uri, 3)
    assert rows(compute.execute("SELECT i FROM numbers ORDER BY i")) == [(0,), (1,), (2,)]
    assert [each.path for each in storage.list("out/")] == [f"out/n.{kind}"]


def test_options_are_those_of_the_format(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv", {"delim": ";", "header": "false"})

    compute.write("SELECT 1 AS a, 2 AS b", target)
    compute.attach("pair", target)

    with storage.open("n.csv") as file:
        assert file.read() == b"1;2\n"
    assert rows(compute.execute("FROM pair")) == [(1, 2)]


def test_nothing_is_written_over_unless_it_is_replaced(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")
    compute.write("SELECT 1 AS a", target)

    with pytest.raises(FileExistsError):
        compute.write("SELECT 2 AS a", target)
    with pytest.raises(duckdb.Error):
        compute.write("SELECT error('no')", target, "replace")
    with storage.open("n.csv") as file:
        assert file.read() == b"a\n1\n"
    compute.write("SELECT 2 AS a", target, "replace")
    with storage.open("n.csv") as file:
        assert file.read() == b"a\n2\n"
    assert "n.csv" in {each.path for each in storage.list()}


def test_only_one_query_is_written(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")

    with pytest.raises(ValueError, match="2 statements"):
        compute.write("SELECT 1; SELECT 2", target)
    with pytest.raises(duckdb.Error):
        compute.write("SELECT 1) TO 'x.csv'; --", target)


def test_what_cannot_be_written_or_attached_is_refused(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("t"), "iceberg")

    for call in (
        lambda: compute.write("SELECT 1", target),
        lambda: compute.write("SELECT 1", Files(storage.uri("t")), "append"),
        lambda: compute.write("SELECT 1", Files("s3://bucket/t")),
        lambda: compute.attach("t", target),
    ):
        with pytest.raises(UnsupportedOperationError):
            call()
    with storage.open("text.parquet", "wb") as file:
        file.write(b"not Parquet, though it is long enough")
    for path in ("none.parquet", "text.parquet"):
        with pytest.raises(ValueError, match="cannot be read as parquet"):
            compute.attach("t", Files(storage.uri(path)))


def test_attached_files_replace_and_are_replaced_until_release(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")
    compute.write("SELECT 'file' AS a", target)
    compute.register_table("t", compute.execute("SELECT 'rows' AS a"))
    compute.attach("t", target)
    attached = rows(compute.execute("FROM t"))
    compute.register_table("t", compute.execute("SELECT 'again' AS a"))

    assert (attached, rows(compute.execute("FROM t"))) == ([("file",)], [("again",)])
    compute.attach("t", target)
    compute.release()
    with pytest.raises(duckdb.Error, match="t does not exist"):
        compute.execute("FROM t")


def test_files_that_are_gone_fail_only_who_asks_for_them(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")
    compute.write("SELECT 1 AS a", target)
    compute.attach("t", target)
    storage.delete("n.csv")

    assert rows(compute.execute("SELECT 1")) == [(1,)]
    with pytest.raises(duckdb.Error, match="cannot be read any more"):
        compute.execute("FROM t")


def test_a_lease_is_exclusive_until_it_ends(compute: ComputePlugin) -> None:
    begun, read = threading.Event(), threading.Event()

    def other() -> None:
        begun.set()
        compute.execute("SELECT 1")
        read.set()

    thread = threading.Thread(target=other)
    with compute.lease():
        thread.start()
        assert begun.wait(10)
        for call in (lambda: compute.execute("SELECT 1"), lambda: compute.submit("SELECT 1"), compute.release):
            with pytest.raises(RuntimeError, match="same thread"):
                call()
        assert not read.wait(0.1)
    thread.join(10)
    assert read.is_set()


def test_a_lease_is_refused_within_a_block_and_of_a_database_in_memory(compute: ComputePlugin, tmp_path: Path) -> None:
    with compute.connect(), pytest.raises(RuntimeError, match="same thread"), compute.lease():
        pass
    plugins = {"compute": {"duckdb": {}}, "storage": {"local": {"root": str(tmp_path)}}}
    with PluginRegistry({"plugins": plugins}) as registry:
        in_memory = registry.get(ComputePlugin, "duckdb")
        with pytest.raises(UnsupportedOperationError), in_memory.lease():
            pass
