from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, BinaryIO

import pytest
from drilling import neighbour_of, states, stopped
from floe_reference_storage_s3 import S3Storage

from floe_plugins import (
    HealthState,
    PluginConfigurationError,
    PluginRegistry,
    PluginState,
    PluginUnavailableError,
    SecretsPlugin,
    StoragePlugin,
    UnsupportedOperationError,
)

BUCKET = "floe-tests"
KEY_ID, KEY = "AKIAQXJZ", "hunter2-Zq8xW0vK"
MIB = 1024 * 1024
OUTSIDE = [
    "../secret",
    "a/../../secret",
    "/etc/passwd",
    "a/..",
    ".",
    "",
    "a//b",
    "./a",
    "a/",
    "nul\0byte",
    "a?versionId=1",
]


def configured(address: str, **settings: Any) -> dict[str, Any]:
    table = {
        "bucket": BUCKET,
        "prefix": "team a/lake",
        "endpoint": address,
        "access_key_id": KEY_ID,
        "secret_access_key": KEY,
        "part_size": "5MiB",
        "connect_timeout": 2,
        "read_timeout": 5,
        "attempts": 2,
    }
    return {"plugins": {"storage": {"s3": table | settings}}}


@contextlib.contextmanager
def platform(address: str, **settings: Any) -> Iterator[PluginRegistry]:
    with PluginRegistry(configured(address, **settings)) as registry:
        yield registry
    assert registry.state(StoragePlugin, "s3") is not PluginState.STARTED


def unstarted(address: str, **settings: Any) -> StoragePlugin:
    config = configured(address, **settings)
    registry = PluginRegistry(config)
    storage = registry.get(StoragePlugin, "s3")
    registry.configure(StoragePlugin, "s3", config["plugins"]["storage"]["s3"])
    return storage


@pytest.fixture
def registry(wire: Any) -> Iterator[PluginRegistry]:
    with platform(wire.address) as registry:
        assert registry.problems == ()
        yield registry


@pytest.fixture
def storage(registry: PluginRegistry) -> StoragePlugin:
    return registry.get(StoragePlugin, "s3")


def write(storage: StoragePlugin, path: str, content: bytes = b"content", mode: str = "wb") -> None:
    with storage.open(path, mode) as file:
        file.write(content)


def read(storage: StoragePlugin, path: str) -> bytes:
    with storage.open(path) as file:
        return file.read()


