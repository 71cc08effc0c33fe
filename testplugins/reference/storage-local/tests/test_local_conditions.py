"""Files that are listed lazily, and written on a condition."""

from __future__ import annotations

import sys
import threading

import pytest
from floe_reference_storage_local import LocalStorage

from floe_plugins import UnsupportedOperationError


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


def test_nothing_is_below_a_file(storage: LocalStorage) -> None:
    storage.open("a/b", "wb").close()

    with pytest.raises(FileNotFoundError):
        storage.info("a/b/c")


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
