"""Sources: their checks and their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_plugins.hookspecs.ingestion import Issue, Severity
from floe_reference_ingestion_dlt import _files
from floe_reference_ingestion_dlt._columns import Known

if TYPE_CHECKING:
    from dlt.extract import DltResource

_PAGE = 1000
_LOOKED_AT = 1000


def issues_of(source: Any) -> tuple[Issue, ...]:
    """Check a source without calling, consuming or loading it."""
    if is_native(source):
        return _issues_of_native(source)
    if isinstance(source, (str, Path)):
        return _issues_of_file(source)
    if hasattr(source, "__arrow_c_stream__"):
        return ()
    if isinstance(source, Sequence) and not isinstance(source, (bytes, bytearray)):
        return tuple(_issues_of_rows(source[:_LOOKED_AT]))
    if callable(source) or (isinstance(source, Iterable) and not isinstance(source, (Mapping, bytes, bytearray))):
        return ()
    message = (
        f"a {type(source).__name__} is no source: expected mappings in an iterable, a callable that returns one, "
        "the path or URI of a file, an Arrow stream, or a dlt resource"
    )
    return (Issue(Severity.ERROR, message),)


def resource_of(source: Any, table: str, known: Known, going_on: Callable[[], bool]) -> DltResource:
    """The source as a dlt resource of its own, which asks ``going_on`` before each page.

    Args:
        source: any that ``issues_of`` has no objection to.
        table: the name of the target.
        known: the columns that the target has.
        going_on: called before each page; what it raises ends the load.
    """
    import dlt

    if is_native(source):
        [resource] = _resources(source)
        # A copy: it is given hints that the caller's own must not have.
        return resource.with_name(resource.name).add_filter(lambda _: going_on())
    is_table = isinstance(source, (str, Path)) or hasattr(source, "__arrow_c_stream__")
    pages = _files.pages_of(source, known) if is_table else _pages_of_rows(source)
    return dlt.resource(_asking(pages, going_on), name=table)


def _asking(pages: Iterator[Any], going_on: Callable[[], bool]) -> Iterator[Any]:
    for page in pages:
        if going_on():
            yield page


def _pages_of_rows(source: Any) -> Iterator[list[Any]]:
    rows = iter(source() if callable(source) else source)
    number = 0
    while page := [*islice(rows, _PAGE)]:
        for row in page:
            number += 1
            if not isinstance(row, Mapping):
                message = _not_a_mapping(number, row)
                raise ValueError(message)  # noqa: TRY004 it is the source that is wrong
        yield page


def _not_a_mapping(number: int, row: Any) -> str:
    return f"row {number} is a {type(row).__name__}: expected a mapping of column names to values"


def is_native(source: Any) -> bool:
    """Whether it is an object of dlt."""
    return type(source).__module__.split(".")[0] == "dlt"


def _resources(source: Any) -> list[DltResource]:
    from dlt.extract import DltResource, DltSource

    if isinstance(source, DltResource):
        return [source]
    return [*source.selected_resources.values()] if isinstance(source, DltSource) else []


def _issues_of_native(source: Any) -> tuple[Issue, ...]:
    resources = _resources(source)
    if len(resources) == 1:
        return ()
    names = ", ".join(resource.name for resource in resources) or "none"
    message = f"a {type(source).__name__} must have one selected resource for one table, it has: {names}"
    return (Issue(Severity.ERROR, message),)


def _issues_of_file(source: str | Path) -> tuple[Issue, ...]:
    try:
        columns = _files.columns_of(source)
    except ValueError as error:
        return (Issue(Severity.ERROR, str(error)),)
    return tuple(_collisions(columns))


def _issues_of_rows(rows: Sequence[Any]) -> Iterator[Issue]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            yield Issue(Severity.ERROR, _not_a_mapping(number, row))
            return
        wrong = [key for key in row if not isinstance(key, str)]
        if wrong:
            yield Issue(Severity.ERROR, f"row {number} has a column called {wrong[0]!r}: expected text", repr(wrong[0]))
            return
    columns = tuple(dict.fromkeys(chain.from_iterable(rows)))
    yield from _collisions(columns)
    for column in columns:
        types = sorted({type(row[column]).__name__ for row in rows if row.get(column) is not None})
        if len(types) > 1:
            message = f"values are of several types ({', '.join(types)}); what does not fit gets a column of its own"
            yield Issue(Severity.WARNING, message, column)


def _collisions(columns: Iterable[str]) -> Iterator[Issue]:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    naming = NamingConvention()
    first: dict[str, str] = {}
    for column in columns:
        name = naming.normalize_identifier(column) if column.strip() else ""
        if not name:
            yield Issue(Severity.ERROR, "a column has no name", column)
        elif first.setdefault(name, column) != column:
            message = f"becomes {name!r}, as {first[name]!r} does: one takes the other's place"
            yield Issue(Severity.WARNING, message, column)
