"""Catalog: knows the tables, where they lie and how they changed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec
from floe_plugins.hookspecs.protocols import ArrowSchema, ArrowStream


@attrs.frozen
class TableRef:
    """A table as the catalog knows it.

    Attributes:
        identifier: namespace and name, joined by dots.
        location: the URI below which its files lie.
        snapshot_id: the current snapshot, None of a table that was never written.
    """

    identifier: str
    location: str
    snapshot_id: int | None = None
    properties: Mapping[str, str] = attrs.field(factory=dict)


class CatalogPlugin(PluginMetadata):
    """One catalog. Hooks are asked of one chosen plugin and safe from several threads.

    An identifier is one or more namespaces and a name, joined by dots; what
    cannot be one is a ``ValueError`` everywhere. Two writers of one table never
    lose data: one of them succeeds, the other is repeated or raises.
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def ensure_namespace(self, namespace: str) -> bool:
        """Create the namespace if it is missing; whether it was created now."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def ensure_table(self, identifier: str, schema: ArrowStream | ArrowSchema) -> TableRef:
        """The table, created with ``schema`` if it is missing.

        The order of the columns makes no other schema. A stream may be used up
        by asking for its schema.

        Raises:
            LookupError: there is no such namespace.
            ValueError: it exists with another schema, or the catalog has no such types.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def append(self, identifier: str, data: ArrowStream) -> int:
        """Add rows in one commit and return the id of the new snapshot.

        Others see all of them or none.

        Raises:
            LookupError: there is no such table.
            ValueError: the rows do not fit its schema.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def replace(self, identifier: str, data: ArrowStream) -> int:
        """Put rows in place of all that are there, in one commit, and return the id of the new snapshot.

        Others see the old rows or the new ones, never neither.

        Raises:
            LookupError: there is no such table.
            ValueError: the rows do not fit its schema.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def read(self, identifier: str, columns: Sequence[str] | None = None, limit: int | None = None) -> ArrowStream:
        """The rows of the current snapshot; ``columns`` in the order given.

        Raises:
            LookupError: there is no such table.
            ValueError: an unknown column, or a negative limit.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def list_tables(self, namespace: str | None = None) -> tuple[str, ...]:
        """The identifiers of all tables, or of those directly in one namespace, sorted.

        Raises:
            LookupError: there is no such namespace.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def drop_table(self, identifier: str, purge: bool = False) -> bool:  # noqa: FBT001, FBT002 pluggy passes by name
        """Forget the table, with ``purge`` delete its files too; whether there was one."""
        raise NotImplementedError
