"""How the files of a table are partitioned. Imports PyIceberg."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from pyiceberg.transforms import parse_transform

from floe_plugins import UnsupportedOperationError
from floe_reference_catalog_iceberg._scans import partitions

if TYPE_CHECKING:
    from pyiceberg.table import Table

# Such as day(at) or bucket[16](id).
_CALL = re.compile(r"(\w+(?:\[\d+\])?)\((.+)\)")


def _check_transforms() -> None:
    try:
        import_module("pyiceberg_core")
    except ImportError as error:
        # Tables could be partitioned so, but no rows could be written to them.
        message = "rows can be partitioned by columns only: PyIceberg's transforms are not installed"
        raise UnsupportedOperationError(message, hint="Install floe-reference-catalog-iceberg[transforms]") from error


def repartition(table: Table, by: Sequence[str]) -> None:
    """Partition a table by columns and transforms of them, and no longer by others.

    Raises:
        ValueError: there is no such column, or no such transform of it.
    """
    now = dict(zip(partitions(table), table.spec().fields, strict=True))
    wanted = {}
    for each in by:
        found = _CALL.fullmatch(each)
        transform, column = ("identity", each) if found is None else found.groups()
        made = parse_transform(transform)
        if transform != "identity":
            _check_transforms()
        field = table.schema().find_field(column)
        if not made.can_transform(field.field_type):
            raise ValueError(f"{field.field_type} has no {transform}")
        wanted[each] = (column, made)
    with table.update_spec() as change:
        for told, old in now.items():
            if told not in wanted:
                change.remove_field(old.name)
        for told, (column, made) in wanted.items():
            if told not in now:
                change.add_field(column, made)
