"""A short YAML text can stand for any number of values: it is refused before they are built."""

from __future__ import annotations

import time

import pytest

from floe_plugins.configuration.formats.position import FormatError
from floe_plugins.configuration.formats.yaml import parse
from floe_plugins.configuration.formats.yaml_limits import MAX_VALUES


def bomb(line: str, first: str, levels: int = 30) -> str:
    """Each level refers several times to the one before."""
    return "\n".join([f"a0: &a0 {first}", *(line.format(i=i, o=f"*a{i - 1}") for i in range(1, levels))])


@pytest.mark.parametrize(
    "text",
    [
        bomb("a{i}: &a{i} [{o}, {o}, {o}]", "[x]"),
        bomb("a{i}: &a{i} {{a: {o}, b: {o}}}", "{x: 1}"),
        bomb("a{i}: &a{i} {{<<: [{o}, {o}], k{i}: 1}}", "{x: 1}"),
        "x: [" + "1, " * MAX_VALUES + "1]",
        "x:\n" + "- 1\n" * (MAX_VALUES + 1),
        "".join(f"k{i}: 1\n" for i in range(MAX_VALUES)),
    ],
    ids=["lists", "tables", "merge keys", "flow list", "block list", "keys"],
)
def test_too_many_values_are_refused_in_time(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(FormatError, match=f"more than {MAX_VALUES} values") as caught:
        parse(text)
    assert caught.value.position.line is not None
    assert time.process_time() - begun < 15


@pytest.mark.parametrize("text", ["? [a]\n: 1", "? {a: 1}\n: 1", "x: {? [a] : 1}"])
def test_a_key_that_is_no_scalar_is_refused_where_it_is(text: str) -> None:
    with pytest.raises(FormatError, match="a key is a list or a table") as caught:
        parse(text)
    assert caught.value.position.line == 1


@pytest.mark.parametrize("text", ["x: &x [*x]", "x: &x {a: {b: *x}}", "x: &x\n  <<: *x\n"])
def test_an_alias_of_what_contains_it_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="refers to a list or table that contains it"):
        parse(text)


@pytest.mark.parametrize("tag", ["float", "int", "bool", "timestamp"])
def test_a_value_that_does_not_fit_its_tag_is_an_error_of_the_format(tag: str) -> None:
    with pytest.raises(FormatError, match="invalid YAML"):
        parse(f"x: !!{tag} nonsense")


def test_aliases_and_merge_keys_that_stand_for_few_values_work() -> None:
    text = "base: &base {x: 1}\nlist: &list [*base, *base]\nboth: {<<: *base, y: *list}\n"
    assert parse(text)["both"] == {"x": 1, "y": [{"x": 1}, {"x": 1}]}
