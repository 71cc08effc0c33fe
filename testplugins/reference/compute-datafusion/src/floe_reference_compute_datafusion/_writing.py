"""Rows as files, which appear as a whole."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_plugins import StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.compute import WriteReport

if TYPE_CHECKING:
    from floe_plugins.hookspecs.compute import Files

TARGETS = ("parquet", "csv")
_MODES = ("error", "replace")
_LOCAL = "file://"


def check_target(target: Files, mode: str) -> None:
    """Refuse what cannot be written.

    Raises:
        UnsupportedOperationError: this format, or this mode.
    """
    if target.format not in TARGETS or mode not in _MODES or target.options:
        message = f"{target.format!r} files cannot be written in the mode {mode!r} with {len(target.options)} options"
        expected = f"Expected one of {', '.join(TARGETS)}, {' or '.join(_MODES)}, and no options"
        raise UnsupportedOperationError(message, hint=expected)


def write(rows: Any, target: Files, mode: str, storage: StoragePlugin) -> WriteReport:
    """Write rows of pyarrow, a batch at a time.

    Raises:
        FileExistsError: there is something, and it may not be replaced.
        UnsupportedOperationError: the place is neither on this machine nor in the storage.
    """
    root = storage.uri("any").removesuffix("any")
    if target.uri.startswith(_LOCAL):
        opened = _on_disk(Path(target.uri.removeprefix(_LOCAL)), mode)
    elif target.uri.startswith(root):
        opened = _in_storage(storage, target.uri.removeprefix(root), mode)
    else:
        message = f"{target.uri} is neither on this machine nor in storage:{storage.name}"
        raise UnsupportedOperationError(message, hint="Write to what StoragePlugin.uri gives")
    count = 0
    with opened as file, _writer(file, rows.schema, target.format) as writer:
        for batch in rows:
            writer.write_batch(batch)
            count += batch.num_rows
    return WriteReport(target.uri, count)


@contextlib.contextmanager
def _in_storage(storage: StoragePlugin, path: str, mode: str) -> Generator[Any, None, None]:
    below = [each.path for each in storage.objects(f"{path}/")]
    if below and mode == "error":
        raise FileExistsError(f"there is something at {storage.uri(path)} already")
    with storage.open(path, "xb" if mode == "error" else "wb") as file:
        yield file
    for each in below:
        storage.delete(each)


@contextlib.contextmanager
def _on_disk(place: Path, mode: str) -> Generator[Any, None, None]:
    if mode == "error" and place.exists():
        raise FileExistsError(f"there is something at {place} already")
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("wb") as file:
            yield file
        if place.is_dir():
            shutil.rmtree(place)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _writer(file: Any, schema: Any, kind: str) -> Any:
    if kind == "csv":
        import pyarrow.csv

        return pyarrow.csv.CSVWriter(file, schema)
    import pyarrow.parquet

    return pyarrow.parquet.ParquetWriter(file, schema)
