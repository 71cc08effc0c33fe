"""A storage plugin's files as DuckDB opens them. Imports fsspec, so it is imported when first used."""

from __future__ import annotations

from typing import Any, BinaryIO
from urllib.parse import urlsplit

from fsspec import AbstractFileSystem

from floe_plugins import StoragePlugin


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
        for file in self._storage.list(self._inner(place)):
            if self._root + file.path == place:
                return {"name": place, "size": file.size, "type": "file", "mtime": file.modified}
        self.ls(place)
        return {"name": place, "size": 0, "type": "directory"}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        file = self._storage.open(self._inner(self._strip_protocol(path)), mode)
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
