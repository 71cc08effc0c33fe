import pytest
import support
from pydantic import BaseModel, SecretStr

from floe_plugins import PluginConfigurationError, PluginRef, PluginRegistry
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.validation import validate_and_log
from floe_plugins.configuration.values import MAX_DEPTH

DUCK = PluginRef.parse("compute:duckdb")
PREFIX = "FLOE_PLUGINS__COMPUTE__DUCKDB__"


class Pool(BaseModel):
    size: int = 1
    maxSize: int = 1  # noqa: N815 keys as files have them


class Duck(BaseModel):
    path: str = ""
    pool: Pool = Pool()
    tags: list[str] = []
    threads: int = 0
    on: bool = False
    either: int | str = 0
    secret: SecretStr = SecretStr("")


class Plugin:
    config_schema = Duck


def configured(environ, table=None, name="duckdb"):
    source = {"plugins": {"compute": {name: table}}} if table is not None else None
    return load(source, environ=environ)


def model_of(environ, table=None):
    model, issues = validate_and_log(configured(environ, table), DUCK, Plugin, None)
    assert issues == []
    return model


def test_a_variable_sets_a_value():
    assert model_of({PREFIX + "PATH": "x.db"}).path == "x.db"


def test_a_variable_wins_over_the_file_and_leaves_its_neighbours():
    model = model_of({PREFIX + "POOL__SIZE": "7"}, {"path": "x", "pool": {"size": 2, "maxSize": 3}})
    assert (model.path, model.pool.size, model.pool.maxSize) == ("x", 7, 3)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("path", "[1, 2]", "[1, 2]"),
        ("path", '"quoted"', '"quoted"'),
        ("path", "", ""),
        ("path", "${HOME}", "${HOME}"),
        ("threads", "4", 4),
        ("on", "true", True),
        ("on", "0", False),
        ("either", "4", "4"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("pool", '{"size": 5}', Pool(size=5)),
    ],
)
def test_a_text_is_read_as_json_only_where_the_schema_refuses_the_text(field, text, value):
    assert getattr(model_of({PREFIX + field.upper(): text}), field) == value


def test_a_json_object_is_merged_into_the_files_table():
    model = model_of(
        {PREFIX + "POOL": '{"size": 5}', PREFIX + "POOL__MAXSIZE": "6"}, {"pool": {"maxSize": 2, "size": 3}}
    )
    assert (model.pool.size, model.pool.maxSize) == (5, 6)


def test_a_json_object_is_merged_with_what_deeper_variables_say():
    model = model_of({PREFIX + "POOL": '{"size": 5}', PREFIX + "POOL__MAXSIZE": "6"})
    assert (model.pool.size, model.pool.maxSize) == (5, 6)


def test_one_variable_can_hold_the_whole_table():
    environ = {PREFIX.removesuffix("__"): '{"path": "x", "pool": {"size": 5}}', PREFIX + "POOL__SIZE": "6"}
    model = model_of(environ, {"threads": 3})
    assert (model.path, model.pool.size, model.threads) == ("x", 6, 3)


def test_keys_are_found_without_regard_to_case_and_dashes():
    class Dashed(BaseModel):
        camelCase: int = 0  # noqa: N815
        dash: int = 0

    plugin = type("P", (), {"config_schema": Dashed})
    configuration = configured({PREFIX + "CAMELCASE": "5"}, {})
    model, issues = validate_and_log(configuration, DUCK, plugin, None)
    assert (issues, model) == ([], Dashed(camelCase=5))


def test_a_name_with_a_dash_is_reached_with_an_underscore():
    environ = {"FLOE_PLUGINS__COMPUTE__MY_DUCK__PATH": "x"}
    ref = PluginRef.parse("compute:my-duck")
    for table in ({"threads": 2}, None):
        model, issues = validate_and_log(configured(environ, table, "my-duck"), ref, Plugin, None)
        assert (issues, model.path) == ([], "x")


def test_a_variable_that_fits_two_names_is_an_error():
    source = {"plugins": {"compute": {"my-duck": {}, "my_duck": {}}}}
    with pytest.raises(PluginConfigurationError, match="matches compute:my-duck and compute:my_duck"):
        load(source, environ={"FLOE_PLUGINS__COMPUTE__MY_DUCK__PATH": "x"})


