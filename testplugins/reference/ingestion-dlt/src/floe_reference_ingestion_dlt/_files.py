"""Rows of a file, whatever its format, read by a DuckDB of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".parquet": "read_parquet",
}
_COMPRESSED = (".gz", ".zst")
_PAGE = 5000


def columns_of(source: str | Path) -> tuple[str, ...]:
    """The names of a file's columns, after a look at its beginning.

    Raises:
        ValueError: there is no such file, its format is not known, or it cannot be read.
    """
    with _opened(source) as (connection, reader, place):
        described = connection.execute(f"DESCRIBE FROM {reader}(?)", [place]).fetchall()
    return tuple(str(row[0]) for row in described)


def pages_of(source: str | Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file, some thousand at a time.

    Raises:
        ValueError: as ``columns_of``, also in the middle of the file.
    """
    with _opened(source) as (connection, reader, place):
        result = connection.execute(f"FROM {reader}(?)", [place])
        names = [str(column[0]) for column in result.description or ()]
        while rows := result.fetchmany(_PAGE):
            yield [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def _opened(source: str | Path) -> Iterator[tuple[DuckDBPyConnection, str, str]]:
    import duckdb

    place = str(source).removeprefix("file://")
    reader = _reader(place)
    scheme = _scheme(place)
    # Nothing is fetched to read a format or a scheme that this DuckDB does not know.
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=settings) as connection:
            if scheme:
                connection.register_filesystem(_file_system(scheme))
            yield connection, reader, place
    except duckdb.Error as error:
        message = f"{place} cannot be read: {str(error).splitlines()[0]}"
        raise ValueError(message) from error


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
