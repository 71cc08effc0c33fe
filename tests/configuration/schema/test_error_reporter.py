import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, ValidationError

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction.patterns import MASK
from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA, ErrorReporter, leaves
from floe_plugins.configuration.settings import PluginSettings

DUCK = PluginRef.parse("compute:duckdb")


class Pool(BaseModel):
    size: int = Field(1, ge=1)
    hosts: list[str] = []


class Schema(BaseModel):
    path: str
    pool: Pool = Pool()
    port: int | bool = 1
    thread_count: int = Field(1, alias="threads")
    password: SecretStr = SecretStr("")
    tokens: dict[str, str] = {}


def reporter(table, **fields):
    configuration = Configuration(plugins={DUCK: PluginSettings(table=table, **fields)})
    made = ErrorReporter(configuration, DUCK, "floe-reference-compute-duckdb")
    made.set_schema(Schema, Layers(data=table))
    return made


def errors(table):
    with pytest.raises(ValidationError) as caught:
        Schema.model_validate(table)
    return caught.value.errors(include_url=False, include_input=False)


def reported(table, known=()):
    made = reporter(table)
    made.add_validation_errors(errors(table), known)
    return made.issues


def test_a_issue_says_whose_it_is_and_the_whole_path():
    made = reporter({})
    made.add_issue(("pool", "hosts", 0), "rule", "it is wrong", "another", "Mend it")
    (issue,) = made.issues
    assert (issue.path, issue.rule) == ("plugins.compute.duckdb.pool.hosts[0]", "rule")
    assert (issue.message, issue.expected, issue.hint) == ("it is wrong", "another", "Mend it")
    assert (issue.ref, issue.distribution) == (DUCK, "floe-reference-compute-duckdb")


def test_a_value_that_already_has_an_issue_gets_no_second_one():
    made = reporter({}, paths_with_issues=frozenset({("pool",)}))
    made.add_issue(("pool", "size"), "rule", "it is wrong")
    made.add_issue(("path",), "rule", "it is wrong")
    assert [issue.path for issue in made.issues] == ["plugins.compute.duckdb.path"]


