"""Tables in S3. Needs floe-reference-storage-s3 and moto beside the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from floe_plugins import CatalogPlugin, HealthState, PluginRegistry, StoragePlugin

pytest.importorskip("floe_reference_storage_s3")
boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

KEY = "hunter2-Zq8xW0vK"
NUMBERS = pa.table({"n": list(range(1000))})


class Service:
    """S3 on this machine, which keeps its objects while it is down."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = moto_server.ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        _, self.port = self._server.get_host_and_port()

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    client = boto3.resource(
        "s3",
        endpoint_url=made.address,
        aws_access_key_id="id",
        aws_secret_access_key=KEY,
        region_name="us-east-1",
    )
    bucket = client.create_bucket(Bucket="floe-tables")
    yield made
    bucket.objects.all().delete()
    bucket.delete()
    client.meta.client.close()
    made.stop()


@pytest.fixture
def registry(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginRegistry]:
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", f"sqlite:///{tmp_path}/catalog.db")
    config: dict[str, Any] = {
        "plugins": {
            "catalog": {"iceberg": {"storage": "s3"}},
            "storage": {
                "s3": {
                    "bucket": "floe-tables",
                    "prefix": "lake",
                    "endpoint": service.address,
                    "access_key_id": "id",
                    "secret_access_key": KEY,
                    "connect_timeout": 1,
                    "read_timeout": 2,
                    "attempts": 1,
                }
            },
            "secrets": {"env": {"prefix": "CATALOG_TEST_"}},
        }
    }
    with PluginRegistry(config) as registry:
        assert registry.problems == ()
        yield registry


def test_tables_lie_in_the_bucket(registry: PluginRegistry) -> None:
    catalog, storage = registry.get(CatalogPlugin, "iceberg"), registry.get(StoragePlugin, "s3")
    catalog.ensure_namespace("sales")
    made = catalog.ensure_table("sales.numbers", NUMBERS)
    catalog.append("sales.numbers", NUMBERS)

    assert made.location == "s3://floe-tables/lake/sales/numbers"
    assert pa.table(catalog.read("sales.numbers")).num_rows == 1000
    assert any(info.path.endswith(".parquet") for info in storage.list("sales/numbers/data/"))
    assert catalog.drop_table("sales.numbers", purge=True) is True
    assert storage.list() == ()


@pytest.mark.drill("Iceberg tables in an S3 service that is down")
def test_a_service_that_is_down_loses_nothing_that_was_committed(registry: PluginRegistry, service: Service) -> None:
    catalog = registry.get(CatalogPlugin, "iceberg")
    catalog.ensure_namespace("sales")
    catalog.ensure_table("sales.numbers", NUMBERS)
    catalog.append("sales.numbers", NUMBERS)

    service.stop()
    with pytest.raises(OSError, match=r".+") as caught:
        catalog.append("sales.numbers", NUMBERS)
    report = registry.health()
    service.start()

    assert KEY not in f"{caught.value} {report}"
    assert {str(ref): str(status.state) for ref, status in report.statuses.items()} == {
        "catalog:iceberg": "healthy",
        "secrets:env": "healthy",
        "storage:s3": "unhealthy",
    }
    assert registry.health().state is HealthState.HEALTHY
    assert pa.table(catalog.read("sales.numbers")).num_rows == 1000
    catalog.append("sales.numbers", NUMBERS)
    assert pa.table(catalog.read("sales.numbers")).num_rows == 2000
    stopped = registry.shutdown()
    assert stopped.ok
    assert str(stopped.outcomes[0].ref) == "catalog:iceberg"
