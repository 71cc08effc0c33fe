"""Columns that pass from a source to dlt as Arrow.

dlt makes tables of Arrow that differ from those it makes of rows: narrower types, no columns of its own. Whatever is
loaded first, rows or Arrow, the other has to fit later; so the types are those of rows, and where values could not be
kept the source is loaded as rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Known: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The columns of a table that is there, with what dlt says of each."""

OWN = ("_dlt_load_id", "_dlt_id")
"""The columns by which dlt knows rows again: it adds them to rows, and not to Arrow."""

# DuckDB's types: what dlt calls them, and what a column of rows has.
_TYPES = {
    "BOOLEAN": ("bool", "BOOLEAN"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), ("bigint", "BIGINT")),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), ("bigint", "BIGINT")),
    **dict.fromkeys(("FLOAT", "DOUBLE"), ("double", "DOUBLE")),
    "DECIMAL": ("decimal", "DECIMAL(38, 9)"),
    "VARCHAR": ("text", "VARCHAR"),
    "BLOB": ("binary", "BLOB"),
    "DATE": ("date", "DATE"),
    "TIME": ("time", "TIME"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"), ("timestamp", "TIMESTAMP")),
    "TIMESTAMP WITH TIME ZONE": ("timestamp", "TIMESTAMP WITH TIME ZONE"),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_MOST_DIGITS, _MOST_FRACTION = 29, 9


def projection(columns: Iterable[tuple[str, str]], known: Known) -> str | None:
    """What to select so that columns can be loaded as Arrow; None if only their rows can be.

    Args:
        columns: the names and DuckDB's types.
        known: the table's own columns.
    """
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    normalized = NamingConvention().normalize_path
    chosen: dict[str, str] = {}
    for name, engine_type in columns:
        kind, wanted = _TYPES.get(_family(engine_type), ("", ""))
        column = normalized(name)
        # Lists are loaded into tables of their own, and what does not fit its column into another one.
        if not kind or column in chosen or column in OWN or known.get(column, {}).get("data_type", kind) != kind:
            return None
        chosen[column] = f"CAST({_quoted(name)} AS {wanted}) AS {_quoted(name)}"
    return ", ".join(chosen.values()) or None


def _family(engine_type: str) -> str:
    decimal = _DECIMAL.fullmatch(engine_type)
    if decimal is None:
        return engine_type
    digits, fraction = int(decimal[1]), int(decimal[2])
    return "DECIMAL" if fraction <= _MOST_FRACTION and digits - fraction <= _MOST_DIGITS else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def identified(page: Any, known: Known) -> Any:
    """A record batch with dlt's own columns where the table wants them; only while dlt extracts."""
    if not all(name in known for name in OWN):
        return page
    import dlt
    import pyarrow as pa
    from dlt.common.normalizers.utils import generate_dlt_ids

    load_id: str = dlt.current.load_package_state()["load_id"]
    columns = (pa.array([load_id] * page.num_rows, pa.string()), pa.array(generate_dlt_ids(page.num_rows), pa.string()))
    return pa.RecordBatch.from_arrays([*page.columns, *columns], names=[*page.schema.names, *OWN])