def test_a_value_of_a_file_has_its_line_and_one_of_a_variable_its_name(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text("[plugins.compute.duckdb]\npath = 1\n", "utf-8")
    configuration = load(file, environ={"FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__SIZE": "x"})
    made = ErrorReporter(configuration, DUCK, None)
    made.set_schema(Schema, Layers.from_settings(configuration.settings(DUCK), Schema))
    assert made.location(("path",)) == {"file": str(file), "line": 2, "column": 1}
    assert made.location(("pool", "size")) == {"variable": "FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__SIZE"}


def test_an_argument_has_no_place():
    made = reporter({})
    made.set_schema(Schema, Layers(data={"path": 1}, arguments={"path": 1}))
    assert made.location(("path",)) == {}


def test_a_missing_value_says_of_which_type_it_is_wanted():
    (issue,) = reported({})
    assert (issue.path, issue.rule, issue.expected) == (
        "plugins.compute.duckdb.path",
        "missing",
        "a value of type str",
    )


def test_the_branches_of_a_union_are_one_issue():
    (issue,) = reported({"path": "a", "port": "x"})
    assert issue.path == "plugins.compute.duckdb.port"
    assert issue.expected == "a valid integer or a valid boolean"


def test_every_wrong_value_has_its_issue_and_known_ones_are_left_out():
    table = {"path": 1, "pool": {"size": 0, "hosts": [1, "a", 2]}}
    paths = [issue.path.removeprefix("plugins.compute.duckdb.") for issue in reported(table)]
    assert paths == ["path", "pool.size", "pool.hosts[0]", "pool.hosts[2]"]
    assert len(reported(table, known={("path",)})) == 3


def test_an_unknown_key_is_told_the_known_ones_and_the_nearest():
    made = reporter({"pool": {"seize": 1}})
    made.add_unknown_key(("pool", "seize"), {"size", "hosts"})
    (issue,) = made.issues
    assert (issue.rule, issue.expected, issue.hint) == ("unknown_key", "one of hosts, size", "Did you mean 'size'?")


def test_a_field_called_by_its_name_where_it_has_an_alias_is_told_the_alias():
    made = reporter({"path": "a", "thread_count": 2})
    made.add_unknown_key(("thread_count",), {"path", "threads"})
    assert made.issues[0].hint == "Did you mean 'threads'?"


def test_a_key_like_no_other_may_have_been_removed_by_a_later_version():
    made = reporter({"zzz": 1})
    made.version = 3
    made.add_unknown_key(("zzz",), {"path"})
    assert "It may have been removed: version 3" in made.issues[0].hint


@pytest.mark.parametrize(
    ("distribution", "whom"), [("acme-duck", "the authors of acme-duck"), (None, "the plugin's author")]
)
def test_a_broken_schema_is_reported_to_its_authors(distribution, whom):
    made = ErrorReporter(Configuration(), DUCK, distribution)
    made.add_schema_issue("it has no fields")
    (issue,) = made.issues
    assert (issue.rule, issue.hint) == (BROKEN_SCHEMA, f"Report this to {whom}")


def test_what_a_schema_raises_is_reported_without_any_value():
    made = reporter({"path": "warehouse.duckdb"})
    made.add_exception(("RuntimeError", "cannot open warehouse.duckdb"))
    assert made.issues[0].message.endswith(f"validating raised RuntimeError: cannot open {MASK}")


@given(st.text("abcdefgh", min_size=6, max_size=20), st.text("xyz ", max_size=10), st.text("xyz ", max_size=10))
def test_no_message_repeats_a_secret(secret, before, after):
    made = reporter({"path": "p", "password": secret})
    assert secret not in made.redact(f"{before}{secret}{after}")


@given(st.text(max_size=3000))
def test_a_foreign_message_becomes_one_line_of_bearable_length(text):
    said = reporter({}).redact(text)
    assert len(said.splitlines()) <= 1
    assert len(said) <= 1003


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("path",), "a", "a"),
        (("path",), "https://me:hunter2@host/", f"https://{MASK}@host/"),
        (("path",), "it is geheim", f"it is {MASK}"),
        (("password",), SecretStr("geheim"), MASK),
        (("tokens", "a"), "t", MASK),
        (("pool", "size"), 4, 4),
        (("port",), None, None),
        (("nowhere",), "a", MASK),
    ],
)
def test_a_value_is_shown_unless_it_is_secret_or_unknown(path, value, shown):
    assert reporter({"path": "p", "password": "geheim"}).mask_value(path, value) == shown


def test_a_value_of_a_variable_with_a_secret_name_is_secret_wherever_it_stands():
    made = reporter({"path": "hunter2"}, secret_values={("path",): {"TOKEN": "hunter2"}})
    assert made.mask_value(("path",), "hunter2") == MASK


def test_keys_below_a_secret_are_not_shown_but_those_of_fields_are():
    made = reporter({"tokens": {"hunter2": "t"}})
    assert made.mask_path(("tokens", "hunter2")) == ("tokens", MASK)
    assert made.mask_path(("pool", "hosts", 0)) == ("pool", "hosts", 0)


@pytest.mark.parametrize(
    ("location", "missing", "path"),
    [
        (("pool", "size"), False, ("pool", "size")),
        (("pool", "Pool", "size"), False, ("pool", "size")),
        (("pool", "hosts", 1), False, ("pool", "hosts", 1)),
        (("pool", "hosts", 7), False, ("pool", "hosts")),
        (("pool", "gone"), True, ("pool", "gone")),
        (("function-before[x]", "pool"), False, ("pool",)),
    ],
)
def test_pydantics_own_names_are_no_part_of_the_path(location, missing, path):
    assert ErrorReporter.data_path(location, {"pool": {"size": 1, "hosts": ["a", "b"]}}, missing=missing) == path


scalars = st.integers() | st.text(max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(values)
def test_the_leaves_are_all_values_that_hold_no_other_with_their_paths(value):
    for path, leaf in leaves(value, ()):
        assert not isinstance(leaf, (dict, list))
        found = value
        for step in path:
            found = found[step]
        assert found == leaf


def test_an_error_type_that_contains_a_secret_is_replaced():
    made = reporter({"path": "p", "password": "hunter2-prod"})
    made.add_issue(("path",), "refused_hunter2-prod", "refused")
    made.add_issue(("pool",), "refused", "refused")
    assert [issue.rule for issue in made.issues] == ["value_error", "refused"]
