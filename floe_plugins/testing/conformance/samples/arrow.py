"""Small Arrow tables to pass to plugins, and the rows of what they return. Needs nanoarrow and no engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from floe_plugins.core.lazy import LazyModule

if TYPE_CHECKING:
    from floe_plugins.hookspecs.protocols import ArrowStream

# It has no types.
_arrow: Any = LazyModule("nanoarrow")


_EPOCH = date(1970, 1, 1)


def table(columns: Mapping[str, Sequence[Any]]) -> ArrowStream:
    """Return a table with the values of each column; it can be read any number of times.

    The first value that is not None decides the type: ``int``, ``float``, ``str`` or ``bool``, a ``date``
    (in all rows), a list of integers, or a mapping of these. A column of None alone holds integers.

    >>> rows(table({"n": [1, None], "items": [[1, 2], []]}))
    [{'n': 1, 'items': [1, 2]}, {'n': None, 'items': []}]
    """
    array = _struct({name: _array(values) for name, values in columns.items()})
    stream: ArrowStream = _arrow.ArrayStream(_arrow.Array(array)).read_all()
    return stream


def rows(stream: ArrowStream) -> list[dict[str, Any]]:
    """Return the rows of a stream or table, which it reads to the end."""
    found: list[dict[str, Any]] = _arrow.ArrayStream(stream).read_all().to_pylist()
    return found


def columns(stream: ArrowStream) -> list[str]:
    """Return the names of the columns of a stream or table."""
    return [field.name for field in _arrow.ArrayStream(stream).schema.fields]


class OneTimeStream:
    """A stream of a table that can be read once, as those of most engines."""

    def __init__(self, source: ArrowStream) -> None:
        self._source: ArrowStream | None = source
        self.reads = 0

    @property
    def is_read(self) -> bool:
        """Whether it was read."""
        return self.reads > 0

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the stream to who reads it.

        Raises:
            ValueError: it was read before.
        """
        self.reads += 1
        if self._source is None:
            raise ValueError("the stream was read before: one can be read once")
        source, self._source = self._source, None
        return source.__arrow_c_stream__(requested_schema)


def schema_of(stream: ArrowStream) -> Any:
    """Return the schema of a table as an object with the Arrow PyCapsule interface."""
    return _arrow.c_schema(_arrow.ArrayStream(stream).schema)


def _array(values: Sequence[Any]) -> Any:
    first = next((value for value in values if value is not None), 0)
    if isinstance(first, Mapping):
        return _struct({name: _array([value[name] for value in values]) for name in first})
    if isinstance(first, list):
        ends = [0]
        for value in values:
            ends.append(ends[-1] + len(value))
        items = _arrow.c_array([item for value in values for item in value], _arrow.int64())
        offsets = _arrow.c_buffer(ends, _arrow.int32())
        kind = _arrow.list_(_arrow.int64())
        return _arrow.c_array_from_buffers(kind, len(values), [None, offsets], children=[items])
    if isinstance(first, date):
        days = _arrow.c_buffer([(value - _EPOCH).days for value in values], _arrow.int32())
        return _arrow.c_array_from_buffers(_arrow.date32(), len(values), [None, days])
    kinds = {int: _arrow.int64, float: _arrow.float64, str: _arrow.string, bool: _arrow.bool_}
    return _arrow.c_array(list(values), kinds[type(first)]())


def _struct(children: Mapping[str, Any]) -> Any:
    kind = _arrow.struct({name: _arrow.Schema(child.schema) for name, child in children.items()})
    length = len(next(iter(children.values())))
    return _arrow.c_array_from_buffers(kind, length, [None], children=list(children.values()))
