from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO

import process_limits
import pytest
from drilling import neighbour_of, states, stopped
from floe_reference_storage_local import LocalStorage, LocalStorageConfig

from floe_plugins import (
    HealthState,
    PluginRegistry,
    SecretsPlugin,
    StoragePlugin,
    UnsupportedOperationError,
)

OUTSIDE = ["../secret", "a/../../secret", "/etc/passwd", "a/..", ".", "", "a//b", "./a", "a/", "nul\0byte"]


def write(storage: StoragePlugin, path: str, content: bytes = b"content", mode: str = "wb") -> None:
    with storage.open(path, mode) as file:
        file.write(content)


def write_half(file: BinaryIO) -> None:
    file.write(b"half")
    raise ConnectionResetError


def read(storage: StoragePlugin, path: str) -> bytes:
    with storage.open(path) as file:
        return file.read()


def test_what_was_written_is_read_again(storage: LocalStorage) -> None:
    write(storage, "a/b/c.bin", b"\0one")

    assert read(storage, "a/b/c.bin") == b"\0one"


def test_a_relative_root_stays_where_it_was_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage()
    storage.config = LocalStorageConfig()
    storage.startup()
    write(storage, "a")

    monkeypatch.chdir("/")

    assert read(storage, "a") == b"content"


def test_a_file_appears_only_when_it_is_closed(storage: LocalStorage) -> None:
    write(storage, "a", b"old")
    with storage.open("a", "wb") as file:
        file.write(b"new")
        file.flush()
        assert read(storage, "a") == b"old"
        assert [info.path for info in storage.list()] == ["a"]

    assert read(storage, "a") == b"new"


@pytest.mark.parametrize("mode", ["wb", "xb"])
def test_nothing_appears_when_the_block_raised(storage: LocalStorage, mode: str) -> None:
    with pytest.raises(ConnectionResetError), storage.open("a", mode) as file:
        write_half(file)

    assert storage.list() == ()
    assert [*Path(storage.uri("a").removeprefix("file://")).parent.iterdir()] == []


def test_a_forgotten_file_does_not_appear_and_is_warned_about(storage: LocalStorage) -> None:
    file = storage.open("a", "wb")
    file.write(b"half")

    with pytest.warns(ResourceWarning, match="never closed"):
        del file

    assert storage.list() == ()


def test_closing_twice_writes_once(storage: LocalStorage) -> None:
    file = storage.open("a", "wb")
    file.close()
    write(storage, "a", b"by somebody else")

    file.close()

    assert read(storage, "a") == b"by somebody else"


def test_a_new_file_never_takes_the_place_of_another(storage: LocalStorage) -> None:
    write(storage, "a", b"first", "xb")

    with pytest.raises(FileExistsError):
        write(storage, "a", b"second", "xb")

    assert read(storage, "a") == b"first"


def test_of_many_who_create_the_same_file_one_succeeds(storage: LocalStorage) -> None:
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

    assert len(winners) == 1
    assert read(storage, "a") == winners[0]
    assert [info.path for info in storage.list()] == ["a"]


