import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.settings import PluginSettings, Variable


class Pool(BaseModel):
    maxSize: int = 1  # noqa: N815 as some write it
    hosts: list[str] = []


class Schema(BaseModel):
    path: str = ""
    pool: Pool = Pool()
    thread_count: int = Field(1, alias="thread-count")


def over(table=None, variables=None, arguments=None):
    named = {path: Variable("_".join(map(str, path)).upper(), text) for path, text in (variables or {}).items()}
    settings = PluginSettings(table=table or {}, variables=named, arguments=arguments or {})
    return Layers.from_settings(settings, Schema)


words = st.sampled_from(["a", "b", "c"])
tables = st.dictionaries(words, st.text("xyz", max_size=3))


@given(tables, tables, tables)
def test_arguments_win_over_the_environment_and_that_over_the_file(table, environment, arguments):
    layers = over(table, {(key,): text for key, text in environment.items()}, arguments)
    assert layers.data == {**table, **environment, **arguments}


@given(tables, tables, tables)
def test_what_is_put_over_each_other_stays_as_it_was(table, environment, arguments):
    before = copy.deepcopy((table, arguments))
    over({"in": table}, {("in", key): text for key, text in environment.items()}, {"in": arguments})
    assert (table, arguments) == before


def test_tables_are_merged_and_lists_replaced():
    layers = over({"pool": {"maxSize": 2, "hosts": ["a", "b"]}}, {}, {"pool": {"hosts": ["c"]}})
    assert layers.data == {"pool": {"maxSize": 2, "hosts": ["c"]}}


@pytest.mark.parametrize(
    ("table", "path", "data"),
    [
        ({}, ("pool", "maxsize"), {"pool": {"maxSize": "4"}}),
        ({}, ("thread_count",), {"thread-count": "4"}),
        ({"pool": {"MaxSize": 1}}, ("pool", "max_size"), {"pool": {"MaxSize": 1, "max_size": "4"}}),
        ({"My-Key": 1}, ("my_key",), {"My-Key": "4"}),
        ({}, ("other",), {"other": "4"}),
        ({"pool": 3}, ("pool", "maxsize"), {"pool": {"maxSize": "4"}}),
    ],
)
def test_a_variable_takes_the_spelling_of_the_file_or_the_schema(table, path, data):
    assert over(table, {path: "4"}).data == data


def test_a_variable_with_a_json_object_is_merged_into_the_table_of_the_file():
    layers = over({"pool": {"maxSize": 2}}, {("pool",): '{"hosts": ["a"]}'})
    assert layers.data == {"pool": {"maxSize": 2, "hosts": ["a"]}}


def test_a_deeper_variable_goes_into_the_object_of_a_shallower_one():
    layers = over({}, {("pool",): '{"hosts": ["a"]}', ("pool", "maxsize"): "4"})
    assert layers.data == {"pool": {"hosts": ["a"], "maxSize": "4"}}


def test_a_variable_for_the_whole_plugin_counts_only_as_an_object():
    assert over({"path": "a"}, {(): '{"path": "b"}'}).data == {"path": "b"}
    assert over({"path": "a"}, {(): "b"}).data == {"path": "a"}


def test_it_is_known_where_each_value_comes_from():
    layers = over({"path": "a"}, {("pool", "maxsize"): "4"}, {"thread-count": 2, "more": {"a": 1}})
    assert layers.variable(("pool", "maxSize")).name == "POOL_MAXSIZE"
    assert layers.variable(("path",)) is None
    assert layers.is_argument(("thread-count",))
    assert layers.is_argument(("more", "a"))
    assert not layers.is_argument(("more", "b"))
    assert not layers.is_argument(("path",))
    assert not over({"path": "a"}).is_argument(())


def test_a_text_of_the_environment_is_known_at_its_path_and_below():
    layers = over({"path": "a"}, {("pool", "hosts"): "b"})
    assert layers.environment_text_at(("pool", "hosts")) == ("pool", "hosts")
    assert layers.environment_text_at(("pool", "hosts", 0)) == ("pool", "hosts")
    assert layers.environment_text_at(("pool",)) is None
    assert layers.environment_text_at(("path",)) is None


def test_an_argument_over_a_text_of_the_environment_is_no_such_text():
    layers = over({}, {("path",): "4"}, {"path": 4})
    assert layers.data == {"path": 4}
    assert layers.environment_text_at(("path",)) is None


def test_texts_are_read_as_json_where_they_are_json():
    layers = over({}, {("pool", "maxsize"): "4", ("path",): "{"})
    read = layers.read_as_json({("pool", "maxSize"), ("path",), ("gone",)})
    assert read.data == {"pool": {"maxSize": 4}, "path": "{"}
    assert read.environment_paths == {("path",)}
    assert layers.data == {"pool": {"maxSize": "4"}, "path": "{"}


def test_where_nothing_is_json_nothing_changes():
    layers = over({}, {("path",): "{"})
    assert layers.read_as_json({("path",)}) is layers


def test_a_variable_below_a_value_that_is_no_table_is_known():
    layers = over({"pool": {"size": 4, "name": "x"}}, {("pool", "size", "deep"): "1"})
    found = layers.variable_below(("pool", "size"))
    assert found is not None
    assert found is layers.variable(("pool", "size", "deep"))
    assert layers.variable_below(("pool",)) is None  # the file has a part in it
    assert layers.variable_below(()) is None
