import datetime as dt
import json
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.validation import validate_and_log
from floe_plugins.reporting.json_schema import json_schema, plugin_schema

REF = PluginRef.parse("compute:duckdb")


class Mode(Enum):
    FAST = "fast"
    SAFE = "safe"


class Dog(BaseModel):
    kind: Literal["dog"]
    bark: int


class Cat(BaseModel):
    kind: Literal["cat"]


class Tree(BaseModel):
    children: list["Tree"] = []


class Free(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 1


class Duck(BaseModel):
    """A duck that stores tables."""

    path: Path = Field(description="Where the database lies")
    threads: int = Field(4, ge=1, le=64)
    mode: Mode = Mode.SAFE
    pet: Annotated[Dog | Cat, Field(discriminator="kind")] | None = None
    tree: Tree = Tree()
    free: Free = Free()
    password: SecretStr = SecretStr("x")
    name: Annotated[str, Field(pattern="^[a-z]+$")] = "duck"
    when: dt.date | None = None
    ratio: float | None = None


class Plugin:
    config_schema = Duck
    config_version = 2


class Unspeakable(BaseModel):
    call: Callable[[], int]


PLUGINS = {
    REF: Plugin,
    PluginRef.parse("compute:tree"): type("P", (), {"config_schema": Tree}),
    PluginRef.parse("compute:none"): type("P", (), {"config_schema": None, "description": "nothing to set"}),
    PluginRef.parse("secrets:broken"): None,
    PluginRef.parse("dbt:odd"): type("P", (), {"config_schema": Unspeakable}),
}


def schema_of(plugins):
    return json_schema({ref: None if plugin is None else plugin_schema(ref, plugin) for ref, plugin in plugins.items()})


SCHEMA = schema_of(PLUGINS)


def issues_in(document):
    return [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def duck(**settings):
    return {"plugins": {"compute": {"duckdb": {"path": "x", "config_version": 2, **settings}}}}


def test_the_schema_is_one_of_its_dialect():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


RIGHT = [
    {},
    {"$schema": "x", "registry": None, "plugins": None},
    {
        "registry": {
            "autoload": "configured",
            "disable": ["compute:spark", "distribution:acme-floe"],
            "only": ["acme"],
            "required": ["compute:duckdb"],
            "timeouts": {"load": 30, "startup": 30, "shutdown": 30, "health": 5, "compute:duckdb": {"startup": 60}},
            "workers": 4,
        }
    },
    duck(),
    duck(distribution="acme", threads="${THREADS:-4}", mode="${MODE}", name="${NAME}", ratio="${RATIO}"),
    duck(pet={"kind": "dog", "bark": 1}, tree={"children": [{"children": []}]}, free={"z": 1}, when="2024-01-02"),
    {"plugins": {"compute": {"tree": {"children": [{}]}, "none": None}, "secrets": {"broken": {"any": "thing"}}}},
    {"plugins": {"dbt": {"odd": {"call": 1}}}},
]


@pytest.mark.parametrize("document", RIGHT)
def test_what_is_right_satisfies_the_schema(document):
    assert issues_in(document) == []


@pytest.mark.parametrize(
    "document", [document for document in RIGHT if "secrets" not in (document.get("plugins") or {})]
)
def test_what_satisfies_the_schema_loads(document):
    load(document, environ={"MODE": "fast", "NAME": "x", "RATIO": "1"})


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"pluggins": {}}, "$"),
        ({"registry": {"autoload": "some"}}, "$.registry.autoload"),
        ({"registry": {"timeouts": {"load": 0}}}, "$.registry.timeouts.load"),
        ({"registry": {"timeouts": {"loading": 1}}}, "$.registry.timeouts"),
        ({"registry": {"required": ["duckdb"]}}, "$.registry.required[0]"),
        ({"plugins": {"computer": {}}}, "$.plugins"),
        ({"plugins": {"compute": {"duckbd": {}}}}, "$.plugins.compute"),
        ({"plugins": {"compute": {"duckdb": {}}}}, "$.plugins.compute.duckdb"),
        ({"plugins": {"compute": {"duckdb": None}}}, "$.plugins.compute.duckdb"),
        (duck(treads=1), "$.plugins.compute.duckdb"),
        (duck(threads=0), "$.plugins.compute.duckdb.threads"),
        (duck(threads="four"), "$.plugins.compute.duckdb.threads"),
        (duck(mode="slow"), "$.plugins.compute.duckdb.mode"),
        (duck(name="UPPER"), "$.plugins.compute.duckdb.name"),
        (duck(config_version=3), "$.plugins.compute.duckdb.config_version"),
        (duck(tree={"childs": []}), "$.plugins.compute.duckdb.tree"),
        ({"plugins": {"compute": {"none": {"x": 1}}}}, "$.plugins.compute.none"),
    ],
)
def test_what_is_wrong_does_not_satisfy_it(document, path):
    assert issues_in(document) == [path]


def test_descriptions_and_defaults_are_there_for_editors():
    schema = SCHEMA["properties"]["plugins"]["properties"]["compute"]["properties"]["duckdb"]
    assert schema["description"] == "A duck that stores tables."
    assert schema["properties"]["path"]["description"] == "Where the database lies"
    assert schema["properties"]["threads"]["default"] == 4
    assert "default" not in schema["properties"]["password"]


def test_two_plugins_may_call_different_classes_the_same():
    def tree(kind):
        class Leaf(BaseModel):
            value: kind

        class Top(BaseModel):
            leaf: Leaf

        return type("P", (), {"config_schema": Top})

    plugins = {PluginRef.parse("compute:a"): tree(int), PluginRef.parse("compute:b"): tree(list[str])}
    validator = Draft202012Validator(schema_of(plugins))
    assert validator.is_valid({"plugins": {"compute": {"a": {"leaf": {"value": 1}}, "b": {"leaf": {"value": ["x"]}}}}})
    assert not validator.is_valid({"plugins": {"compute": {"a": {"leaf": {"value": ["x"]}}}}})


def refuse(*_args):
    raise RuntimeError("refused")


class Strange(BaseModel):
    model_config = ConfigDict(json_schema_extra={"engine": object()})
    path: str = "x"


@pytest.mark.parametrize(
    "attributes",
    [
        {"config_schema": property(refuse)},
        {"config_schema": "no model"},
        {"config_schema": None, "config_version": property(refuse)},
        {"config_schema": type("C", (BaseModel,), {"model_json_schema": classmethod(refuse)})},
    ],
)
def test_a_plugin_whose_schema_cannot_be_read_leaves_the_others_their_part(attributes):
    strange = type("Strange", (), attributes)()
    schema = schema_of({REF: Plugin, PluginRef.parse("compute:strange"): strange})
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"plugins": {"compute": {"strange": {"any": "thing"}}}})
    assert not validator.is_valid(duck(threads="many"))


def test_what_json_does_not_have_is_given_as_text():
    plugin = type("P", (), {"config_schema": Strange})
    json.dumps(schema_of({REF: plugin}))


def test_the_schema_and_the_validation_agree_on_unknown_keys():
    configuration = load(duck(treads=1), environ={})
    _, issues = validate_and_log(configuration, REF, Plugin, None)
    assert [issue.rule for issue in issues] == ["unknown_key"]
