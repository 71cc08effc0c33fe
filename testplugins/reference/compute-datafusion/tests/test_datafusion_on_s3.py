"""Tables and files in S3. Needs floe-reference-storage-s3 and moto beside the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from s3_service import Service, running_service

from floe_plugins import ComputePlugin, PluginRegistry, StoragePlugin
from floe_plugins.hookspecs.compute import Files


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service("floe-lake") as service:
        yield service


@pytest.fixture
def registry(service: Service, tmp_path: Path) -> Iterator[PluginRegistry]:
    s3 = service.settings | {"prefix": tmp_path.name}
    plugins = {"compute": {"datafusion": {"path": "db"}}, "storage": {"s3": s3}}
    with PluginRegistry({"plugins": plugins}, required=["compute:datafusion"]) as registry:
        yield registry


def rows(stream: Any) -> list[tuple[Any, ...]]:
    table = pa.RecordBatchReader.from_stream(stream).read_all()
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_what_was_written_is_read_by_uri_and_by_name(compute: ComputePlugin, storage: StoragePlugin, kind: str) -> None:
    target = Files(storage.uri(f"out/n 1.{kind}"), kind)

    report = compute.write("SELECT value AS i FROM range(3000)", target)
    compute.attach("numbers", target)

    assert report.rows == 3000
    assert rows(compute.execute("SELECT sum(i) AS i FROM numbers")) == [(4498500,)]
    assert rows(compute.execute(f"SELECT sum(i) AS i FROM '{target.uri}'")) == [(4498500,)]  # noqa: S608
    assert [each.path for each in storage.list("out")] == [f"out/n 1.{kind}"]


def test_folders_and_patterns_are_attached(compute: ComputePlugin, storage: StoragePlugin) -> None:
    for number in (1, 2):
        compute.write(f"SELECT {number} AS i", Files(storage.uri(f"in/{number}.parquet")))

    for place, total in (("in", 3), ("in/2.parquet", 2), ("in/*.parquet", 3)):
        compute.attach("t", Files(storage.uri("in") + place.removeprefix("in")))
        assert rows(compute.execute("SELECT sum(i) AS i FROM t")) == [(total,)]


def test_nothing_is_written_over_unless_it_is_replaced(compute: ComputePlugin, storage: StoragePlugin) -> None:
    compute.write("SELECT 1 AS a", Files(storage.uri("t/part.parquet")))

    for path in ("t", "t/part.parquet"):
        with pytest.raises(FileExistsError):
            compute.write("SELECT 2 AS a", Files(storage.uri(path)))
    with pytest.raises(Exception, match=r"(?i)divide by zero"):
        compute.write("SELECT 1 / (99999 - value) AS a FROM range(100000)", Files(storage.uri("t")), "replace")
    assert [each.path for each in storage.list("t")] == ["t/part.parquet"]
    compute.write("SELECT 2 AS a", Files(storage.uri("t")), "replace")
    assert [each.path for each in storage.list("t")] == ["t"]


def test_tables_are_kept_in_s3(compute: ComputePlugin) -> None:
    compute.execute("CREATE TABLE t AS SELECT 1 AS a")
    compute.release()
    assert rows(compute.execute("SELECT a FROM t")) == [(1,)]
