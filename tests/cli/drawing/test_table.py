"""Tables: nothing is cut, and no line is wider than the terminal."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.cli.drawing.table import cell_width, render, wrapped

ROWS = [("compute:duckdb", "0.1.0", "refused"), ("lineage_backend:openlineage", "1.0", "discovered")]
HEAD = ("plugin", "version", "state")


def test_without_a_width_each_row_is_one_line() -> None:
    lines = [*render(HEAD, [*ROWS, ("x" * 500, "1", "y")])]
    assert len(lines) == 4
    assert lines[0].split() == list(HEAD)
    assert [line.split() for line in lines[1:3]] == [list(row) for row in ROWS]


def test_a_narrow_table_wraps_between_the_parts_of_names() -> None:
    lines = [line.split() for line in render(HEAD, ROWS, width=40)]
    assert lines[2:] == [["lineage_backend:", "1.0", "discovered"], ["openlineage"]]


def test_where_columns_do_not_fit_each_row_is_a_block_that_names_them() -> None:
    assert [*render(HEAD, ROWS[:1], width=20)] == ["compute:duckdb", "  version: 0.1.0", "  state: refused"]


@given(
    st.lists(st.lists(st.text("ab: -日é", max_size=30), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(8, 90),
)
def test_no_line_is_too_wide_and_no_character_is_lost(rows: list[list[str]], width: int) -> None:
    lines = [*render(("one", "two", "three"), rows, width=width)]
    assert max(map(cell_width, lines), default=0) <= width
    shown = re.sub(r"\s", "", "".join(lines))
    for row in rows:
        for cell in row:
            for character in cell.replace(" ", ""):
                assert character in shown


@given(st.text("ab: -/日é", max_size=60), st.integers(2, 20))
def test_wrapped_text_is_the_same_text(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_width(line) <= width for line in lines)


def test_whole_cells_and_the_head_are_painted_alone() -> None:
    lines = [*render(HEAD, ROWS, paint=lambda kind, text: f"<{kind} {text}>")]
    assert lines[0].startswith("<head plugin>")
    assert "<cell refused>" in lines[1]