def write_and_fail(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    raise ConnectionResetError


@pytest.mark.parametrize("size", [0, 3, 5 * MIB, 12 * MIB + 1])
@pytest.mark.parametrize("mode", ["wb", "xb"])
def test_what_was_written_is_read_again(storage: StoragePlugin, size: int, mode: str) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    write(storage, "a/b c/ü.bin", content, mode)

    assert read(storage, "a/b c/ü.bin") == content


def test_objects_lie_below_the_prefix_where_other_tools_find_them(storage: StoragePlugin, bucket: Any) -> None:
    write(storage, "a/b")

    assert [found.key for found in bucket.objects.all()] == ["team a/lake/a/b"]
    assert storage.uri("a/b") == f"s3://{BUCKET}/team a/lake/a/b"


def test_without_a_prefix_the_bucket_is_the_root(wire: Any, bucket: Any) -> None:
    with platform(wire.address, prefix="") as registry:
        storage = registry.get(StoragePlugin, "s3")
        write(storage, "a")

        assert [found.key for found in bucket.objects.all()] == ["a"]
        assert [info.path for info in storage.list()] == ["a"]
        assert storage.filesystem().exists("a")


def test_a_file_is_read_in_pieces_from_anywhere(storage: StoragePlugin) -> None:
    write(storage, "a", b"line 1\nline 2\n" + b"x" * 11 * MIB)

    with storage.open("a") as file:
        assert file.readline() == b"line 1\n"
        assert file.tell() == 7
        file.seek(-3, 2)
        assert file.read() == b"xxx"
        file.seek(12)
        assert file.read(4) == b"2\nxx"


@pytest.mark.parametrize("size", [3, 6 * MIB])
def test_a_file_appears_only_when_it_is_closed(storage: StoragePlugin, size: int) -> None:
    write(storage, "a", b"old")
    with storage.open("a", "wb") as file:
        file.write(b"n" * size)
        file.flush()
        assert file.tell() == size
        assert read(storage, "a") == b"old"

    assert len(read(storage, "a")) == size


@pytest.mark.parametrize("size", [3, 6 * MIB])
@pytest.mark.parametrize("mode", ["wb", "xb"])
def test_nothing_appears_when_the_block_raised(storage: StoragePlugin, bucket: Any, size: int, mode: str) -> None:
    with pytest.raises(ConnectionResetError), storage.open("a", mode) as file:
        write_and_fail(file, b"n" * size)

    assert storage.list() == ()
    assert [*bucket.multipart_uploads.all()] == []


@pytest.mark.parametrize("size", [3, 6 * MIB])
def test_a_forgotten_file_does_not_appear_and_is_warned_about(storage: StoragePlugin, size: int) -> None:
    file = storage.open("a", "wb")
    file.write(b"n" * size)
    with pytest.warns(ResourceWarning, match="never closed"):
        del file

    assert storage.list() == ()


def test_closing_twice_writes_once(storage: StoragePlugin) -> None:
    file = storage.open("a", "wb")
    file.close()
    write(storage, "a", b"by somebody else")

    file.close()

    assert read(storage, "a") == b"by somebody else"
    with pytest.raises(ValueError, match="closed"):
        file.write(b"late")


def test_a_new_file_never_takes_the_place_of_another(storage: StoragePlugin) -> None:
    write(storage, "a", b"first", "xb")

    with pytest.raises(FileExistsError):
        storage.open("a", "xb")

    assert read(storage, "a") == b"first"


@pytest.mark.parametrize("size", [0, 3, 6 * MIB])
def test_who_creates_second_is_told_when_the_file_is_closed(storage: StoragePlugin, bucket: Any, size: int) -> None:
    late = storage.open("a", "xb")
    late.write(b"n" * size)
    write(storage, "a", b"first", "xb")

    with pytest.raises(FileExistsError):
        late.close()

    assert read(storage, "a") == b"first"
    assert [*bucket.multipart_uploads.all()] == []


def test_of_many_who_create_the_same_file_one_succeeds(storage: StoragePlugin) -> None:
    together = threading.Barrier(8)
    winners: list[bytes] = []

    def create(content: bytes) -> None:
        file = storage.open("a", "xb")
        file.write(content)
        together.wait()
        try:
            file.close()
        except FileExistsError:
            return
        winners.append(content)

    threads = [threading.Thread(target=create, args=(b"%d" % n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read(storage, "a") in winners
    # moto looks and writes in two steps, so that it may let several pass where S3 lets one.
    assert [info.path for info in storage.list()] == ["a"]


def test_many_threads_work_at_once_on_a_client_that_was_never_used(wire: Any) -> None:
    storage = unstarted(wire.address)
    together = threading.Barrier(8)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            together.wait()
            write(storage, f"{number}", b"%d" % number)
            assert read(storage, f"{number}") == b"%d" % number
            assert storage.delete(f"{number}") is True
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert storage.list() == ()


def test_reading_what_is_not_there_says_so(storage: StoragePlugin) -> None:
    with pytest.raises(FileNotFoundError):
        storage.open("nothing/here")


@pytest.mark.parametrize("mode", ["r", "w", "ab", "r+b", "", "wb+"])
def test_other_modes_are_refused(storage: StoragePlugin, mode: str) -> None:
    with pytest.raises(ValueError, match="expected 'rb', 'wb' or 'xb'"):
        storage.open("a", mode)


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_root(storage: StoragePlugin, path: str) -> None:
    for call in (storage.uri, storage.open, storage.delete, lambda path: storage.open(path, "wb")):
        with pytest.raises(ValueError, match="storage"):
            call(path)


@pytest.mark.parametrize("prefix", ["../", "..", "/", "/etc", "a/../..", "a/../../etc"])
def test_no_prefix_leads_out_of_the_root(storage: StoragePlugin, prefix: str) -> None:
    with pytest.raises(ValueError, match="storage"):
        storage.list(prefix)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("a", ["a.txt", "a/1", "a/b/2", "ab"]),
        ("a/", ["a/1", "a/b/2"]),
        ("a/b/2", ["a/b/2"]),
        ("a/b/2/", []),
        ("nothing/", []),
        (".", [".hidden"]),
    ],
)
def test_a_prefix_is_one_of_the_text_not_of_the_folder(
    storage: StoragePlugin, prefix: str, expected: list[str]
) -> None:
    for path in ("a/1", "a/b/2", "ab", "a.txt", "b", ".hidden"):
        write(storage, path)

    assert [info.path for info in storage.list(prefix)] == expected


def test_a_list_is_sorted_and_knows_size_and_time(storage: StoragePlugin) -> None:
    for path in ("b", "a/2", "a/1", "ab", "a.txt"):
        write(storage, path, b"12345")

    listed = storage.list()

    assert [info.path for info in listed] == ["a.txt", "a/1", "a/2", "ab", "b"]
    assert {info.size for info in listed} == {5}
    modified = listed[0].modified
    assert modified is not None
    assert modified.tzinfo is timezone.utc
    assert abs(datetime.now(timezone.utc) - modified) < timedelta(minutes=10)


def test_a_list_goes_on_after_the_first_page_and_leaves_out_what_marks_folders(
    storage: StoragePlugin, bucket: Any
) -> None:
    for number in range(1100):
        bucket.put_object(Key=f"team a/lake/many/{number:04}", Body=b"")
    bucket.put_object(Key="team a/lake/folder/", Body=b"")
    bucket.put_object(Key="team a/lake and more", Body=b"")

    assert [info.path for info in storage.list()] == [f"many/{number:04}" for number in range(1100)]


def test_deleting_says_whether_there_was_something(storage: StoragePlugin) -> None:
    write(storage, "a/b")

    assert storage.delete("a") is False
    assert storage.delete("a/b") is True
    assert storage.delete("a/b") is False
    assert storage.list() == ()


def test_the_file_system_has_the_same_root(storage: StoragePlugin) -> None:
    write(storage, "a/1", b"one")
    files = storage.filesystem()

    with files.open("b/2", "wb") as file:
        file.write(b"two")

    assert files.exists("a/1")
    assert files.info("a/1")["size"] == 3
    assert sorted(files.ls("", detail=False)) == ["a", "b"]
    assert read(storage, "b/2") == b"two"
    files.rm("b", recursive=True)
    assert [info.path for info in storage.list()] == ["a/1"]


def test_the_file_system_sees_what_was_written_since(storage: StoragePlugin) -> None:
    files = storage.filesystem()
    write(storage, "a/1")
    assert files.ls("a", detail=False) == ["a/1"]

    write(storage, "a/2")

    assert sorted(files.ls("a", detail=False)) == ["a/1", "a/2"]


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "a/./b"])
def test_the_file_system_does_not_lead_out_of_the_root(storage: StoragePlugin, path: str) -> None:
    files = storage.filesystem()

    for call in (files.open, files.exists, files.info, files.rm, lambda path: files.open(path, "wb")):
        with pytest.raises(ValueError, match="storage"):
            call(path)


