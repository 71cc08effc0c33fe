"""Tables in S3. Needs floe-reference-storage-s3 and moto beside the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from catalogs import NUMBERS
from drilling import states
from s3_service import KEY, Service, running_service

from floe_plugins import CatalogPlugin, HealthState, PluginRegistry, StoragePlugin


@pytest.fixture
def service() -> Iterator[Service]:
    with running_service("floe-tables") as service:
        yield service


@pytest.fixture
def registry(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginRegistry]:
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", f"sqlite:///{tmp_path}/catalog.db")
    config: dict[str, Any] = {
        "plugins": {
            "catalog": {"iceberg": {"storage": "s3"}},
            "storage": {
                "s3": service.settings | {"prefix": "lake", "connect_timeout": 1, "read_timeout": 2, "attempts": 1}
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
    assert states(report) == {
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
