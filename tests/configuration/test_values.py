import pytest

from floe_plugins.configuration.values import MAX_DEPTH, copy, get_at, is_too_deep, json_value, merge, nest


def test_a_copy_shares_no_table_and_no_list():
    table = {"a": [{"b": [1]}], "c": {"d": 1}}
    copied = copy(table)
    copied["a"][0]["b"].append(2)
    copied["c"]["d"] = 2
    assert table == {"a": [{"b": [1]}], "c": {"d": 1}}


def test_tables_are_merged_and_lists_replaced():
    assert merge({"a": {"x": 1, "y": [1, 2]}, "b": 1}, {"a": {"y": [3]}, "b": {"z": 1}}) == {
        "a": {"x": 1, "y": [3]},
        "b": {"z": 1},
    }


def test_a_merge_changes_neither_of_its_parts():
    base, over = {"a": {"x": [1]}}, {"a": {"y": [2]}}
    merge(base, over)["a"]["y"].append(3)
    assert (base, over) == ({"a": {"x": [1]}}, {"a": {"y": [2]}})


def test_a_value_is_found_at_its_path():
    assert get_at(nest(("a", "b"), [1, {"c": 2}]), ("a", "b", 1, "c")) == 2


@pytest.mark.parametrize("path", [("x",), ("a", 5), ("a", "b"), ("t", 0), ("a", 0, "c")])
def test_a_path_that_leads_nowhere_is_a_lookup_error(path):
    with pytest.raises(LookupError):
        get_at({"a": [1], "t": "text"}, path)


@pytest.mark.parametrize(
    "text",
    ["", "x", "NaN", "[Infinity]", "[1e999]", "9" * 30, "9" * 5_000, "[" * 100_000, "[" * 66 + "]" * 66, "{1: 2}"],
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".*"):
        json_value(text)


def test_a_value_may_be_so_deep_and_no_deeper():
    at_most = nest(("a",) * MAX_DEPTH, [1])
    assert not is_too_deep(at_most)
    assert is_too_deep([at_most])


def test_what_contains_itself_is_too_deep():
    table = {}
    table["a"] = (table, table)
    assert is_too_deep(table)


def test_depth_is_known_at_once_where_tables_are_shared():
    value = [1]
    for _ in range(MAX_DEPTH):
        value = [value, value]
    assert not is_too_deep(value)
