"""Storage: a place for files."""

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
    """A stored object: its path below the storage's root, its size in bytes."""

    path: str
    size: int
    modified: datetime | None = None


class StoragePlugin(PluginMetadata):
    """One place for files. Hooks are asked of one chosen plugin and safe from several threads.

    Paths are relative to the storage's root and separated by ``/``; a path that
    leads out of the root, or has an empty part, ``.`` or ``..`` in it, is a
    ``ValueError`` everywhere. A service that does not answer is a
    ``PluginUnavailableError``; what was written before stays as it is.
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def uri(self, path: str) -> str:
        """The absolute URI of a path, whether or not something is there.

        As engines read it: nothing in it is percent-encoded.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        """A binary file; modes are ``rb``, ``wb`` and ``xb``.

        Parent folders are made. What is written appears under its path as a
        whole when the file is closed, and not at all if the block raised.

        Raises:
            FileNotFoundError: reading what is not there.
            FileExistsError: ``xb`` on what is there, at the latest when the file is closed.
            ValueError: another mode.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def list(self, prefix: str = "") -> tuple[ObjectInfo, ...]:
        """Every object whose path starts with ``prefix``, sorted by path."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def delete(self, path: str) -> bool:
        """Delete one object; whether there was one."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def filesystem(self) -> FileSystem:
        """An fsspec-style file system whose root is the storage's root.

        What is written through it need not appear as a whole, as it does through ``open``.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def properties(self, consumer: str) -> Mapping[str, str]:
        """The settings with which ``consumer`` reaches the same place.

        Consumers are ``"pyiceberg"`` (catalog properties, ``warehouse`` among
        them) and ``"duckdb"`` (settings for SET). They may hold secrets.

        Raises:
            UnsupportedOperationError: the consumer is not known here.
        """
        raise NotImplementedError
