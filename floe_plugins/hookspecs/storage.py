"""Storage: stores files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

import attrs

from floe_plugins.core.lazy import LazyModule
from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec
from floe_plugins.hookspecs.protocols import FileSystem

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = LazyModule("pydantic")


@attrs.frozen
class ObjectInfo:
    """A stored object.

    >>> from floe_plugins.hookspecs import ObjectInfo
    >>> ObjectInfo("sales/2026.csv", size=12)
    ObjectInfo(path='sales/2026.csv', size=12, modified=None, version='')

    Attributes:
        path: the path relative to the root of the storage, as ``open`` takes it.
        size: the size in bytes.
        modified: when it was last written, with a time zone; None if the storage does not know.
        version: what is another with each content, as ``write_if`` takes it; empty if the storage has no such thing.
    """

    path: str
    size: int
    modified: datetime | None = None
    version: str = ""


class StoragePlugin(PluginMetadata):
    """The contract of file storages. Each call goes to one plugin. Hooks must be thread-safe.

    Paths are relative to the root of the storage and separated by ``/``. Every hook raises
    ``ValueError`` for a path with an empty part, ``.`` or ``..``, and ``PluginUnavailableError``
    if the service does not answer, as does a file that was opened before. Files that were written
    before stay unchanged.

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
        """Return all objects whose path starts with ``prefix``, sorted by path.

        The prefix is the beginning of a text and no folder: ``list("sales/2026")`` returns ``sales/2026.csv`` and
        ``sales/2026/q1.csv``, ``list("sales/2026/")`` the second alone, and ``list()`` all. Folders are not listed.
        An object that cannot be looked at, such as for a missing right, is an error and not left out.
        A prefix with an empty part, ``.`` or ``..`` is a ``ValueError``, but it may end with ``/``.
        """

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
        or ``"duckdb"`` (for SET statements). The settings may contain secrets. They are the other
        tool's own words and all texts: a storage in a bucket returns for ``properties("pyiceberg")`` something like
        ``{"warehouse": "s3://lake/tables", "s3.region": "eu-central-1"}``, one in a directory
        ``{"warehouse": "file:///srv/lake"}``.

        Raises:
            UnsupportedOperationError: the plugin has no settings for the consumer.
        """

    @added_in("1.1")
    @hookspec(firstresult=True)
    def access(self, consumer: str) -> Mapping[str, str | pydantic.SecretStr]:
        """Return the settings with which another tool accesses the same storage, with secrets as ``SecretStr``.

        Since API 1.1.

        ``consumer`` is the tool, or the library by which it reads files: ``"pyiceberg"``, ``"duckdb"``,
        ``"object_store"`` (of DataFusion, polars and delta-rs), ``"spark"`` or any other that the plugin knows.
        By default the settings are those of ``properties``, and each counts as a secret.

        Raises:
            UnsupportedOperationError: the plugin has no settings for the consumer.
        """
        return {name: pydantic.SecretStr(value) for name, value in self.properties(consumer).items()}

    @added_in("1.1")
    @hookspec(firstresult=True)
    def objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Return an iterator over all objects whose path starts with ``prefix``, in no certain order.

        Since API 1.1.

        Asks the storage for more as it is advanced, so that the first come soon, and any number needs little memory.
        An object that comes or goes meanwhile may be among them or not. By default ``list`` is called. One iterator
        is for one thread.
        """
        return iter(self.list(prefix))

    @added_in("1.1")
    @hookspec(firstresult=True)
    def info(self, path: str) -> ObjectInfo:
        """Return what is known of one object. By default ``list`` is called.

        Since API 1.1.

        Raises:
            FileNotFoundError: the object does not exist.
        """
        for found in self.list(path):
            if found.path == path:
                return found
        raise FileNotFoundError(f"storage:{self.name} has no object {path!r}")

    @added_in("1.1")
    @hookspec(firstresult=True)
    def write_if(self, path: str, data: bytes, version: str | None) -> str:
        """Write a small object if it still has this version, or with None if there is none; return its new version.

        Since API 1.1.

        Of several callers, threads and processes, that write in place of the same version, one succeeds.

        Raises:
            FileExistsError: there is an object of another version, and it is unchanged.
            FileNotFoundError: the object does not exist any more, and was not written.
            UnsupportedOperationError: the storage cannot decide it. The default.
        """
        raise UnsupportedOperationError(
            f"storage:{self.name} cannot write {path!r} on a condition",
            hint="Open it in the mode 'xb' to make a new one",
        )

    @added_in("1.1")
    @hookspec(firstresult=True)
    def presign(self, path: str, mode: str = "rb", seconds: float = 900) -> pydantic.SecretStr:
        """Return a URL by which anyone reads (``rb``) or writes (``wb``) one object for some seconds, by HTTP.

        Since API 1.1.

        Whether the object exists is not checked. The modes stand for the methods GET and PUT.

        Raises:
            ValueError: another mode is given, or ``seconds`` is more than the service allows.
            UnsupportedOperationError: the storage has no such URLs. The default.
        """
        raise UnsupportedOperationError(
            f"storage:{self.name} has no URLs for {path!r} that others may use", hint="Use open"
        )
