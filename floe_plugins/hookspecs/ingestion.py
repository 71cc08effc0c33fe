"""Ingestion: loads data from external sources into tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

import attrs

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec


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
    """A column that a load added to a table, or whose type it changed to a wider one.

    Attributes:
        table: the table, which may be a child table of the one that was loaded into.
        column: the name of the column.
        type: the engine's word for its type now.
    """

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


@attrs.frozen
class Connector:
    """A way to a kind of source, which is chosen by its name.

    Attributes:
        name: the name, as ``ConnectorSource.connector`` takes it.
        description: one line for operators.
        schema: a JSON Schema of its configuration.
    """

    name: str
    description: str = ""
    schema: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class ConnectorSource:
    """A source that a connector and its configuration describe, so that no code is needed for it.

    >>> ConnectorSource("sql_database", {"credentials": "sqlite:///shop.db"}, "orders").stream
    'orders'

    Attributes:
        connector: the name of the connector.
        config: its configuration: JSON values, and ``SecretStr`` in place of texts that are secret.
        stream: the name of one of its streams, as ``discover`` tells; may be empty if it has only one.
    """

    connector: str
    config: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    stream: str = ""


@attrs.frozen
class SourceStream:
    """Rows that a source has, and that can become a table.

    Attributes:
        name: the name of the stream; empty if the source has only one, without a name.
        columns: the columns that are known before it is loaded, and the source's words for their types.
        keys: the columns by which its rows are merged.
        incremental: whether a load goes on where the last one ended.
    """

    name: str
    columns: Mapping[str, str] = attrs.field(factory=dict)
    keys: tuple[str, ...] = ()
    incremental: bool = False


class IngestionPlugin(PluginMetadata):
    """The contract of data loaders. Each call goes to one plugin.

    A source is an iterable of mappings (or a callable that returns one), the path or
    URI of a file, an object of the engine, or a ``ConnectorSource`` if the plugin has
    connectors. ``run`` may be called from several threads for different tables, the other
    hooks from any thread. While a load is written, the plugin may have the database of a
    compute plugin to itself; it is released afterwards, also if the load failed.

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

    @added_in("1.1")
    @hookspec(firstresult=True)
    def connectors(self) -> tuple[Connector, ...]:
        """Return the connectors that can be used by name, sorted by name. By default there are none.

        Since API 1.1.
        """
        return ()

    @added_in("1.1")
    @hookspec(firstresult=True)
    def discover(self, source: Any) -> tuple[SourceStream, ...]:
        """Return the streams of a source, sorted by name. Asks the source, but loads no rows.

        Since API 1.1.

        Raises:
            ValueError: the source cannot be asked, its connector is not known, or its configuration is wrong.
            UnsupportedOperationError: the plugin cannot tell. The default.
        """
        raise UnsupportedOperationError(
            f"ingestion:{self.name} does not tell what a {type(source).__name__} consists of",
            hint="Load it, and look at the table",
        )

    @added_in("1.1")
    @hookspec(firstresult=True)
    def resume_pending(self) -> tuple[IngestReport, ...]:
        """Complete the pending loads, which failed while they were written, without asking their sources again.

        Since API 1.1.

        Raises:
            PluginUnavailableError: another process has the database open.
            PluginError: writing failed again, and the load stays pending. Others may have been completed.
            UnsupportedOperationError: the plugin cannot resume loads. The default.
        """
        raise UnsupportedOperationError(
            f"ingestion:{self.name} cannot resume loads", hint="Use discard_pending, and load again"
        )
