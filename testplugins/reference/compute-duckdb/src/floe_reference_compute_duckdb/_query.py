"""Statements on threads of their own, which can be interrupted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from floe_plugins.hookspecs.running import InThread

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from floe_plugins.hookspecs.protocols import ArrowStream
    from floe_reference_compute_duckdb._database import Database


def begin(
    database: Database, run: Callable[[DuckDBPyConnection], ArrowStream], timeout: float | None
) -> InThread[ArrowStream]:
    """Run something on a connection of its own, and return while it runs."""
    cursors: list[DuckDBPyConnection] = []
    ended = threading.Event()

    def call() -> ArrowStream:
        try:
            with database.cursor() as cursor:
                cursors.append(cursor)
                return run(cursor)
        finally:
            ended.set()

    def interrupt() -> None:
        import duckdb

        # Again and again: it has no effect on a statement that has not quite begun.
        while not ended.wait(0.02):
            for cursor in cursors:
                with contextlib.suppress(duckdb.Error):  # closed meanwhile
                    cursor.interrupt()

    def interrupt_soon() -> None:
        threading.Thread(target=interrupt, name="floe duckdb interrupt", daemon=True).start()

    return InThread(call, "a query of compute:duckdb", interrupt_soon, timeout)