def test_pyiceberg_and_duckdb_are_told_the_same_place(storage: StoragePlugin, wire: Any) -> None:
    assert storage.properties("pyiceberg") == {
        "warehouse": f"s3://{BUCKET}/team a/lake",
        "s3.region": "us-east-1",
        "s3.endpoint": wire.address,
        "s3.access-key-id": KEY_ID,
        "s3.secret-access-key": KEY,
        "s3.connect-timeout": "2",
        "s3.request-timeout": "5",
        "s3.force-virtual-addressing": "false",
    }
    assert storage.properties("duckdb") == {
        "s3_region": "us-east-1",
        "s3_endpoint": f"127.0.0.1:{wire.port}",
        "s3_use_ssl": "false",
        "s3_url_style": "path",
        "s3_access_key_id": KEY_ID,
        "s3_secret_access_key": KEY,
    }
    with pytest.raises(UnsupportedOperationError, match="polka"):
        storage.properties("polka")


def test_amazon_itself_is_told_by_host_and_encrypted() -> None:
    registry = PluginRegistry({"plugins": {"storage": {"s3": {"bucket": BUCKET, "region": "eu-central-1"}}}})
    storage = registry.get(StoragePlugin, "s3")
    registry.configure(StoragePlugin, "s3", {"bucket": BUCKET, "region": "eu-central-1"})

    assert storage.properties("duckdb") == {"s3_region": "eu-central-1", "s3_use_ssl": "true", "s3_url_style": "vhost"}


