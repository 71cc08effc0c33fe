"""Storage: stores files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec
from floe_plugins.hookspecs.protocols import FileSystem


@attrs.frozen
class ObjectInfo:
    """A stored object.

    Attributes:
        path: the path relative to the root of the storage.
        size: the size in bytes.
        modified: when it was last written, if the storage knows.
    """

    path: str
    size: int
    modified: datetime | None = None


class StoragePlugin(PluginMetadata):
    """The contract of file storages. Each call goes to one plugin. Hooks must be thread-safe.

    Paths are relative to the root of the storage and separated by ``/``. Every hook raises
    ``ValueError`` for a path with an empty part, ``.`` or ``..``, and ``PluginUnavailableError``
    if the service does not answer; files that were written before stay unchanged.

    >>> from floe_plugins import StoragePlugin
    >>> def save_report(storage: StoragePlugin, text: str) -> str:
    ...     with storage.open("reports/today.txt", "wb") as file:
    ...         file.write(text.encode())
    ...     return storage.uri("reports/today.txt")
    >>> sorted(StoragePlugin.__abstractmethods__)
    ['delete', 'filesystem', 'list', 'open', 'properties', 'uri']
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def uri(self, path: str) -> str:
        """Return the absolute URI of a path, whether or not a file exists there.

        The URI is not percent-encoded, as engines expect it.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        """Open a binary file. The modes are ``rb``, ``wb`` and ``xb``.

        Parent folders are created. A written file appears under its path when it is
        closed, with all of its content, and not at all if the block raised.

        Raises:
            FileNotFoundError: the file to read does not exist.
            FileExistsError: the mode is ``xb`` and the file exists. Raised at the latest on closing.
            ValueError: another mode is given.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def list(self, prefix: str = "") -> tuple[ObjectInfo, ...]:
        """Return all objects whose path starts with ``prefix``, sorted by path."""

    @hookspec(firstresult=True)
    @abstractmethod
    def delete(self, path: str) -> bool:
        """Delete an object. Return whether it existed."""

    @hookspec(firstresult=True)
    @abstractmethod
    def filesystem(self) -> FileSystem:
        """Return an fsspec file system with the same root.

        Unlike with ``open``, a file may become visible before it is completely written.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def properties(self, consumer: str) -> Mapping[str, str]:
        """Return the settings with which another tool accesses the same storage.

        ``consumer`` is ``"pyiceberg"`` (for catalog properties, including ``warehouse``)
        or ``"duckdb"`` (for SET statements). The settings may contain secrets.

        Raises:
            UnsupportedOperationError: the plugin has no settings for the consumer.
        """
