"""A storage plugin's files as DuckDB opens them. Imports fsspec, so it is imported when first used."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from fsspec import AbstractFileSystem

from floe_plugins import StoragePlugin, UnsupportedOperationError


def scheme_of(storage: StoragePlugin) -> str:
    """How the URIs of its files begin, such as ``s3``."""
    return urlsplit(storage.uri("any")).scheme


class StorageFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files by their URIs; no engine's own way to the storage is needed."""

    cachable = False

    def __init__(self, storage: StoragePlugin) -> None:
        super().__init__()
        self._storage = storage
        self.protocol = scheme_of(storage)
        # Without the scheme: DuckDB gives paths with and without it.
        self._root = storage.uri("any").removesuffix("any").partition("://")[2]
        self._drafts: dict[str, _Draft] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def whole(self, uri: str, mode: str) -> Generator[str, None, None]:
        """Where to write a file that appears at its place when the block ends, and not at all if it raises.

        Raises:
            FileExistsError: there is something, and the mode is ``error``.
            UnsupportedOperationError: the place is not in the storage.
        """
        place = self._strip_protocol(uri)
        if not uri.startswith(f"{self.protocol}://") or not place.startswith(self._root):
            message = f"{uri} is neither on this machine nor in storage:{self._storage.name}"
            raise UnsupportedOperationError(message, hint="Write to what StoragePlugin.uri gives")
        inner = self._inner(place)
        below = [each.path for each in self._storage.objects(f"{inner}/")]
        if below and mode == "error":
            raise FileExistsError(f"there is something at {uri} already")
        draft = _Draft(self._storage.open(inner, "xb" if mode == "error" else "wb"))
        with self._lock:
            # Of two that write one file at once, each has a name of its own.
            name = f"{place}.{id(draft):x}"
            self._drafts[name] = draft
        try:
            with draft.file:
                yield f"{self.protocol}://{name}"
        finally:
            del self._drafts[name]
        for path in below:
            self._storage.delete(path)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.partition("://")[2] or path

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:  # noqa: FBT001, FBT002 fsspec's own signature
        folder = self._strip_protocol(path).rstrip("/") + "/"
        found: dict[str, dict[str, Any]] = {}
        for file in self._storage.list(self._inner(folder)):
            name, inward, _tail = (self._root + file.path).removeprefix(folder).partition("/")
            entry: dict[str, Any] = {"name": folder + name, "size": 0, "type": "directory"}
            if not inward:
                entry |= {"size": file.size, "type": "file", "mtime": file.modified}
            found[name] = entry
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else [entry["name"] for entry in found.values()]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        place = self._strip_protocol(path)
        try:
            file = self._storage.info(self._inner(place))
        except (OSError, ValueError):
            # Not a file, nor the path of one: where it is not a folder either, listing it says so.
            self.ls(place)
            return {"name": place, "size": 0, "type": "directory"}
        return {"name": place, "size": file.size, "type": "file", "mtime": file.modified}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        place = self._strip_protocol(path)
        if mode != "rb" and place in self._drafts:
            return self._drafts[place]
        file = self._storage.open(self._inner(place), mode)
        return _Read(file) if mode == "rb" else file

    def modified(self, path: str) -> Any:
        return self.info(path).get("mtime")

    def _inner(self, place: str) -> str:
        if not place.startswith(self._root):
            raise FileNotFoundError(place)
        return place.removeprefix(self._root)


class _Read:
    """A file that is read, closed at the latest when nobody has it any more: DuckDB closes only some."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __del__(self) -> None:
        self._file.close()


class _Draft:
    """A file that is written; closing it is not left to DuckDB, which also closes what it could not finish."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, data: Any) -> int:
        return self.file.write(data)

    def tell(self) -> int:
        return self.file.tell()

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