def test_the_reserved_keys_can_be_set():
    settings = configured({PREFIX + "DISTRIBUTION": "acme", PREFIX + "CONFIG_VERSION": "3"}).plugins[DUCK]
    assert (settings.distribution, settings.config_version, settings.variables) == ("acme", 3, {})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("FLOE_PLUGINS__COMPUT__DUCKDB__PATH", "x", "unknown category 'comput'"),
        ("FLOE_PLUGINS__COMPUTE", "x", "the variable does not name a plugin"),
        ("FLOE_PLUGINS__COMPUTE__", "x", "the variable does not name a plugin"),
        ("FLOE_PLUGINS__COMPUTE__DUCKDB__", "x", "the variable does not name a plugin"),
        ("FLOE_PLUGINS__COMPUTE__DUCK.DB__PATH", "x", "the variable does not name a plugin"),
        ("FLOE_PLUGINS__COMPUTE__DUCKDB", "x.db", "the variable does not contain a table for compute:duckdb"),
        (PREFIX + "CONFIG_VERSION", "new", "not a valid schema version"),
        (PREFIX + "CONFIG_VERSION", "9" * 5000, "not a valid schema version"),
    ],
)
def test_a_variable_that_makes_no_sense_is_an_error_that_names_it(name, text, said):
    with pytest.raises(PluginConfigurationError) as caught:
        load(None, environ={name: text})
    (issue,) = caught.value.errors
    assert (issue.variable, issue.message) == (name, said)
    assert issue.place == f"environment variable {name}"


def test_a_variable_may_name_a_value_so_deep_and_no_deeper():
    deepest = ["A"] * (MAX_DEPTH - 2)
    assert load(None, environ={PREFIX + "__".join(deepest): "x"}).plugins
    with pytest.raises(PluginConfigurationError, match="nested deeper than 64 levels"):
        load(None, environ={PREFIX + "__".join([*deepest, "A"]): "x"})


def test_a_variable_of_thousands_of_parts_is_an_issue_of_the_configuration_that_names_it():
    name = PREFIX + "__".join(["A"] * 3_000)
    registry = PluginRegistry(autoload="none", environ={name: "x"})
    registry.register(support.named("acme"))
    with pytest.raises(PluginConfigurationError) as caught:
        registry.startup()
    (issue,) = caught.value.errors
    assert (issue.variable, issue.rule, issue.ref) == (name, "depth", None)
    assert str(caught.value).startswith(f"invalid configuration: environment variable {PREFIX}A__A")
    assert "values are nested deeper than 64 levels" in str(caught.value)


def test_two_spellings_of_one_variable_are_an_error():
    with pytest.raises(PluginConfigurationError, match="sets the same value"):
        load(None, environ={PREFIX + "PATH": "x", PREFIX + "path": "y"})


def test_an_issue_in_a_variable_names_the_variable():
    _, (issue,) = validate_and_log(configured({PREFIX + "POOL__SIZE": "many"}, {"pool": {}}), DUCK, Plugin, None)
    assert (issue.variable, issue.path) == (PREFIX + "POOL__SIZE", "plugins.compute.duckdb.pool.size")
    assert issue.file is None


@pytest.mark.parametrize(
    "text", ["NaN", "[NaN]", '{"size": Infinity}', "[" * 100_000, '{"a":' * 70 + "1" + "}" * 70, "9" * 5000]
)
def test_what_is_no_json_value_stays_a_text_and_an_issue(text):
    model, issues = validate_and_log(configured({PREFIX + "POOL": text}), DUCK, Plugin, None)
    assert model is None
    assert issues[0].variable == PREFIX + "POOL"


def test_other_variables_are_left_alone():
    assert load(None, environ={"FLOE_PLUGINS_CONFIG": "x", "FLOE_PLUGINS_DISABLE": "y", "HOME": "z"}).plugins == {}


@pytest.mark.parametrize("name", ["FLOE_PLUGINS__compute__duckdb__path", "FLOE_PLUGINS__Compute__DuckDB__Path"])
def test_names_of_variables_are_not_case_sensitive(name):
    assert model_of({name: "x.db"}, {"threads": 2}).path == "x.db"
