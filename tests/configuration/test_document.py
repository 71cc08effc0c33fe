import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_plugins import PluginRef
from floe_plugins.configuration import file, interpolation
from floe_plugins.configuration.document import MAX_INTERPOLATED, MAX_VALUES, Document
from floe_plugins.configuration.file import ConfigurationFile
from floe_plugins.configuration.formats import position, yaml_limits
from floe_plugins.configuration.values import MAX_DEPTH

ENVIRON = {"NAME": "value", "DB_PASSWORD": "hunter2"}
REFERENCES = ["${NAME}", "a${NAME}", "${NO:-x}", "${DB_PASSWORD}", "${GONE}", "${", "$", "$${", "$schema"]

texts = st.sampled_from(REFERENCES) | st.text(max_size=6)
numbers = st.integers() | st.floats(allow_nan=False) | st.sampled_from([2**62, -(2**62), 2**64, 1e18, 1e999])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
trees = st.dictionaries(texts, values, max_size=5)


def of_file(tree):
    text = json.dumps(tree)
    source = ConfigurationFile("floe.json", ".json", text)
    return Document(json.loads(text), source, ENVIRON)


def of_mapping(tree):
    return Document(tree, None, ENVIRON)


def facts(content):
    issues = [(issue.path, issue.rule, issue.message) for issue in content.issues]
    return content.data, issues, content.environment_paths, content.secret_values, content.paths_with_issues


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return {"a": value}


@settings(deadline=None)  # the first example compiles patterns
@given(trees)
def test_a_file_and_a_mapping_with_the_same_content_come_to_the_same(tree):
    assert facts(of_file(tree)) == facts(of_mapping(tree))


