"""Arrow data of any size, in little memory. Imports nanoarrow, so it is imported when first used."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import nanoarrow
from nanoarrow import ipc

from floe_plugins.hookspecs.protocols import ArrowStream

Array: TypeAlias = Any  # of nanoarrow, which has no types

KEPT_IN_MEMORY = 32 * 1024 * 1024
"""Bytes of a result from which on it lies in a file."""

_PAGE = 100_000


def kept(data: ArrowStream, directory: Path | None) -> ArrowStream:
    """A copy that can be read any number of times, whatever else is done meanwhile.

    Args:
        data: is read to its end.
        directory: of the file that a large one is written to, which has no name and goes away with the copy.
    """
    with nanoarrow.ArrayStream(data) as stream:
        first: list[Array] = []
        size, chunks = 0, iter(stream)
        for chunk in chunks:
            first.append(chunk)
            size += _size(chunk)
            if size > KEPT_IN_MEMORY:
                return _Filed(stream.schema, first, chunks, directory)
        table: ArrowStream = _joined(first, stream.schema)
        return table


def pages(data: ArrowStream) -> Iterator[Array]:
    """The rows, some hundred thousand at a time; at least one page, which may be empty."""
    with nanoarrow.ArrayStream(data) as stream:
        chunks: list[Array] = []
        rows, pages_made = 0, 0
        for chunk in stream:
            chunks.append(chunk)
            rows += len(chunk)
            if rows >= _PAGE:
                yield _joined(chunks, stream.schema)
                chunks, rows, pages_made = [], 0, pages_made + 1
        if chunks or not pages_made:
            yield _joined(chunks, stream.schema)


def _joined(chunks: list[Array], schema: Any) -> Array:
    # The schema is asked for only where there is nothing that has it.
    return nanoarrow.Array.from_chunks(chunks) if chunks else nanoarrow.Array.from_chunks([], schema)


def _size(array: Array) -> int:
    own = sum(int(buffer.size_bytes) for buffer in array.buffers)
    return own + sum(map(_size, array.iter_children()))


class _Filed:
    """Rows in a file of their own, read anew by whoever asks for them."""

    def __init__(self, schema: Any, first: list[Array], chunks: Iterable[Array], directory: Path | None) -> None:
        self._schema = schema
        self._file = _File(directory)
        with ipc.StreamWriter.from_writable(self._file.opened) as writer:
            while first:
                writer.write_array(first.pop(0))
            for chunk in chunks:
                writer.write_array(chunk)
        self._file.opened.flush()

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return ipc.InputStream.from_readable(_Reader(self._file)).__arrow_c_stream__(requested_schema)


class _File:
    """An open file, closed once neither its rows nor anyone who reads them need it."""

    def __init__(self, directory: Path | None) -> None:
        # Without a name, so that nothing of it is left if the process is killed.
        self.opened = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115
        self.lock = threading.Lock()

    def __del__(self) -> None:
        self.opened.close()


class _Reader(io.RawIOBase):
    """A file from its beginning, at a position of its own."""

    def __init__(self, file: _File) -> None:
        self._file, self._position = file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with self._file.lock:
            self._file.opened.seek(self._position)
            count: int = self._file.opened.readinto(buffer)
        self._position += count
        return count
