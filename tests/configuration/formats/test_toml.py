import pytest

from floe_plugins.configuration.formats.position import FormatError
from floe_plugins.configuration.formats.toml import locate, parse

TEXT = '''# [no.header]
title = "x" # = not
[registry] # c
disable = [
    "compute:spark", # one
    'distribution:[acme]',
]
when = 1979-05-27 07:32:00
factor = -1.5e-3

[plugins.compute."duck.db"]
a.b."c d" = 1
text = """
[not.a.header]
x = 1 \\"""
"""
raw = \'\'\'
y = 2\'\'\'
inline = {p = 1, q = {r = [1, {s = 2}]}}

[[plugins.compute.duckdb.hosts]]
name = "one"
[[plugins.compute.duckdb.hosts]]
name = "two"
[plugins.compute.duckdb.hosts.more]
z = 1
'''


def paths(value, path=()):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield (*path, step)
        yield from paths(child, (*path, step))


def test_every_key_and_item_has_a_position():
    assert set(locate(TEXT)) == set(paths(parse(TEXT)))


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("title",), 2, 1),
        (("registry",), 3, 1),
        (("registry", "disable"), 4, 1),
        (("registry", "disable", 1), 6, 5),
        (("registry", "factor"), 9, 1),
        (("plugins", "compute", "duck.db"), 11, 1),
        (("plugins", "compute", "duck.db", "a", "b", "c d"), 12, 1),
        (("plugins", "compute", "duck.db", "raw"), 17, 1),
        (("plugins", "compute", "duck.db", "inline", "q", "r", 1, "s"), 19, 32),
        (("plugins", "compute", "duckdb", "hosts", 1, "name"), 24, 1),
        (("plugins", "compute", "duckdb", "hosts", 1, "more", "z"), 26, 1),
    ],
)
def test_a_position_is_where_the_key_begins(path, line, column):
    assert locate(TEXT)[path] == (line, column)


@pytest.mark.parametrize(
    "text",
    [
        ".".join("a" * 200_000) + " = 1",
        "[" + ".".join("a" * 200_000) + "]",
        "x = {" + " . ".join(['"a"'] * 100_000) + " = 1}",
    ],
)
def test_a_dotted_key_of_very_many_parts_is_refused_at_once(text):
    with pytest.raises(FormatError, match="a dotted key has more than 100 parts") as caught:
        parse(text)
    assert caught.value.position.line == 1


@pytest.mark.parametrize(
    "text", ["x = '" + "a." * 1_000 + "'", "# " + "a." * 1_000, "x = [" + "1.5, " * 1_000 + "1.5]"]
)
def test_many_dots_that_are_no_dotted_key_are_fine(text):
    parse(text)


def test_lists_in_lists_are_not_located_without_end():
    assert max(map(len, locate("x = " + "[" * 300 + "1" + "]" * 300))) <= 101