def test_a_bucket_that_can_be_listed_is_healthy(registry: PluginRegistry) -> None:
    [status] = registry.health().statuses.values()

    assert status.state is HealthState.HEALTHY
    assert status.details["root"] == f"s3://{BUCKET}/team a/lake"


@pytest.mark.parametrize("after", [0, 2 * MIB, 7 * MIB])
@pytest.mark.parametrize("mode", ["wb", "xb"])
def test_a_service_that_stops_amid_an_upload_loses_nothing(
    registry: PluginRegistry, storage: StoragePlugin, wire: Any, after: int, mode: str
) -> None:
    write(storage, "kept", b"committed")
    path = "kept" if mode == "wb" else "new"
    wire.cut_after(after)

    with pytest.raises(PluginUnavailableError, match="does not answer"), storage.open(path, mode) as file:
        file.writelines([b"n" * MIB] * 12)
    [status] = registry.health().statuses.values()
    assert status.state is HealthState.UNHEALTHY
    assert "does not answer" in status.message
    wire.mend()

    assert [info.path for info in storage.list()] == ["kept"]
    assert read(storage, "kept") == b"committed"
    write(storage, path, b"again", mode)
    assert read(storage, path) == b"again"
    [status] = registry.health().statuses.values()
    assert status.state is HealthState.HEALTHY


@pytest.mark.drill("S3 service that stops amid an upload")
def test_a_service_that_stops_amid_an_upload_leaves_the_platform_running_until_it_is_back(
    request: pytest.FixtureRequest, wire: Any, bucket: Any
) -> None:
    config = configured(wire.address)
    config["plugins"]["secrets"] = {"neighbour": {}}
    registry = PluginRegistry(config, required=["storage:s3"])
    request.addfinalizer(registry.shutdown)
    registry.register(neighbour_of("storage:s3"))
    registry.startup().raise_for_failures()
    storage = registry.get(StoragePlugin, "s3")
    write(storage, "kept", b"committed")
    # After the first part of several.
    wire.cut_after(7 * MIB)

    with pytest.raises(PluginUnavailableError, match="does not answer"), storage.open("kept", "wb") as file:
        file.writelines([b"n" * MIB] * 12)
    with pytest.raises(PluginUnavailableError, match="does not answer"):
        storage.list()
    report = registry.health()
    assert registry.get(SecretsPlugin, "neighbour").get_secret("a")
    assert [found.key for found in bucket.objects.all()] == ["team a/lake/kept"]
    wire.mend()

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"secrets:neighbour": "healthy", "storage:s3": "unhealthy"}
    assert "does not answer" in [*report.statuses.values()][1].message
    assert KEY not in str(report)
    assert states(registry.health()) == {"secrets:neighbour": "healthy", "storage:s3": "healthy"}
    assert read(storage, "kept") == b"committed"
    write(storage, "kept", b"new")
    assert read(storage, "kept") == b"new"
    assert stopped(registry) == ["secrets:neighbour", "storage:s3"]


@pytest.mark.drill("S3 service that is down while the platform stops")
def test_a_platform_stops_in_order_though_the_service_is_down(request: pytest.FixtureRequest, wire: Any) -> None:
    config = configured(wire.address)
    config["plugins"]["secrets"] = {"neighbour": {}}
    registry = PluginRegistry(config, required=["storage:s3"])
    request.addfinalizer(registry.shutdown)
    registry.register(neighbour_of("storage:s3"))
    registry.startup().raise_for_failures()
    storage = registry.get(StoragePlugin, "s3")
    write(storage, "kept", b"committed")
    wire.cut()

    with pytest.raises(PluginUnavailableError):
        write(storage, "kept", b"new")
    report = registry.health()
    order = stopped(registry)
    wire.mend()

    assert states(report) == {"secrets:neighbour": "healthy", "storage:s3": "unhealthy"}
    assert order == ["secrets:neighbour", "storage:s3"]
    with platform(wire.address) as again:
        assert read(again.get(StoragePlugin, "s3"), "kept") == b"committed"


def test_a_service_that_stops_when_the_file_is_closed_leaves_what_was_there(storage: StoragePlugin, wire: Any) -> None:
    write(storage, "kept", b"committed")
    file = storage.open("kept", "wb")
    file.write(b"n" * 6 * MIB)
    wire.cut()

    with pytest.raises(PluginUnavailableError):
        file.close()
    wire.mend()

    assert file.closed
    assert read(storage, "kept") == b"committed"


