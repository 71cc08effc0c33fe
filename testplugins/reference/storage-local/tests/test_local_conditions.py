"""Files that are described one by one, listed lazily, and written on a condition."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from floe_reference_storage_local import LocalStorage, LocalStorageConfig

from floe_plugins import UnsupportedOperationError


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    plugin = LocalStorage()
    plugin.config = LocalStorageConfig(root=tmp_path / "root")
    plugin.startup()
    return plugin


def read(storage: LocalStorage, path: str) -> bytes:
    with storage.open(path) as file:
        return file.read()


def test_objects_are_listed_as_they_are_asked_for(storage: LocalStorage) -> None:
    for path in ("a/1", "a/2", "ab", "b"):
        storage.open(path, "wb").close()

    found = storage.objects("a")

    first = next(found)
    assert sorted([first.path, *(each.path for each in found)]) == ["a/1", "a/2", "ab"]
    assert {each.path: each for each in storage.list()}[first.path] == first
    with pytest.raises(ValueError, match="no path"):
        storage.objects("../")


def test_one_object_is_described_as_in_the_list(storage: LocalStorage) -> None:
    with storage.open("a/b", "wb") as file:
        file.write(b"four")

    assert storage.info("a/b") == storage.list()[0]
    for path in ("a", "c", "a/b/c"):
        with pytest.raises(FileNotFoundError):
            storage.info(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")
def test_an_object_is_written_in_place_of_the_version_that_was_read_and_of_no_other(storage: LocalStorage) -> None:
    first = storage.write_if("head", b"1", None)
    second = storage.write_if("head", b"2", first)

    for version in (None, first):
        with pytest.raises(FileExistsError):
            storage.write_if("head", b"3", version)
    assert (read(storage, "head"), storage.info("head").version) == (b"2", second)
    storage.delete("head")
    with pytest.raises(FileNotFoundError):
        storage.write_if("head", b"3", second)
    assert storage.list() == ()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")
def test_nothing_that_is_counted_on_a_condition_is_lost(storage: LocalStorage) -> None:
    storage.write_if("count", b"0", None)

    def count() -> None:
        done = 0
        while done < 10:
            version = storage.info("count").version
            number = int(read(storage, "count"))
            try:
                storage.write_if("count", str(number + 1).encode(), version)
            except FileExistsError:
                continue
            done += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read(storage, "count") == b"40"


def test_settings_for_others_hold_no_secret_and_there_are_no_urls_for_anyone(storage: LocalStorage) -> None:
    assert storage.access("pyiceberg") == storage.properties("pyiceberg")
    assert storage.access("object_store") == storage.access("spark") == {}
    with pytest.raises(UnsupportedOperationError, match="polka"):
        storage.access("polka")
    with pytest.raises(UnsupportedOperationError, match="storage:local"):
        storage.presign("a")
