"""Ingestion: brings data in from outside."""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Any, Literal

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class Severity(str, Enum):
    """Whether a source can be loaded in spite of an issue."""

    ERROR = "error"
    WARNING = "warning"


@attrs.frozen
class Issue:
    """Something about a source that will keep it from loading, or may."""

    severity: Severity
    message: str
    field: str = ""


@attrs.frozen
class SchemaChange:
    """A column that a load added to a table, or whose type it widened."""

    table: str
    column: str
    type: str


@attrs.frozen
class IngestReport:
    """What one load brought in.

    Attributes:
        rows: rows by table, child tables included.
    """

    load_id: str
    rows: dict[str, int]
    schema_changes: tuple[SchemaChange, ...] = ()
    seconds: float = 0.0


WriteMode = Literal["append", "replace", "merge"]


class IngestionPlugin(PluginMetadata):
    """One loader. Hooks are asked of one chosen plugin.

    A source is an iterable of mappings (or a callable that returns one), a path or
    a URI of a file, or the engine's own source object. ``run`` may be called from
    several threads for different tables.
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def validate(self, source: Any) -> tuple[Issue, ...]:
        """What is wrong with the source, as far as can be told without loading it.

        A callable is not called and an iterator is left where it is, so that the source can still be loaded.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def run(self, source: Any, table: str, mode: WriteMode = "append") -> IngestReport:
        """Load the source into a table, whole or not at all.

        Raises:
            ValueError: the source cannot be read or does not fit, ``mode`` is not known, or
                nothing says by what rows are merged; nothing is pending.
            PluginUnavailableError: somebody else has the database open.
            PluginError: the load failed while it was written and may be pending, or an
                earlier one of this table did and is: ``discard_pending`` drops it.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def discard_pending(self) -> int:
        """Drop what earlier failed loads left behind, and return how many loads that were."""
        raise NotImplementedError