@pytest.mark.parametrize("content", [of_file, of_mapping])
@pytest.mark.parametrize(
    ("tree", "rules"),
    [
        (nested(MAX_DEPTH), []),
        (nested(MAX_DEPTH + 1), ["depth"]),
        ({"a": [0] * (MAX_VALUES - 1)}, []),
        ({"a": [0] * MAX_VALUES}, ["size"]),
        ({"a": {str(number): [0] for number in range(MAX_VALUES // 2)}}, ["size"]),
    ],
    ids=["deep", "too deep", "many", "too many", "too many in all"],
)
def test_a_file_may_be_so_deep_and_so_large_and_no_more(content, tree, rules):
    assert [issue.rule for issue in content(tree).issues] == rules


@given(trees)
def test_what_is_handed_in_stays_as_it_was_and_shares_nothing_with_the_result(tree):
    before = copy.deepcopy(tree)
    content = of_mapping(tree)
    assert tree == before
    for value in (content.data, *content.data.values()):
        if isinstance(value, dict):
            value.clear()
    assert tree == before


@given(trees)
def test_no_reference_is_left_but_where_an_issue_says_why(tree):
    content = of_mapping(tree)
    left = {path for path, text in leaves(content.data) if "${" in text and text != "${"}
    assert left <= content.paths_with_issues


def leaves(value, path=()):
    if isinstance(value, str):
        yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from leaves(child, (*path, step))


@pytest.mark.parametrize("content", [of_file, of_mapping])
def test_it_is_known_which_values_are_text_of_the_environment_and_which_of_these_are_secret(content):
    found = content({"a": "${NAME}", "b": ["x${NAME}", "${DB_PASSWORD}"], "c": "NAME"})
    assert found.data == {"a": "value", "b": ["xvalue", "hunter2"], "c": "NAME"}
    assert found.environment_paths == {("a",), ("b", 1)}
    assert set(found.secret_values) == {("b", 1)}


def test_an_escaped_dollar_sign_is_a_reference_too():
    source = ConfigurationFile("floe.json", ".json", r'{"a": "\u0024{NAME}"}')
    assert Document(source.parse(), source, ENVIRON).data == {"a": "value"}


@pytest.mark.parametrize("value", ["!!omap [b: '${NAME}']", "{b: '${NAME}'}"])
def test_references_are_filled_in_in_every_kind_of_table_that_yaml_has(value):
    source = ConfigurationFile("floe.yaml", ".yaml", f"a: {value}")
    assert Document(source.parse(), source, ENVIRON).data == {"a": {"b": "value"}}


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (float("nan"), "finite_number"),
        (float("-inf"), "finite_number"),
        (2**64, "integer_size"),
        (-(2**64), "integer_size"),
        ("${GONE}", "missing_variable"),
        ("${", "reference"),
    ],
)
def test_a_wrong_value_is_one_issue_at_its_path(value, rule):
    content = of_mapping({"plugins": {"compute": {"duckdb": {"hosts": ["ok", value]}}}})
    (issue,) = content.issues
    assert (issue.rule, issue.path) == (rule, "plugins.compute.duckdb.hosts[1]")
    assert issue.ref == PluginRef.parse("compute:duckdb")
    assert content.paths_with_issues == {("plugins", "compute", "duckdb", "hosts", 1)}


@pytest.mark.parametrize("value", [2**64 - 1, -(2**64) + 1, 2**62, 1e18, -1e300, 0.0, True, None])
def test_numbers_of_64_bits_and_finite_ones_are_right(value):
    content = of_mapping({"a": value})
    assert (content.data, content.issues) == ({"a": value}, [])


def test_only_the_first_issue_of_a_value_is_noted():
    content = of_mapping({"a": 1})
    content.add_issue(("a",), "first", "one")
    content.add_issue(("a",), "second", "two")
    assert [issue.rule for issue in content.issues] == ["first"]


def test_a_issue_of_a_file_has_its_line_and_one_of_a_mapping_none():
    tree = {"a": "${GONE}"}
    assert [(issue.file, issue.line) for issue in of_file(tree).issues] == [("floe.json", 1)]
    assert [(issue.file, issue.line) for issue in of_mapping(tree).issues] == [(None, None)]


def test_a_key_below_a_name_that_says_secret_is_not_shown():
    content = of_mapping({"plugins": {"secrets": {"x": {"tokens": {"hunter2": "${GONE}"}}}}})
    assert [issue.path for issue in content.issues] == ["plugins.secrets.x.tokens.***"]


def test_the_limits_are_those_of_the_page():
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
    rows = re.findall(r"^\| .+ \| ([\d,]+(?: MiB)?) \| `configuration/(.+)` \|$", page, re.MULTILINE)
    stated = sorted(
        (module, int(number.split()[0].replace(",", "")) << (20 * number.endswith("MiB"))) for number, module in rows
    )
    assert stated == sorted(
        [
            ("file", file.MAX_SIZE),
            ("document", MAX_VALUES),
            ("formats/yaml_limits", yaml_limits.MAX_VALUES),
            ("formats/position", position.MAX_DEPTH),
            ("interpolation", interpolation.MAX_REFERENCES),
            ("interpolation", interpolation.MAX_LENGTH),
            ("document", MAX_INTERPOLATED),
        ]
    )
    assert MAX_DEPTH == 64


@pytest.mark.parametrize(("length", "rules"), [(65_536, []), (65_537, ["too_long"])])
def test_all_interpolated_values_have_a_limit_together(length, rules):
    values = ["${A}"] * 63 + ["${A}", "${B}"]
    found = Document({"a": values}, None, {"A": "x" * 65_536, "B": "x" * (length - 65_536)})
    assert [issue.rule for issue in found.issues] == rules


def test_positions_are_determined_only_for_an_issue(monkeypatch):
    located = []
    source = ConfigurationFile("floe.json", ".json", '{"a": "${NAME}", "b": "${GONE}"}')
    monkeypatch.setattr("floe_plugins.configuration.formats.json.locate", lambda text: located.append(text) or {})
    right = {"a": "${NAME}"}
    assert Document(right, ConfigurationFile("floe.json", ".json", json.dumps(right)), ENVIRON).issues == []
    assert located == []
    assert Document(json.loads(source.text), source, ENVIRON).issues
    assert located == [source.text]
