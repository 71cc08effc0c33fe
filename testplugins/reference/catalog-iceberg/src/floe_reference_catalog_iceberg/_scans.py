"""What a table holds: its description, and the rows of a snapshot as they are read. Imports PyIceberg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
from pyiceberg import expressions
from pyiceberg.exceptions import ValidationError
from pyiceberg.expressions.visitors import bind
from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow

from floe_plugins.hookspecs.catalog import Column, Snapshot, TableInfo, TableRef

if TYPE_CHECKING:
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.schema import Schema
    from pyiceberg.table import DataScan, Table

    from floe_plugins.hookspecs.catalog import RowFilter

_COMPARISONS: dict[str, Any] = {
    "=": expressions.EqualTo,
    "!=": expressions.NotEqualTo,
    "<": expressions.LessThan,
    "<=": expressions.LessThanOrEqual,
    ">": expressions.GreaterThan,
    ">=": expressions.GreaterThanOrEqual,
}
# Files of deleted rows, by which the number of rows is less than that of the data files.
_DELETES = ("total-position-deletes", "total-equality-deletes")


@attrs.frozen
class Rows:
    """The rows of one snapshot, read from its files by each who asks for them, a part at a time."""

    scan: DataScan
    columns: Sequence[str]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        schema = schema_to_pyarrow(self.scan.projection())
        rows = pa.RecordBatchReader.from_batches(schema, self._batches()).cast(schema)
        ordered = pa.schema([schema.field(name) for name in self.columns])
        rows = pa.RecordBatchReader.from_batches(ordered, (batch.select([*self.columns]) for batch in rows))
        return rows.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        scan, left = self.scan, self.scan.limit
        # One file after another: PyIceberg would have all of them in memory at once.
        for task in scan.plan_files():
            if left == 0:
                return
            reader = ArrowScan(
                scan.table_metadata, scan.io, scan.projection(), scan.row_filter, scan.case_sensitive, left
            )
            for batch in reader.to_record_batches([task]):
                left = None if left is None else left - batch.num_rows
                yield batch


def reference(identifier: str, table: Table) -> TableRef:
    """The table as the contract names it."""
    snapshot = table.current_snapshot()
    current = None if snapshot is None else snapshot.snapshot_id
    return TableRef(identifier, table.location(), current, dict(table.properties))


def described(identifier: str, table: Table) -> TableInfo:
    """The columns, snapshots and statistics, of which no data file is read."""
    schema = table.schema()
    ordered = sorted(table.snapshots(), key=lambda each: each.sequence_number or 0)
    deletes = sum(_total(table, name) or 0 for name in _DELETES)
    return TableInfo(
        reference(identifier, table),
        tuple(Column(field.name, str(field.field_type), field.required) for field in schema.fields),
        tuple(
            Snapshot(
                each.snapshot_id, each.timestamp_ms / 1000, "" if each.summary is None else each.summary.operation.value
            )
            for each in ordered
        ),
        partitions(table),
        None if deletes else _total(table, "total-records"),
        _total(table, "total-data-files"),
        _total(table, "total-files-size"),
        table.metadata_location,
    )


def partitions(table: Table) -> tuple[str, ...]:
    """The columns, or transforms of them, by which new files are partitioned."""
    schema = table.schema()
    return tuple(_partition(field, schema.find_column_name(field.source_id)) for field in table.spec().fields)


def _partition(field: Any, column: str | None) -> str:
    transform = str(field.transform)
    return str(column) if transform == "identity" else f"{transform}({column})"


def _total(table: Table, name: str) -> int | None:
    snapshot = table.current_snapshot()
    if snapshot is None:
        return 0
    value = None if snapshot.summary is None else snapshot.summary[name]
    return None if value is None else int(value)


@attrs.frozen
class Wanted:
    """What is read of a table: some columns or all, of the rows that meet all filters, of one snapshot."""

    columns: Sequence[str] | None = None
    filters: Sequence[RowFilter] = ()
    snapshot_id: int | None = None
    limit: int | None = None


def rows_of(identifier: str, table: Table, wanted: Wanted) -> Rows:
    """The rows that meet all filters, of one snapshot or of the current one; no data file is read yet.

    Raises:
        LookupError: the snapshot does not exist.
        ValueError: a column does not exist, or a filter is invalid.
    """
    schema = _schema_at(identifier, table, wanted.snapshot_id)
    there = [field.name for field in schema.fields]
    chosen = there if wanted.columns is None else [*wanted.columns]
    unknown = [name for name in [*chosen, *(each.column for each in wanted.filters)] if name not in there]
    if unknown:
        raise ValueError(f"table {identifier!r} has no columns {unknown}: expected some of {there}")
    condition: BooleanExpression = expressions.AlwaysTrue()
    for each in wanted.filters:
        condition = expressions.And(condition, _condition(schema, each))
    scan = table.scan(condition, tuple(chosen), snapshot_id=wanted.snapshot_id, limit=wanted.limit)
    return Rows(scan, chosen)


def _schema_at(identifier: str, table: Table, snapshot_id: int | None) -> Schema:
    if snapshot_id is None:
        return table.schema()
    snapshot = table.snapshot_by_id(snapshot_id)
    if snapshot is None:
        raise LookupError(f"table {identifier!r} has no snapshot {snapshot_id}")
    return table.schema() if snapshot.schema_id is None else table.schemas()[snapshot.schema_id]


def _condition(schema: Schema, given: RowFilter) -> BooleanExpression:
    value: Any = given.value
    told = f"the filter {given.column} {given.operator} {value!r} is invalid"
    if given.operator != "in" and given.operator not in _COMPARISONS:
        raise ValueError(f"{told}: expected one of {', '.join([*_COMPARISONS, 'in'])}")
    if given.operator == "in" and (isinstance(value, (str, bytes)) or not isinstance(value, Sequence)):
        raise ValueError(f"{told}: 'in' takes a sequence of values")
    # Any, since the arguments of these have other types in each version of PyIceberg.
    made: Any = expressions.In if given.operator == "in" else _COMPARISONS[given.operator]
    try:
        condition: BooleanExpression = made(
            given.column, [*map(_literal, value)] if given.operator == "in" else _literal(value)
        )
        # Now and not when the rows are read, when an error would be one of the stream.
        bind(schema, condition, case_sensitive=True)
    except (TypeError, ValueError, ArithmeticError, ValidationError) as error:
        raise ValueError(f"{told}: {error}") from error
    return condition


def _literal(value: Any) -> Any:
    # A text is converted to the column's type, whichever of Iceberg's times that is.
    return value.isoformat() if isinstance(value, (date, time)) else value
