"""Objects that are listed lazily, written on a condition, and reached by others."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from pydantic import SecretStr

from floe_plugins import PluginRegistry, StoragePlugin, UnsupportedOperationError

BUCKET = "floe-tests"
KEY_ID, KEY = "AKIAQXJZ", "hunter2-Zq8xW0vK"


@pytest.fixture
def storage(service: tuple[str, int], bucket: Any) -> Iterator[StoragePlugin]:  # noqa: ARG001 it is to be there
    table = {
        "bucket": BUCKET,
        "prefix": "team a/lake",
        "endpoint": f"http://{service[0]}:{service[1]}",
        "access_key_id": KEY_ID,
        "secret_access_key": KEY,
    }
    with PluginRegistry({"plugins": {"storage": {"s3": table}}}) as registry:
        yield registry.get(StoragePlugin, "s3")


def write(storage: StoragePlugin, path: str, content: bytes) -> None:
    with storage.open(path, "wb") as file:
        file.write(content)


def read(storage: StoragePlugin, path: str) -> bytes:
    with storage.open(path) as file:
        return file.read()


def test_objects_are_listed_a_page_at_a_time(storage: StoragePlugin, bucket: Any) -> None:
    for number in range(1005):
        bucket.put_object(Key=f"team a/lake/n/{number:04}", Body=b"")

    found = storage.objects("n/")
    first = [each.path for each in islice(found, 3)]
    # Those of the first page were asked for already, and no others.
    bucket.Object("team a/lake/n/1004").delete()

    assert first == ["n/0000", "n/0001", "n/0002"]
    assert [each.path for each in found][-1] == "n/1003"
    with pytest.raises(ValueError, match="no path"):
        storage.objects("../")


def test_of_many_that_write_in_place_of_one_version_one_succeeds(storage: StoragePlugin) -> None:
    version = storage.write_if("head", b"0", None)
    together = threading.Barrier(5)
    answers: list[str] = []

    def write() -> None:
        together.wait()
        try:
            storage.write_if("head", str(threading.get_ident()).encode(), version)
        except FileExistsError:
            answers.append("refused")
        else:
            answers.append("written")

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["refused"] * 4 + ["written"]


def test_who_has_the_url_reads_and_writes_one_object(storage: StoragePlugin) -> None:
    write(storage, "a b/ü", b"content")

    with urllib.request.urlopen(storage.presign("a b/ü").get_secret_value(), timeout=10) as answer:  # noqa: S310
        assert answer.read() == b"content"
    url = storage.presign("new", "wb", 60).get_secret_value()
    headers = {"Content-Type": "application/octet-stream"}
    sent = urllib.request.Request(url, b"new", headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(sent, timeout=10).close()  # noqa: S310
    assert "X-Amz-Expires=60" in url
    assert (read(storage, "new"), storage.info("new").size) == (b"new", 3)
    for mode, seconds in (("xb", 60), ("rb", 0), ("rb", 8 * 24 * 3600)):
        with pytest.raises(ValueError, match="no URL"):
            storage.presign("new", mode, seconds)


def test_engines_are_told_the_bucket_and_no_secret_shows(storage: StoragePlugin) -> None:
    told = {consumer: storage.access(consumer) for consumer in ("pyiceberg", "duckdb", "object_store", "spark")}

    assert KEY not in str(told)
    assert told["duckdb"]["s3_secret_access_key"] == SecretStr(KEY)
    assert told["object_store"]["allow_http"] == "true"
    assert told["spark"][f"spark.hadoop.fs.s3a.bucket.{BUCKET}.secret.key"] == SecretStr(KEY)
    assert storage.properties("object_store")["secret_access_key"] == KEY
    with pytest.raises(UnsupportedOperationError, match="polka"):
        storage.access("polka")
