"""Files in S3, through the storage's plugin. Needs floe-reference-storage-s3 and moto beside the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import nanoarrow
import pytest
from s3_service import Service, running_service

from floe_plugins import ComputePlugin, PluginRegistry, PluginState, StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.compute import Files


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service("floe-lake") as service:
        yield service


@pytest.fixture
def registry(service: Service, tmp_path: Path) -> Iterator[PluginRegistry]:
    s3 = service.settings | {"prefix": tmp_path.name}
    with PluginRegistry({"plugins": {"compute": {"duckdb": {}}, "storage": {"s3": s3}}}) as registry:
        yield registry


def rows(stream: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in nanoarrow.ArrayStream(stream).read_all().to_pylist()]


def test_no_other_storage_is_started_than_the_one_that_is_configured(registry: PluginRegistry) -> None:
    assert registry.state(StoragePlugin, "s3") is PluginState.STARTED
    assert registry.state(StoragePlugin, "local") is not PluginState.STARTED


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_what_was_written_is_attached_and_read(compute: ComputePlugin, storage: StoragePlugin, kind: str) -> None:
    target = Files(storage.uri(f"out/n.{kind}"), kind)

    report = compute.write("SELECT i::BIGINT AS i FROM range(3) r(i)", target)
    compute.attach("numbers", target)

    assert (report.uri, report.rows) == (target.uri, 3)
    assert rows(compute.execute("SELECT i FROM numbers ORDER BY i")) == [(0,), (1,), (2,)]
    assert [each.path for each in storage.list()] == [f"out/n.{kind}"]


def test_a_pattern_of_files_is_attached(compute: ComputePlugin, storage: StoragePlugin) -> None:
    for number in range(3):
        compute.write(f"SELECT {number} AS i", Files(storage.uri(f"in/{number}.parquet")))

    compute.attach("all_of_them", Files(storage.uri("in/*.parquet")))

    assert rows(compute.execute("SELECT sum(i)::INT AS s FROM all_of_them")) == [(3,)]


def test_nothing_is_written_over_unless_it_is_replaced(compute: ComputePlugin, storage: StoragePlugin) -> None:
    target = Files(storage.uri("n.csv"), "csv")
    compute.write("SELECT 1 AS a", target)

    with pytest.raises(FileExistsError):
        compute.write("SELECT 2 AS a", target)
    with pytest.raises(duckdb.Error):
        # Fails when much of it has been written.
        compute.write(
            "SELECT CASE WHEN i = 999999 THEN error('no') ELSE i END AS a FROM range(1000000) r(i)", target, "replace"
        )
    with storage.open("n.csv") as file:
        assert file.read() == b"a\n1\n"
    compute.write("SELECT 2 AS a", target, "replace")
    with storage.open("n.csv") as file:
        assert file.read() == b"a\n2\n"


def test_what_is_replaced_leaves_nothing_else_there(compute: ComputePlugin, storage: StoragePlugin) -> None:
    compute.write("SELECT 1 AS a", Files(storage.uri("t/part.parquet")))

    with pytest.raises(FileExistsError):
        compute.write("SELECT 2 AS a", Files(storage.uri("t")))
    compute.write("SELECT 2 AS a", Files(storage.uri("t")), "replace")

    assert [each.path for each in storage.list()] == ["t"]


def test_only_places_in_the_storage_are_written(compute: ComputePlugin, storage: StoragePlugin) -> None:
    for uri in ("s3://other/t.parquet", storage.uri("t").replace("s3:", "gs:")):
        with pytest.raises(UnsupportedOperationError, match="neither on this machine nor in storage:s3"):
            compute.write("SELECT 1", Files(uri))
