import dataclasses
import datetime as dt
import math
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    computed_field,
    field_validator,
    model_validator,
)
from typing_extensions import NotRequired, TypedDict

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.configuration.issues import raise_issues
from floe_plugins.configuration.loader import load, not_installed
from floe_plugins.configuration.schema.validation import validate_and_log

REF = PluginRef.parse("compute:duckdb")
T = TypeVar("T")


def plugin(schema, **attributes):
    return type("Duck", (), {"config_schema": schema, "config_version": 1, **attributes})


def check(schema, table, environ=None, overrides=None):
    configuration = load({"plugins": {"compute": {"duckdb": table}}}, environ=environ or {})
    return validate_and_log(configuration, REF, plugin(schema), "acme-duck 1.0 in /site", overrides)


def model_of(schema, table, environ=None, overrides=None):
    model, issues = check(schema, table, environ, overrides)
    assert issues == []
    assert type(model) is schema
    return model


def issue_of(schema, table, environ=None):
    model, issues = check(schema, table, environ)
    assert model is None
    (issue,) = issues
    return issue


class Pool(BaseModel):
    size: int = Field(default=4, ge=1)


class Duck(BaseModel):
    path: str
    pool: Pool = Pool()
    threads: int = 2


def test_defaults_fill_in_what_is_not_given():
    model = model_of(Duck, {"path": "x.db", "pool": {}})
    assert model.model_dump() == {"path": "x.db", "pool": {"size": 4}, "threads": 2}


def test_a_issue_says_where_which_rule_what_was_expected_and_whose_plugin_it_is():
    issue = issue_of(Duck, {"path": "x.db", "pool": {"size": 0}})
    assert issue.path == "plugins.compute.duckdb.pool.size"
    assert issue.rule == "greater_than_equal"
    assert issue.expected == "greater than or equal to 1"
    assert (issue.ref, issue.distribution) == (REF, "acme-duck 1.0 in /site")


def test_a_missing_value_is_an_issue_with_the_type_that_is_wanted():
    issue = issue_of(Duck, {})
    assert (issue.path, issue.rule, issue.expected) == ("plugins.compute.duckdb.path", "missing", "a value of type str")


def test_a_plugin_that_is_not_mentioned_is_validated_with_its_defaults():
    model, issues = validate_and_log(load(None, environ={}), REF, plugin(Pool), None)
    assert (model, issues) == (Pool(), [])


@pytest.mark.parametrize(
    ("table", "path", "hint"),
    [
        ({"path": "x", "treads": 1}, "treads", "Did you mean 'threads'?"),
        ({"path": "x", "pool": {"sise": 1}}, "pool.sise", "Did you mean 'size'?"),
        ({"path": "x", "zzz": 1}, "zzz", ""),
    ],
)
def test_an_unknown_key_is_an_issue_with_the_nearest_known_one(table, path, hint):
    issue = issue_of(Duck, table)
    assert (issue.path, issue.rule, issue.hint) == (f"plugins.compute.duckdb.{path}", "unknown_key", hint)


@pytest.mark.parametrize("extra", ["allow", "ignore"])
def test_a_schema_that_has_decided_about_unknown_keys_is_obeyed(extra):
    class Open(BaseModel):
        model_config = ConfigDict(extra=extra)
        pool: Pool = Pool()

    model_of(Open, {"anything": 1})
    assert issue_of(Open, {"anything": 1, "pool": {"sise": 2}}).path == "plugins.compute.duckdb.pool.sise"


def test_a_schema_that_forbids_unknown_keys_gives_one_issue_for_each():
    class Closed(Duck):
        model_config = ConfigDict(extra="forbid")

    assert issue_of(Closed, {"path": "x", "treads": 1}).hint == "Did you mean 'threads'?"


class Dog(BaseModel):
    kind: Literal["dog"]
    bark: int


class Cat(BaseModel):
    kind: Literal["cat"]
    purr: int = 1


class Zoo(BaseModel):
    pets: list[Annotated[Dog | Cat, Field(discriminator="kind")]] = []
    by_name: dict[str, Pool] = {}
    either: Pool | int | None = None
    pair: tuple[int, Pool] | None = None


def test_unknown_keys_are_found_in_lists_mappings_and_unions():
    table = {
        "pets": [{"kind": "cat", "bark": 1}],
        "by_name": {"a": {"sise": 1}},
        "either": {"sise": 1},
        "pair": [1, {"sise": 1}],
    }
    _, issues = check(Zoo, table)
    base = "plugins.compute.duckdb."
    assert {issue.path.removeprefix(base) for issue in issues} == {
        "pets[0].bark",
        "by_name.a.sise",
        "either.sise",
        "pair[1].sise",
    }


