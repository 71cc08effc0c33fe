"""Ingestion: loads data from external sources into tables."""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Any, Literal

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class Severity(str, Enum):
    """Whether an issue prevents loading (error) or may prevent it (warning)."""

    ERROR = "error"
    WARNING = "warning"


@attrs.frozen
class Issue:
    """An issue with a source.

    Attributes:
        severity: whether the issue prevents loading.
        message: what the issue is.
        field: the field or column, if it concerns one.
    """

    severity: Severity
    message: str
    field: str = ""


@attrs.frozen
class SchemaChange:
    """A column that a load added to a table, or whose type it changed to a wider one."""

    table: str
    column: str
    type: str


@attrs.frozen
class IngestReport:
    """The result of one load.

    Attributes:
        load_id: the engine's id of the load.
        rows: the number of loaded rows per table, including child tables.
        schema_changes: the columns that were added or changed.
        seconds: how long the load took.
    """

    load_id: str
    rows: dict[str, int]
    schema_changes: tuple[SchemaChange, ...] = ()
    seconds: float = 0.0


WriteMode = Literal["append", "replace", "merge"]


class IngestionPlugin(PluginMetadata):
    """The contract of data loaders. Each call goes to one plugin.

    A source is an iterable of mappings (or a callable that returns one), the path or
    URI of a file, or an object of the engine. ``run`` may be called from several
    threads for different tables.

    >>> from floe_plugins import IngestionPlugin
    >>> def load_orders(ingestion: IngestionPlugin, rows):
    ...     issues = ingestion.validate(rows)
    ...     if any(issue.severity is Severity.ERROR for issue in issues):
    ...         return None
    ...     return ingestion.run(rows, "sales.orders", "replace").rows
    >>> sorted(IngestionPlugin.__abstractmethods__)
    ['discard_pending', 'run', 'validate']
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def validate(self, source: Any) -> tuple[Issue, ...]:
        """Return the issues that can be found without loading the source.

        Callables are not called and iterators are not advanced, so the source can still be loaded.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def run(self, source: Any, table: str, mode: WriteMode = "append") -> IngestReport:
        """Load the whole source into a table, or nothing if that fails.

        Raises:
            ValueError: the source cannot be read or does not match the table, ``mode`` is unknown,
                or there is no key for merging. Nothing was written.
            PluginUnavailableError: another process has the database open.
            PluginError: writing failed, now or in an earlier load of this table, and the load
                is pending. ``discard_pending`` removes it.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def discard_pending(self) -> int:
        """Remove pending loads, which failed while they were written, and return their number."""
