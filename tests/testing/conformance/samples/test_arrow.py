from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from floe_plugins.testing.conformance.samples.arrow import OneTimeStream, columns, rows, schema_of, table

VALUES: dict[str, list[Any]] = {
    "integers": [1, None, 3],
    "floats": [None, 0.5, 1.0],
    "texts": ["", "ü", None],
    "truths": [True, None, False],
    "days": [date(1970, 1, 2), date(2024, 2, 29)],
    "lists": [[1, 2], [], [3]],
    "records": [{"x": 1, "y": "a"}, {"x": 2, "y": None}, {"x": None, "y": "c"}],
}


@pytest.mark.parametrize("name", VALUES)
def test_a_table_has_the_values_that_it_was_made_of(name: str) -> None:
    made = table({name: VALUES[name]})
    assert rows(made) == [{name: value} for value in VALUES[name]]
    assert columns(made) == [name]


def test_a_table_can_be_read_again() -> None:
    made = table({name: VALUES[name] for name in ("texts", "records")})
    assert rows(made) == rows(made)


def test_a_table_may_have_no_rows() -> None:
    empty = table({"a": [], "b": []})
    assert (columns(empty), rows(empty)) == (["a", "b"], [])


def test_a_stream_is_read_once() -> None:
    stream = OneTimeStream(table({"a": [1]}))
    assert not stream.is_read
    assert rows(stream) == [{"a": 1}]
    assert stream.is_read
    with pytest.raises(ValueError, match="read before"):
        rows(stream)


def test_a_schema_is_told_without_rows() -> None:
    assert schema_of(table({"a": [1]})).__arrow_c_schema__()