def test_files_may_be_read_by_whom_the_umask_lets(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()

    write(storage, "a")

    assert (tmp_path / "root" / "a").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_reading_what_is_not_there_says_so(storage: LocalStorage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.open("nothing/here")


@pytest.mark.parametrize("mode", ["r", "w", "ab", "r+b", "", "wb+"])
def test_other_modes_are_refused(storage: LocalStorage, mode: str) -> None:
    with pytest.raises(ValueError, match="expected 'rb', 'wb' or 'xb'"):
        storage.open("a", mode)

    assert storage.list() == ()


def test_a_folder_is_no_file_and_a_file_no_folder(storage: LocalStorage) -> None:
    write(storage, "a/b")

    with pytest.raises(IsADirectoryError):
        storage.open("a", "wb")
    with pytest.raises(NotADirectoryError):
        storage.open("a/b/c", "wb")
    assert storage.delete("a") is False
    assert storage.delete("a/b/c") is False


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_root(storage: LocalStorage, path: str) -> None:
    for call in (storage.uri, storage.open, storage.delete, lambda path: storage.open(path, "wb")):
        with pytest.raises(ValueError, match=r"storage|null"):
            call(path)


@pytest.mark.parametrize("prefix", ["../", "..", "/", "/etc", "a/../..", "a/../../etc"])
def test_no_prefix_leads_out_of_the_root(storage: LocalStorage, prefix: str) -> None:
    with pytest.raises(ValueError, match="storage"):
        storage.list(prefix)


def test_no_link_leads_out_of_the_root(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret", encoding="utf-8")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "file").symlink_to(tmp_path / "outside" / "secret")

    for path in ("folder/secret", "file"):
        for mode in ("rb", "wb", "xb"):
            with pytest.raises(ValueError, match="outside"):
                storage.open(path, mode)
        with pytest.raises(ValueError, match="outside"):
            storage.delete(path)
        with pytest.raises(ValueError, match="outside"):
            storage.filesystem().open(path)
    with pytest.raises(ValueError, match="outside"):
        storage.list("folder/")
    assert storage.list() == ()
    assert (tmp_path / "outside" / "secret").read_text(encoding="utf-8") == "secret"


def test_a_link_within_the_root_is_followed(storage: LocalStorage, tmp_path: Path) -> None:
    write(storage, "a")
    (tmp_path / "root" / "link").symlink_to("a")

    assert read(storage, "link") == b"content"


def test_a_list_is_sorted_and_knows_size_and_time(storage: LocalStorage) -> None:
    for path in ("b", "a/2", "a/1", "ab", "a.txt"):
        write(storage, path, b"12345")

    listed = storage.list()

    assert [info.path for info in listed] == ["a.txt", "a/1", "a/2", "ab", "b"]
    assert {info.size for info in listed} == {5}
    modified = listed[0].modified
    assert modified is not None
    assert abs(datetime.now(timezone.utc) - modified) < timedelta(minutes=10)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("a", ["a.txt", "a/1", "a/b/2", "ab"]),
        ("a/", ["a/1", "a/b/2"]),
        ("a/b", ["a/b/2"]),
        ("a/b/2", ["a/b/2"]),
        ("a/b/2/", []),
        ("nothing/", []),
        (".", [".hidden"]),
    ],
)
def test_a_prefix_is_one_of_the_text_not_of_the_folder(storage: LocalStorage, prefix: str, expected: list[str]) -> None:
    for path in ("a/1", "a/b/2", "ab", "a.txt", "b", ".hidden"):
        write(storage, path)

    assert [info.path for info in storage.list(prefix)] == expected


def test_deleting_says_whether_there_was_something(storage: LocalStorage) -> None:
    write(storage, "a")

    assert storage.delete("a") is True
    assert storage.delete("a") is False


def test_a_uri_is_absolute_and_what_it_names_may_be_missing(storage: LocalStorage, tmp_path: Path) -> None:
    assert storage.uri("a b/c%41.csv") == f"file://{tmp_path}/root/a b/c%41.csv"


def test_the_file_system_has_the_same_root(storage: LocalStorage) -> None:
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


@pytest.mark.parametrize("path", ["../outside", "a/../../outside"])
def test_the_file_system_does_not_lead_out_of_the_root(storage: LocalStorage, path: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret", encoding="utf-8")
    files = storage.filesystem()

    for call in (files.open, files.exists, files.info, files.rm, lambda path: files.open(path, "wb")):
        with pytest.raises(ValueError, match="outside"):
            call(path)


def test_pyiceberg_and_duckdb_are_told_the_same_place(storage: LocalStorage, tmp_path: Path) -> None:
    assert storage.properties("pyiceberg") == {"warehouse": f"file://{tmp_path}/root"}
    assert storage.properties("duckdb") == {"file_search_path": f"{tmp_path}/root"}
    with pytest.raises(UnsupportedOperationError, match="polka"):
        storage.properties("polka")


def test_a_storage_that_can_be_written_is_healthy(storage: LocalStorage, tmp_path: Path) -> None:
    status = storage.health_check()

    assert status.state is HealthState.HEALTHY
    assert status.details["root"] == str(tmp_path / "root")
    assert [*(tmp_path / "root").iterdir()] == []


def test_a_storage_short_of_space_is_degraded(storage: LocalStorage) -> None:
    storage.config = storage.config.model_copy(update={"min_free": 2**80})

    assert storage.health_check().state is HealthState.DEGRADED


def test_a_storage_whose_directory_is_gone_is_unhealthy(storage: LocalStorage, tmp_path: Path) -> None:
    os.rmdir(tmp_path / "root")  # noqa: PTH106

    assert storage.health_check().state is HealthState.UNHEALTHY


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    config = {"plugins": {"storage": {"local": {"root": str(tmp_path / "root")}}, "secrets": {"neighbour": {}}}}
    made = PluginRegistry(config, required=["storage:local"])
    made.register(neighbour_of("storage:local"))
    with made:
        yield made


@pytest.fixture
def without_privileges() -> Iterator[None]:
    # A fixture, so that the threads of the platform have none either.
    with process_limits.without_privileges():
        yield


@pytest.mark.drill("storage directory without permission")
@pytest.mark.usefixtures("without_privileges")
def test_a_directory_without_permission_loses_nothing_and_works_once_it_is_allowed(
    registry: PluginRegistry, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    storage = registry.get(StoragePlugin, "local")
    write(storage, "kept/a", b"committed")
    (root / "kept").chmod(0o500)
    root.chmod(0o500)

    try:
        with pytest.raises(PermissionError, match=f"Permission denied: '{root}/kept/a'$"):
            write(storage, "kept/a", b"new")
        with pytest.raises(PermissionError):
            storage.delete("kept/a")
        report = registry.health()
        assert read(storage, "kept/a") == b"committed"
        (root / "kept").chmod(0)
        # What may not be seen must not look as if it were deleted.
        with pytest.raises(PermissionError):
            storage.list()
        assert registry.get(SecretsPlugin, "neighbour").get_secret("a")
    finally:
        root.chmod(0o700)
        (root / "kept").chmod(0o700)

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"secrets:neighbour": "healthy", "storage:local": "unhealthy"}
    assert [*report.statuses.values()][1].message == f"cannot write to {root}: Permission denied"
    assert states(registry.health()) == {"secrets:neighbour": "healthy", "storage:local": "healthy"}
    assert [info.path for info in storage.list()] == ["kept/a"]
    write(storage, "kept/a", b"new")
    assert read(storage, "kept/a") == b"new"
    assert stopped(registry) == ["secrets:neighbour", "storage:local"]


@pytest.mark.drill("storage directory on a full disk")
def test_a_full_disk_loses_nothing_and_takes_files_again_once_there_is_space(
    registry: PluginRegistry, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    storage = registry.get(StoragePlugin, "local")
    write(storage, "kept", b"committed")

    with process_limits.no_space():
        for path, mode, content in (("kept", "wb", b"new"), ("new", "xb", b"new" * 100_000)):
            with pytest.raises(OSError, match=f"File too large: '{root}/{path}'$"):
                write(storage, path, content, mode)
        report = registry.health()
        assert read(storage, "kept") == b"committed"
        assert registry.get(SecretsPlugin, "neighbour").get_secret("a")

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"secrets:neighbour": "healthy", "storage:local": "unhealthy"}
    assert [*report.statuses.values()][1].message == f"cannot write to {root}: File too large"
    assert states(registry.health()) == {"secrets:neighbour": "healthy", "storage:local": "healthy"}
    assert sorted(place.name for place in root.iterdir()) == ["kept"]
    write(storage, "kept", b"new")
    assert read(storage, "kept") == b"new"
    assert stopped(registry) == ["secrets:neighbour", "storage:local"]
