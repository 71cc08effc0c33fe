"""Conversion from Arrow's interface to PyIceberg's. Imports both, so it is imported when first used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.exceptions import ResolveError
from pyiceberg.io.pyarrow import UnsupportedPyArrowTypeException, pyarrow_to_schema
from pyiceberg.schema import promote
from pyiceberg.types import NestedField

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from floe_plugins.hookspecs.protocols import ArrowSchema, ArrowStream

Column = Any
PAGE_BYTES = 64 * 1024 * 1024
UNSUITABLE = (UnsupportedPyArrowTypeException, TypeError, ValueError)


def schema_of(schema: ArrowStream | ArrowSchema) -> pa.Schema:
    """The names and types of columns. A plain stream is consumed."""
    if hasattr(schema, "__arrow_c_schema__"):
        return _bare(pa.schema(schema))
    return _bare(pa.RecordBatchReader.from_stream(schema).schema)


def schema_of_file(io: Any, uri: str) -> pa.Schema:
    """The schema of a Parquet file.

    Raises:
        ValueError: there is no such file.
    """
    try:
        with io.new_input(uri).open() as file:
            return _bare(pq.read_schema(file))
    except FileNotFoundError as error:
        raise ValueError(f"there is no file {uri}") from error
    except pa.ArrowInvalid as error:
        raise ValueError(f"{uri} is no Parquet file: {error}") from error


def pages_of(data: ArrowStream) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """The schema of a stream, and its rows in tables of some megabytes."""
    reader = pa.RecordBatchReader.from_stream(data)
    schema = _bare(reader.schema)
    return schema, _pages(reader, schema)


def _pages(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.Table]:
    batches: list[pa.RecordBatch] = []
    size = 0
    for batch in reader:
        batches.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        size += batch.nbytes
        if size >= PAGE_BYTES:
            yield pa.Table.from_batches(batches, schema)
            batches, size = [], 0
    if batches:
        yield pa.Table.from_batches(batches, schema)


def difference(table: Table, schema: pa.Schema, *, evolve: bool = False) -> str:
    """The differences between a schema and the table's, as text; empty if only the order of the columns differs.

    Args:
        table: has its own schema.
        schema: another one.
        evolve: whether it may lack columns that can be null.
    """
    return ", ".join(
        f"{name} is {_told(own)} there, not {_told(given)}"
        for name, own, given in _columns(table, schema)
        if _told(own) != _told(given) and not (evolve and given is None and not own.required)
    )


def is_wider(table: Table, schema: pa.Schema) -> bool:
    """Whether a schema has columns that can be null and that the table lacks."""
    there = {field.name for field in table.schema().fields}
    return any(field.name not in there and field.nullable for field in schema)


def misfit(table: Table, schema: pa.Schema) -> str:
    """The columns of a schema that cannot be written to the table, as text. Nested fields are not checked."""
    return ", ".join(
        f"{name} is {_told(given)}, but {_told(own)} in the table"
        for name, own, given in _columns(table, schema)
        if not _fits(own, given)
    )


def _columns(table: Table, schema: pa.Schema) -> Iterator[tuple[str, Column, Column]]:
    """Each column in the table and in the schema; a new column has Arrow's type."""
    own = {field.name: field for field in table.schema().fields}
    known = pa.schema([field for field in schema if field.name in own])
    given: dict[str, Column] = {field.name: field.type for field in schema}
    given |= {field.name: field for field in pyarrow_to_schema(known, name_mapping=table.schema().name_mapping).fields}
    for name in dict.fromkeys([*own, *given]):
        yield name, own.get(name), given.get(name)


def _fits(own: Column, given: Column) -> bool:
    if own is None:
        return False
    if given is None or (own.required and not given.required):
        return not own.required
    if own.field_type == given.field_type or not (own.field_type.is_primitive and given.field_type.is_primitive):
        return True
    try:
        promote(given.field_type, own.field_type)
    except ResolveError:
        return False
    return True


def _told(column: Column) -> str:
    if column is None:
        return "missing"
    if not isinstance(column, NestedField):
        return str(column)
    return f"{column.field_type}, never null" if column.required else str(column.field_type)


def _bare(schema: pa.Schema) -> pa.Schema:
    """The schema without field ids, which are valid for one table only."""
    return pa.schema([field.remove_metadata() for field in schema])
