import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.configuration.formats.position import UNKNOWN, FormatError, Lines


@given(st.lists(st.text("ab\r\t \u2028", max_size=5)))
def test_line_and_column_lead_back_to_the_offset(lines):
    text = "\n".join(lines)
    found = Lines(text)
    for offset in range(len(text) + 1):
        line, column = found.position(offset)
        assert sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1 == offset


@given(st.text("a\n", min_size=1))
def test_positions_grow_with_the_offset(text):
    positions = [Lines(text).position(offset) for offset in range(len(text))]
    assert positions == sorted(set(positions))


@pytest.mark.parametrize(
    ("offset", "position"), [(0, (1, 1)), (1, (1, 2)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (5, (3, 2))]
)
def test_both_count_from_one_and_a_line_ends_with_its_break(offset, position):
    assert Lines("ab\n\nc").position(offset) == position


def test_a_text_of_nothing_has_a_first_place():
    assert Lines("").position(0) == (1, 1)


def test_an_error_without_a_position_has_an_unknown_one():
    assert FormatError("it cannot be parsed").position is UNKNOWN
    assert (UNKNOWN.line, UNKNOWN.column) == (None, None)


def test_a_format_error_has_its_facts():
    error = FormatError("it cannot be parsed", (2, 3), "Mend it")
    assert (error.message, error.position, error.hint) == ("it cannot be parsed", (2, 3), "Mend it")
    assert isinstance(error, ValueError)
    assert str(error) == "it cannot be parsed"
