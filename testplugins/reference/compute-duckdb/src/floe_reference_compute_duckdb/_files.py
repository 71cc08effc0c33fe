"""Files that DuckDB reads as tables and writes, said in its SQL."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from floe_plugins import UnsupportedOperationError
from floe_plugins.hookspecs.compute import WriteReport
from floe_reference_compute_duckdb._database import literal, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from floe_plugins.hookspecs.compute import Files

# Others, such as Iceberg, are extensions, which DuckDB would download.
READERS = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}
MODES = ("error", "replace")


def reader(source: Files) -> str:
    """The call in SQL that reads the files.

    Raises:
        UnsupportedOperationError: DuckDB does not read this format.
    """
    if source.format not in READERS:
        message = f"files of format {source.format!r} cannot be attached: expected {', '.join(READERS)}"
        raise UnsupportedOperationError(message)
    given = [literal(source.uri), *(f"{quoted(name)} = {literal(value)}" for name, value in source.options.items())]
    return f"{READERS[source.format]}({', '.join(given)})"


def check_target(target: Files, mode: str) -> None:
    """Refuse what DuckDB does not write.

    Raises:
        UnsupportedOperationError: it does not write this format, or in this mode.
    """
    if target.format not in READERS or mode not in MODES:
        message = f"{target.format!r} files cannot be written in the mode {mode!r}"
        expected = f"Expected one of {', '.join(READERS)}, and {' or '.join(MODES)}: DuckDB adds no rows to a file"
        raise UnsupportedOperationError(message, hint=expected)


def copy(cursor: DuckDBPyConnection, sql: str, target: Files, place: str) -> WriteReport:
    """Write the rows of one query to a file at a place."""
    options = [f"FORMAT {target.format}"]
    options += [f"{quoted(name)} {literal(value)}" for name, value in target.options.items()]
    # A view of its own: within COPY, text behind the query could close the parenthesis and say more.
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise ValueError(f"found {len(statements)} statements: expected one query")
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW floe_outgoing AS {statements[0].query}")
    written = cursor.execute(f"COPY (FROM floe_outgoing) TO {literal(place)} ({', '.join(options)})").fetchone()
    return WriteReport(target.uri, None if written is None else int(written[0]))


def to_local(target: Files, mode: str, write: Callable[[str], WriteReport]) -> WriteReport:
    """Write a file beside its place, and put it there as a whole.

    Raises:
        FileExistsError: there is something, and it may not be replaced.
    """
    place = Path(target.uri.removeprefix("file://"))
    if mode == "error" and place.exists():
        raise FileExistsError(f"there is something at {target.uri} already")
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        report = write(str(beside))
        if place.is_dir():
            shutil.rmtree(place)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
    return report