def test_issues_in_a_discriminated_union_name_the_path_in_the_file():
    assert issue_of(Zoo, {"pets": [{"kind": "dog", "bark": "x"}]}).path == "plugins.compute.duckdb.pets[0].bark"
    issue = issue_of(Zoo, {"pets": [{"kind": "cow"}]})
    assert issue.path == "plugins.compute.duckdb.pets[0]"
    assert "'dog', 'cat'" in issue.message


def test_the_branches_of_a_union_give_one_issue():
    class Union(BaseModel):
        value: int | list[int] | None = None

    issue = issue_of(Union, {"value": "x"})
    assert issue.expected == "a valid integer or a valid list"


def test_dataclasses_and_typed_dicts_have_keys_too():
    @dataclasses.dataclass
    class Place:
        host: str

    class Login(TypedDict):
        user: str
        pool: NotRequired[Pool]

    class Settings(BaseModel):
        place: Place
        login: Login

    table = {"place": {"host": "x", "prt": 1}, "login": {"user": "u", "usr": 1, "pool": {"sise": 1}}}
    _, issues = check(Settings, table)
    assert [issue.path[len("plugins.compute.duckdb.") :] for issue in issues] == [
        "place.prt",
        "login.usr",
        "login.pool.sise",
    ]


def test_aliases_are_the_keys_of_the_file():
    class Aliased(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        one: int = Field(1, alias="oneAlias")
        two: int = Field(2, validation_alias=AliasChoices("zwei", AliasPath("deux", "x")))

    assert model_of(Aliased, {"oneAlias": 5, "deux": {"x": 6}}).model_dump() == {"one": 5, "two": 6}
    assert model_of(Aliased, {"one": 5, "zwei": 6}).model_dump() == {"one": 5, "two": 6}
    assert issue_of(Aliased, {"oneAlias": "x"}).path == "plugins.compute.duckdb.oneAlias"
    assert issue_of(Aliased, {"oneAlia": 1}).hint == "Did you mean 'oneAlias'?"


def test_without_population_by_name_a_field_with_an_alias_has_no_other_key():
    class Aliased(BaseModel):
        one: int = Field(1, alias="oneAlias")

    assert issue_of(Aliased, {"one": 5}).hint == "Did you mean 'oneAlias'?"


def test_a_key_that_a_validator_makes_use_of_is_not_unknown():
    class Legacy(BaseModel):
        path: str

        @model_validator(mode="before")
        @classmethod
        def rename(cls, data):
            return {"path": data["file"]} if "file" in data else data

    assert model_of(Legacy, {"file": "x"}).path == "x"
    assert issue_of(Legacy, {"path": "x", "flie": 1}).rule == "unknown_key"


def test_validators_get_a_table_of_their_own():
    class Greedy(BaseModel):
        path: str

        @model_validator(mode="before")
        @classmethod
        def eat(cls, data):
            return {"path": data.pop("path")}

    configuration = load({"plugins": {"compute": {"duckdb": {"path": "x"}}}}, environ={})
    for _ in range(2):
        assert validate_and_log(configuration, REF, plugin(Greedy), None) == (Greedy(path="x"), [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("floe.json", '{"plugins": {"compute": {"duckdb": {"pool": {"hosts": ["a", {"b": 1}]}, "since": null}}}}'),
        ("floe.toml", "[plugins.compute.duckdb]\npool.hosts = ['a', {b = 1}]\nsince = 2024-02-29T12:00:00Z"),
        ("floe.yaml", "plugins: {compute: {duckdb: {pool: {hosts: [a, {b: 1}]}, since: 2024-02-29, set: !!set {a}}}}"),
    ],
)
def test_validators_that_change_what_a_file_says_get_it_whole_each_time(tmp_path, name, text):
    seen = []

    class Greedy(BaseModel):
        model_config = ConfigDict(extra="allow")
        pool: dict[str, Any]

        @model_validator(mode="before")
        @classmethod
        def take(cls, data):
            seen.append(deepcopy(data))
            data["pool"]["hosts"][1]["b"] = 2
            data["pool"]["hosts"].append("c")
            data["pool"]["size"] = 3
            data.pop("since")
            return data

    tmp_path.joinpath(name).write_text(text, "utf-8")
    configuration = load(tmp_path / name, environ={})
    before = deepcopy(configuration.settings(REF).table)
    models = [validate_and_log(configuration, REF, plugin(Greedy), None)[0] for _ in range(2)]
    assert len(seen) >= 2
    assert all(each == before for each in seen)
    assert {key: type(value) for key, value in seen[0].items()} == {key: type(value) for key, value in before.items()}
    assert configuration.settings(REF).table == before
    assert models[0] == models[1]
    assert models[0].pool == {"hosts": ["a", {"b": 2}, "c"], "size": 3}


def test_objects_that_only_code_can_hand_in_reach_the_schema_as_they_are():
    class Credentials(BaseModel):
        user: str

    class Careful(BaseModel):
        credentials: Any
        stack: Any

        @model_validator(mode="before")
        @classmethod
        def look(cls, data):
            return data

    given = {"credentials": Credentials(user="ann"), "stack": {1, 2}}
    model = model_of(Careful, given)
    assert model.credentials is given["credentials"]
    assert model.stack is given["stack"]


def test_models_as_pydantic_users_write_them_work():
    class Box(BaseModel, Generic[T]):
        content: T

    class Tree(BaseModel):
        children: list["Tree"] = []
        name: str = ""

    class Frozen(BaseModel):
        model_config = ConfigDict(frozen=True)
        when: dt.date
        where: Path

    class Names(RootModel[list[str]]):
        pass

    class Everything(BaseModel):
        box: Box[int]
        tree: Tree
        frozen: Frozen
        names: Names
        secret: SecretStr
        made: list[int] = Field(default_factory=lambda: [1])
        free: dict[str, Any] = {}

        @computed_field
        @property
        def twice(self) -> int:
            return self.box.content * 2

    model = model_of(
        Everything,
        {
            "box": {"content": "4"},
            "tree": {"children": [{"children": [], "name": "leaf"}]},
            "frozen": {"when": dt.date(2024, 1, 2), "where": "/x"},
            "names": ["a"],
            "secret": "s",
            "free": {"any": {"thing": [1]}},
        },
    )
    assert (model.twice, model.made, model.tree.children[0].name) == (8, [1], "leaf")
    assert issue_of(Everything, {**model.model_dump(exclude={"twice"}), "tree": {"children": [{"nam": "x"}]}}).path == (
        "plugins.compute.duckdb.tree.children[0].nam"
    )


def test_strict_models_stay_strict_for_the_file_and_read_texts_of_the_environment_as_json():
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        count: int
        ratio: float = 1.0
        on: bool = False

    assert issue_of(Strict, {"count": "3"}).rule == "int_type"
    prefix = "FLOE_PLUGINS__COMPUTE__DUCKDB__"
    model = model_of(Strict, {"ratio": "${R}"}, {prefix + "COUNT": "3", prefix + "ON": "true", "R": "2.5"})
    assert (model.count, model.ratio, model.on) == (3, 2.5, True)


def test_a_model_that_is_one_value_at_its_root_is_validated_as_a_table():
    class Many(RootModel[dict[str, Pool]]):
        pass

    assert model_of(Many, {"a": {"size": 2}}).root["a"].size == 2
    assert issue_of(Many, {"a": {"sise": 2}}).path == "plugins.compute.duckdb.a.sise"


def test_a_plugin_without_schema_takes_no_settings_but_the_reserved_ones():
    assert check(None, {"distribution": "acme"}) == (None, [])
    assert issue_of(None, {"x": 1}).message == "the plugin takes no configuration"


class Raising:
    @property
    def config_schema(self):
        message = "schema is down"
        raise OSError(message)


class Unsteady:
    config_schema = Pool

    @property
    def config_version(self):
        message = "version is down"
        raise OSError(message)


class Exiting(BaseModel):
    a: int = 1

    @field_validator("a")
    @classmethod
    def leave(cls, value):
        raise SystemExit(value)


class Unfinished(BaseModel):
    a: "Nowhere"  # noqa: F821


class Taken(BaseModel):
    distribution: str = ""


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (plugin(dict), "config_schema is the class dict, not a pydantic model class"),
        (plugin({"type": "object"}), "config_schema is of type dict, not a pydantic model class"),
        (plugin(Pool()), "config_schema is of type Pool, not a pydantic model class"),
        (Raising(), "reading config_schema raised OSError"),
        (Unsteady(), "reading config_version raised OSError"),
        (plugin(Exiting), "validating raised SystemExit"),
        (plugin(Unfinished), "validating raised PydanticUserError"),
        (plugin(Taken), "config_schema has a field 'distribution', which is a reserved key"),
        (plugin(Pool, config_version="new"), "config_version is not an integer of at least 1"),
    ],
)
def test_a_broken_schema_is_an_issue_of_the_plugin_and_raises_nothing(broken, said):
    configuration = load({"plugins": {"compute": {"duckdb": {"a": 1}}}}, environ={})
    model, (issue,) = validate_and_log(configuration, REF, broken, "acme-duck 1.0")
    assert model is None
    assert said in issue.message
    assert "the authors of acme-duck 1.0" in issue.hint