def test_a_part_that_was_not_sent_cannot_be_forgotten(storage: StoragePlugin, wire: Any) -> None:
    file = storage.open("a", "wb")
    wire.cut()
    with pytest.raises(PluginUnavailableError):
        file.write(b"n" * 6 * MIB)
    wire.mend()

    with pytest.raises(OSError, match="could not be sent"):
        file.close()

    assert storage.list() == ()


def test_a_service_that_is_down_is_unavailable_to_every_hook(storage: StoragePlugin, wire: Any) -> None:
    write(storage, "a", b"n" * 6 * MIB)
    file = storage.open("a")
    wire.cut()

    for call in (
        file.read,
        storage.list,
        lambda: storage.open("a"),
        lambda: write(storage, "b"),
        lambda: write(storage, "b", mode="xb"),
        lambda: storage.delete("a"),
    ):
        with pytest.raises(PluginUnavailableError, match="does not answer"):
            call()


def test_a_service_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        storage = unstarted(f"http://127.0.0.1:{silent.getsockname()[1]}", read_timeout=0.3, attempts=1)

        with pytest.raises(PluginUnavailableError, match="ReadTimeoutError"):
            storage.list()


def test_checking_a_service_that_never_answers_is_over_before_the_deadline_of_all(wire: Any) -> None:
    with platform(wire.address, read_timeout=3600, connect_timeout=3600, attempts=50) as registry:
        wire.cut()
        with socket.create_server(("127.0.0.1", wire.port)):
            [status] = registry.health().statuses.values()

    assert status.state is HealthState.UNHEALTHY
    assert "does not answer (ReadTimeoutError)" in status.message


def test_starting_waits_for_a_service_that_comes_up(wire: Any) -> None:
    wire.cut()
    registry = PluginRegistry(configured(wire.address, attempts=1), timeouts={"startup": 60})
    started = threading.Thread(target=registry.startup)
    started.start()
    wire.mend()
    started.join()

    assert registry.state(StoragePlugin, "s3") is PluginState.STARTED
    registry.shutdown()


def test_starting_gives_up_on_a_service_that_stays_down(wire: Any) -> None:
    # boto3 is imported by the first start, which may take longer than the second has.
    with platform(wire.address):
        pass
    wire.cut()
    registry = PluginRegistry(configured(wire.address, attempts=1), timeouts={"startup": 2})

    [outcome] = registry.startup().outcomes

    assert not outcome.ok
    assert "does not answer" in outcome.message
    assert registry.shutdown().ok


def test_a_bucket_that_is_not_there_is_named_when_starting(wire: Any) -> None:
    registry = PluginRegistry(configured(wire.address, bucket="no-such-bucket"))

    [outcome] = registry.startup().outcomes

    assert not outcome.ok
    assert "there is no bucket 'no-such-bucket'" in outcome.message


def test_the_secret_is_nowhere_but_where_it_is_used(wire: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with platform(wire.address) as registry:
        storage = registry.get(StoragePlugin, "s3")
        write(storage, "a")
        texts = [repr(registry.config(StoragePlugin, "s3")), repr(storage), str(registry.health())]
        wire.cut()
        with pytest.raises(PluginUnavailableError) as caught:
            storage.list()
        texts += [str(caught.value), repr(caught.value), str(caught.value.__cause__), str(registry.health())]

    assert KEY not in "\n".join([*texts, caplog.text])


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket": "No Bucket"},
        {"prefix": "../other"},
        {"endpoint": "http://user:hunter2-Zq8xW0vK@127.0.0.1"},
        {"secret_access_key": None},
        {"part_size": "1MiB"},
        {"attempts": 0},
    ],
)
def test_wrong_settings_are_refused_without_showing_secrets(wrong: dict[str, Any]) -> None:
    registry = PluginRegistry(configured("http://127.0.0.1:1", **wrong))

    with pytest.raises(PluginConfigurationError, match=r"plugins\.storage\.s3") as caught:
        registry.startup()

    assert KEY not in str(caught.value)


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_storage_s3;"
        "print({'s3fs', 'fsspec', 'botocore', 'aiobotocore', 'aiohttp', 'asyncio'} & {*sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout == "set()\n"
    assert S3Storage.name == "s3"
