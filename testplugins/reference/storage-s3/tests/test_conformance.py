from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from floe_reference_storage_s3 import S3Storage

from floe_plugins.testing import StorageConformance


class TestS3Storage(StorageConformance):
    plugin = S3Storage
    seconds = 120.0
    consumers = ("pyiceberg", "duckdb")
    # fsspec takes what follows a "?" for a version.
    names = [name for name in StorageConformance.names if "?" not in name]  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _service(self, wire: Any, bucket: Any) -> None:
        self.wire = wire
        self.config = {
            "bucket": bucket.name,
            "prefix": "team a/lake",
            "endpoint": wire.address,
            "access_key_id": "AKIAQXJZ",
            "secret_access_key": "hunter2-Zq8xW0vK",
            "part_size": "5MiB",
        }

    @contextlib.contextmanager
    def outage(self, plugin: Any) -> Iterator[None]:
        self.wire.cut()
        yield
        self.wire.mend()
