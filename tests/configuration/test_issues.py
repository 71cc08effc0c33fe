import pickle

import attrs
import pytest

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.configuration.issues import ConfigurationIssue, dotted, raise_issues

REF = PluginRef.parse("compute:duckdb")


def issue(**facts):
    return ConfigurationIssue(**{"path": "a.b", "rule": "odd", "message": "this is odd", **facts})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("plugins", "compute", "my-duck", "hosts", 0, "port"), "plugins.compute.my-duck.hosts[0].port"),
        (("a b", 'c"d', "e.f", ""), '"a b"."c\\"d"."e.f".""'),
        (("a", True, None, 1.5), 'a.True.None."1.5"'),
    ],
)
def test_a_path_is_written_as_operators_write_it(path, text):
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "a.b: this is odd (odd)"),
        ({"file": "f", "line": 1, "column": 2}, "f:1:2: a.b: this is odd (odd)"),
        ({"file": "f"}, "f: a.b: this is odd (odd)"),
        ({"variable": "V", "path": ""}, "environment variable V: this is odd (odd)"),
        ({"expected": "even", "hint": "Add one"}, "a.b: this is odd; expected even (odd). Add one"),
        ({"message": "should be even", "expected": "even"}, "a.b: should be even (odd)"),
    ],
)
def test_a_issue_is_one_line_that_begins_with_its_place(facts, text):
    assert str(issue(**facts)) == text


def test_no_issues_raise_nothing():
    raise_issues([])


def test_several_issues_are_one_error_in_the_order_of_the_file_without_repetition():
    third, first, second = (issue(file="f", line=line) for line in (30, 4, 11))
    with pytest.raises(PluginConfigurationError) as caught:
        raise_issues([third, first, second, third])
    assert caught.value.errors == (first, second, third)
    assert str(caught.value).splitlines()[0] == "invalid configuration, 3 issues:"


def test_an_error_about_one_plugin_names_it():
    with pytest.raises(PluginConfigurationError) as caught:
        raise_issues([issue(ref=REF, distribution="acme 1.0")] * 2)
    assert (caught.value.ref, caught.value.distribution) == (REF, "acme 1.0")


def test_an_error_about_several_plugins_names_none():
    with pytest.raises(PluginConfigurationError) as caught:
        raise_issues([issue(ref=REF, distribution="acme 1.0"), issue()])
    assert (caught.value.ref, caught.value.distribution) == (None, None)


def test_errors_and_issues_can_be_pickled():
    with pytest.raises(PluginConfigurationError) as caught:
        raise_issues([issue(ref=REF, line=3)])
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 our own
    assert (str(copy), copy.errors) == (str(caught.value), caught.value.errors)


def test_a_issue_as_json_has_its_facts():
    assert issue(ref=REF, line=3).to_dict()["ref"] == "compute:duckdb"


def test_an_issue_has_the_facts_that_the_page_names():
    named = {"path", "rule", "expected", "file", "line", "column", "message", "hint", "variable", "ref", "distribution"}
    assert named <= {field.name for field in attrs.fields(ConfigurationIssue)}
