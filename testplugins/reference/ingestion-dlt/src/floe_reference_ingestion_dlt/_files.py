"""Columns and rows of a file or an Arrow stream, read by a DuckDB of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from floe_reference_ingestion_dlt._columns import Known, identified, projection

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

RecordBatch: TypeAlias = Any  # of pyarrow, which has no types
RecordBatchReader: TypeAlias = Any

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".parquet": "read_parquet",
}
_COMPRESSED = (".gz", ".zst")
_ROWS = 5000
_ARROW_ROWS = 50_000


def columns_of(source: str | Path) -> tuple[str, ...]:
    """The names of a file's columns, after a look at its beginning.

    Raises:
        ValueError: there is no such file, its format is not known, or it cannot be read.
    """
    with _opened(source) as (connection, reader, place):
        described = connection.execute(f"DESCRIBE FROM {reader}(?)", [place]).fetchall()
    return tuple(str(row[0]) for row in described)


def pages_of(source: Any, known: Known) -> Iterator[Any]:
    """The content of a file or an Arrow stream: record batches if a table with these columns takes them, or else rows.

    Raises:
        ValueError: as ``columns_of``, also in the middle of the file.
    """
    import pyarrow as pa

    try:
        if isinstance(source, (str, Path)):
            with _opened(source) as (connection, reader, place):
                yield from _pages_of_file(connection, f"FROM {reader}(?)", place, known)
        else:
            with _connected() as connection:
                yield from _pages_of_stream(connection, pa.RecordBatchReader.from_stream(source), known)
    except pa.ArrowException as error:
        message = f"{source if isinstance(source, (str, Path)) else 'the stream'} cannot be read: {_first_line(error)}"
        raise ValueError(message) from error


def _pages_of_file(connection: DuckDBPyConnection, sql: str, place: str, known: Known) -> Iterator[Any]:
    relation = connection.sql(sql, params=[place])
    chosen = projection(zip(relation.columns, map(str, relation.types), strict=True), known)
    if chosen is not None:
        yield from _arrow_pages(relation.project(chosen), known)
        return
    result = connection.execute(sql, [place])
    names = [str(column[0]) for column in result.description or ()]
    while rows := result.fetchmany(_ROWS):
        yield [dict(zip(names, row, strict=True)) for row in rows]


def _pages_of_stream(connection: DuckDBPyConnection, stream: RecordBatchReader, known: Known) -> Iterator[Any]:
    # Asked of an empty table: a stream can be read once.
    empty = connection.from_arrow(stream.schema.empty_table())
    chosen = projection(zip(empty.columns, map(str, empty.types), strict=True), known)
    if chosen is not None:
        yield from _arrow_pages(connection.from_arrow(stream).project(chosen), known)
        return
    for batch in stream:
        yield from (batch.slice(start, _ROWS).to_pylist() for start in range(0, batch.num_rows, _ROWS))


def _arrow_pages(relation: DuckDBPyRelation, known: Known) -> Iterator[RecordBatch]:
    # DuckDB 2 has another name for it.
    read = relation.to_arrow_reader if hasattr(relation, "to_arrow_reader") else relation.fetch_arrow_reader
    for page in read(_ARROW_ROWS):
        yield identified(page, known)


@contextmanager
def _opened(source: str | Path) -> Iterator[tuple[DuckDBPyConnection, str, str]]:
    import duckdb

    place = str(source).removeprefix("file://")
    reader = _reader(place)
    scheme = _scheme(place)
    try:
        with _connected() as connection:
            if scheme:
                connection.register_filesystem(_file_system(scheme))
            yield connection, reader, place
    except duckdb.Error as error:
        message = f"{place} cannot be read: {_first_line(error)}"
        raise ValueError(message) from error


def _connected() -> DuckDBPyConnection:
    import duckdb

    # Nothing is fetched to read a format or a scheme that this DuckDB does not know.
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return duckdb.connect(config=settings)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _reader(place: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(place).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    reader = _READERS.get(suffixes[-1]) if suffixes else None
    if reader is None:
        message = f"the format of {place} is not known: expected a name that ends in {', '.join(_READERS)}"
        raise ValueError(message)
    return reader


def _scheme(place: str) -> str:
    if "://" not in place:
        return ""
    parts = urlsplit(place)
    if "@" in parts.netloc:
        # It would stand in every error and log about this file.
        message = f"a URI of {parts.scheme}:// must not hold credentials: expected them in fsspec's configuration"
        raise ValueError(message)
    return parts.scheme


def _file_system(scheme: str) -> Any:
    import fsspec

    try:
        return fsspec.filesystem(scheme)
    except (ImportError, ValueError) as error:
        message = f"{scheme}:// cannot be read: {error}"
        raise ValueError(message) from error
