import sys
import time

import pytest

from floe_plugins.configuration.formats.json import locate, parse
from floe_plugins.configuration.formats.position import FormatError

TEXT = """{"a": {"b\\"c": [1, [true], {"d": "x, {y}"}], "e": {}},
 "list": [], "f": null,
 "g": [
   "[", {}
 ]}"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("a",), 1, 2),
        (("a", 'b"c'), 1, 8),
        (("a", 'b"c', 0), 1, 17),
        (("a", 'b"c', 1), 1, 20),
        (("a", 'b"c', 1, 0), 1, 21),
        (("a", 'b"c', 2), 1, 28),
        (("a", 'b"c', 2, "d"), 1, 29),
        (("a", "e"), 1, 46),
        (("list",), 2, 2),
        (("f",), 2, 14),
        (("g", 0), 4, 4),
        (("g", 1), 4, 9),
    ],
)
def test_a_position_is_where_the_key_or_item_begins(path, line, column):
    assert locate(TEXT)[path] == (line, column)


def test_nothing_else_has_a_position():
    assert len(locate(TEXT)) == 13


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ('{"a": "NaN",\n "b": NaN}', (2, 7), "invalid JSON: NaN is not a number in JSON"),
        ('{"a": [1,\n -Infinity]}', (2, 2), "invalid JSON: -Infinity is not a number in JSON"),
        ('{"a": {"b": 1,\n "c": 2, "b": 3}}', (2, 10), "duplicate key 'b'"),
    ],
)
def test_an_issue_has_its_position(text, position, message):
    with pytest.raises(FormatError) as caught:
        parse(text)
    assert caught.value.position == position
    assert caught.value.message == message


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads numbers of any length")
def test_a_number_of_more_digits_than_python_reads_has_its_position():
    with pytest.raises(FormatError) as caught:
        parse(f'{{"a": 12, "b":\n -{"9" * 5000}}}')
    assert (caught.value.message, caught.value.position) == ("invalid JSON: a number has too many digits", (2, 2))


def test_the_first_of_many_duplicate_keys_is_found_at_once():
    keys = ",".join(f'"k{i}":1' for i in range(80_000))
    begun = time.process_time()
    with pytest.raises(FormatError, match="duplicate key 'k79999'"):
        parse(f'{{{keys},"k79999":1}}')
    assert time.process_time() - begun < 10


def test_many_values_at_a_great_depth_are_not_located_one_by_one():
    found = locate("[" * 900 + ",".join("1" * 100_000) + "]" * 900)
    assert max(map(len, found)) <= 101
    assert len(found) < 1_000
