"""Values of conditions, as the type of their dimension has them. Imports ibis, so it is imported when first used."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import ibis


def literal(value: object, dtype: Any) -> Any:
    """A value in an expression; never pasted into SQL as it is.

    Raises:
        ValueError: it is no value of that type. ibis itself takes 1.5 for 1 and "2026" for today.
    """
    wanted, kind = _wanted(dtype)
    if isinstance(value, str) and kind in {date, datetime, time}:
        value = kind.fromisoformat(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        expected = " or ".join(each.__name__ for each in wanted)
        raise ValueError(f"{value!r} does not fit {str(dtype).lstrip('!')}: expected {expected}")
    try:
        return ibis.literal(value, type=dtype)
    except TypeError as error:
        raise ValueError(f"{value!r} does not fit {str(dtype).lstrip('!')}: {error}") from error


def _wanted(dtype: Any) -> tuple[tuple[type, ...], Any]:
    table: tuple[tuple[bool, tuple[type, ...]], ...] = (
        (dtype.is_boolean(), (bool,)),
        (dtype.is_integer(), (int,)),
        (dtype.is_numeric(), (int, float, Decimal)),
        (dtype.is_timestamp(), (datetime, date)),
        (dtype.is_date(), (date,)),
        (dtype.is_time(), (time,)),
        (dtype.is_uuid(), (UUID, str)),
    )
    wanted = next((types for fits, types in table if fits), (str,))
    return wanted, wanted[0]
