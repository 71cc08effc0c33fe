"""S3 on this machine, for plugins that use a storage. Needs floe-reference-storage-s3 and moto beside the plugin."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

# Without them, a test module that imports this one is skipped.
pytest.importorskip("floe_reference_storage_s3")
boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

KEY = "hunter2-Zq8xW0vK"


class Service:
    """S3 with one bucket, which keeps its objects while it is down."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def settings(self) -> dict[str, Any]:
        """How ``storage:s3`` is configured to use it."""
        return {
            "bucket": self._bucket,
            "endpoint": self.address,
            "access_key_id": "id",
            "secret_access_key": KEY,
        }

    def start(self) -> None:
        self._server = moto_server.ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def stop(self) -> None:
        self._server.stop()


@contextlib.contextmanager
def running_service(bucket: str) -> Iterator[Service]:
    """A service whose bucket is empty at first, and gone at the end."""
    service = Service(bucket)
    resource = boto3.resource(
        "s3",
        endpoint_url=service.address,
        aws_access_key_id="id",
        aws_secret_access_key=KEY,
        region_name="us-east-1",
    )
    made = resource.create_bucket(Bucket=bucket)
    yield service
    made.objects.all().delete()
    made.delete()
    resource.meta.client.close()
    service.stop()
