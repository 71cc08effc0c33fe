"""Compute: an engine that runs SQL over tables and files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from floe_plugins.hookspecs.base import PluginMetadata, hookspec
from floe_plugins.hookspecs.protocols import ArrowStream, Connection


class ComputePlugin(PluginMetadata):
    """One SQL engine. Every hook is asked of one chosen plugin and safe from several threads."""

    @hookspec(firstresult=True)
    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> ArrowStream:
        """The result of one SQL statement, in the engine's own dialect.

        Parameters are bound, never pasted: a sequence for positional placeholders,
        a mapping for named ones. The result does not depend on the engine's
        connection: it can be read after other statements have run. Of a statement
        that is no query it may have no rows.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def register_table(self, name: str, data: ArrowStream) -> None:
        """Make ``data`` queryable as ``name``, in place of what had that name.

        The data is taken over before the call returns; it lasts until ``release`` or shutdown.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def connect(self) -> AbstractContextManager[Connection]:
        """A DB-API 2.0 connection of the caller's own, closed when the block ends.

        A block that ends without an error is committed, one that raises is rolled back.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def dbt_profile(self, target: str) -> Mapping[str, Any]:
        """The output named ``target`` of a dbt profile that reaches the same database.

        Raises:
            UnsupportedOperationError: dbt has no adapter for this engine, or cannot reach this database.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def release(self) -> None:
        """Let go of files and locks so that another tool can open the database.

        Waits for running statements and for blocks of ``connect``; the next call of
        any other hook opens it again. Committed data stays, registered tables go.

        Raises:
            RuntimeError: called in a block of ``connect`` on the same thread.
        """
        raise NotImplementedError
