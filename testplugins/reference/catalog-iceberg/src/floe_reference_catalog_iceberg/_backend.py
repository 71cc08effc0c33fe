"""What knows the tables: an SQL database, or a REST service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from floe_plugins import PluginUnavailableError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog


class UnknownOutcomeError(PluginUnavailableError):
    """Nobody answered whether a commit has happened."""


class Backend(ABC):
    """Opens a PyIceberg catalog, and converts its errors. No text of it shows a password, a token or a parameter."""

    details: Mapping[str, Any]
    """What health tells of it."""

    @abstractmethod
    def open(self, name: str, properties: Mapping[str, str]) -> Catalog:
        """Return the catalog.

        Raises:
            PluginError: it refuses.
            PluginUnavailableError: it does not answer.
        """

    @abstractmethod
    def close(self, catalog: Catalog) -> None:
        """Close the connections of a catalog."""

    @abstractmethod
    def translated(self) -> AbstractContextManager[None]:
        """Within the block, errors of the backend become those of ``open``.

        Raises:
            TakenError: somebody else has stored the same in between.
        """

    @abstractmethod
    def check_reading(self) -> None:
        """Ask for something, as ``open`` does, within seconds."""

    @abstractmethod
    def check_writing(self) -> None:
        """Begin to write and take it back, as far as that can be tried."""


class TakenError(Exception):
    """Somebody else has stored the same in between."""
