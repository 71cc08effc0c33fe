"""Tables that callers register or attach. Spark's temporary views belong to one session, so each session makes them."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_plugins.hookspecs.compute import Files
    from floe_reference_compute_spark._session import Session

_NAME = re.compile(r"\w+")


class Views:
    """Tables by name: rows in memory, or files that the engine reads. Thread-safe."""

    def __init__(self) -> None:
        self._tables: dict[str, Any] = {}
        self._lock = threading.Lock()

    def put(self, name: str, table: Any | Files) -> None:
        """Keep a table. Replaces one of that name.

        Raises:
            ValueError: Spark's SQL could not name it.
        """
        if not _NAME.fullmatch(name):
            message = f"{name!r} is no name for a table: expected letters, digits and underscores"
            raise ValueError(message)
        with self._lock:
            self._tables[name.lower()] = table

    def clear(self) -> None:
        """Forget all tables."""
        with self._lock:
            self._tables.clear()

    def make(self, session: Session, sql: str) -> None:
        """Make the views that a statement may name; the rows of others are not sent."""
        words = {word.lower() for word in _NAME.findall(sql)}
        with self._lock:
            wanted = {name: table for name, table in self._tables.items() if name in words}
        for name, table in wanted.items():
            frame_of(session, table).createOrReplaceTempView(name)


def frame_of(session: Session, table: Any | Files) -> Any:
    """The data frame of a table: rows in memory, or files."""
    if hasattr(table, "uri"):
        return session.spark.read.format(table.format).options(**table.options).load(table.uri)
    if not table.num_rows:
        from pyspark.sql.pandas.types import from_arrow_schema

        # Of no rows Spark takes no schema but its own.
        return session.spark.createDataFrame([], from_arrow_schema(table.schema))
    return session.spark.createDataFrame(table)