def test_a_validators_message_of_many_long_lines_becomes_one_of_bearable_length():
    class Chatty(BaseModel):
        a: int = 1

        @field_validator("a")
        @classmethod
        def talk(cls, _value):
            message = "wrong\n" * 10_000
            raise ValueError(message)

    text = str(issue_of(Chatty, {"a": 2}))
    assert "\n" not in text
    assert len(text) < 1200


def test_a_keyboard_interrupt_is_not_held_back():
    class Impatient(BaseModel):
        a: int = 1

        @field_validator("a")
        @classmethod
        def leave(cls, _value):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(Impatient, {"a": 2})


def test_nothing_is_said_twice_about_a_value_whose_reference_is_missing():
    configuration = load(
        {"plugins": {"compute": {"duckdb": {"path": "x", "threads": "${NO}"}}}}, environ={}, collect=True
    )
    _, issues = validate_and_log(configuration, REF, plugin(Duck), None)
    assert ([issue.rule for issue in configuration.issues], issues) == (["missing_variable"], [])


def test_plugins_that_are_not_installed_are_named_with_the_nearest_and_how_to_install(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text("[plugins.compute.duckbd]\n[plugins.telemetry_backend.otel_x]\n", "utf-8")
    configuration = load(file, environ={"FLOE_PLUGINS__CATALOG__MY_CAT__X": "1"})
    known = [REF, PluginRef.parse("catalog:my-cat")]
    first, second = not_installed(configuration, known)
    assert (first.line, first.hint.split("?")[0]) == (1, "Did you mean 'compute:duckdb'")
    assert second.hint == "Install a distribution with an entry point 'otel_x' in the group floe.telemetry_backends"


EIGHT = """\
[registry]
autolaod = "all"
required = ["compute/duckdb"]

[plugins.compute.duckdb]
path = 3
pool = {size = 0}
treads = 4

[plugins.compute.quack]
url = "${QUACK_URL}"

[plugins.computer.x]

[plugins.secrets]
env = "APP_"
"""


def test_eight_issues_are_reported_at_once_each_with_its_line(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text(EIGHT, "utf-8")
    configuration = load(file, environ={}, collect=True)
    _, issues = validate_and_log(configuration, REF, plugin(Duck), "acme-duck 1.0 in /site")
    with pytest.raises(PluginConfigurationError) as caught:
        raise_issues([*configuration.issues, *issues])
    assert [(issue.line, issue.path, issue.rule) for issue in caught.value.errors] == [
        (2, "registry.autolaod", "unknown_key"),
        (3, "registry.required[0]", "ref"),
        (6, "plugins.compute.duckdb.path", "string_type"),
        (7, "plugins.compute.duckdb.pool.size", "greater_than_equal"),
        (8, "plugins.compute.duckdb.treads", "unknown_key"),
        (11, "plugins.compute.quack.url", "missing_variable"),
        (13, "plugins.computer", "unknown_category"),
        (16, "plugins.secrets.env", "table"),
    ]
    assert str(caught.value).startswith("invalid configuration, 8 issues:\n  ")
    guide = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text("utf-8")
    assert str(caught.value).replace(str(file), file.name) in guide


def test_a_variable_below_a_number_is_named(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text('[plugins.compute.duckdb]\npath = "x"\npool = {size = 4}\n', "utf-8")
    name = "FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__SIZE__DEEP"
    _, (issue,) = validate_and_log(load(file, environ={name: "1"}), REF, plugin(Duck), None)
    assert (issue.path, issue.variable) == ("plugins.compute.duckdb.pool.size", name)
    assert str(issue).startswith(f"environment variable {name}: ")


@pytest.mark.parametrize("used", [[], ["k7"]])
def test_many_unknown_keys_take_few_validations(used):
    runs = []

    class Watching(BaseModel):
        total: int = 0

        @model_validator(mode="before")
        @classmethod
        def add(cls, data):
            runs.append(data)
            return {**data, "total": sum(data.get(key, 0) for key in used)}

    _, issues = check(Watching, {f"k{number}": 1 for number in range(64)})
    assert len(issues) == 64 - len(used)
    assert len(runs) < 32


def test_what_a_schema_makes_of_a_text_is_its_own():
    class Ratio(BaseModel):
        ratio: float

    assert math.isnan(model_of(Ratio, {"ratio": "nan"}).ratio)
    assert issue_of(Ratio, {"ratio": "many"}).rule == "float_parsing"
