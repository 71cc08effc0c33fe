"""What an operator is told of the fields of a plugin's settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.redaction.markers import IsSecret
from floe_plugins.reporting.explanation import Explanation, UnknownFieldError, explain, split

REF = PluginRef.parse("compute:duckdb")


class Host(BaseModel):
    name: str
    port: Annotated[int, Field(ge=1, lt=65536, description="Where it listens.")] = 80


class Tree(BaseModel):
    name: str = ""
    children: list[Tree] = []


class Settings(BaseModel):
    path: str = Field(description="The file of the database.")
    mode: Literal["read", "write"] = "read"
    hosts: list[Host] = []
    by_name: dict[str, Host] = {}
    one: Host | None = None
    tree: Tree = Tree()
    threads: int = Field(2, alias="threadCount", gt=0)
    made: list[str] = Field(default_factory=lambda: ["a"])
    password: SecretStr = SecretStr("geheim")
    api_token: Literal["geheim", "geheimer"] = Field("geheim")
    licence: Annotated[dict[str, str], IsSecret] = {"key": "geheim"}


class Duck:
    config_schema = Settings
    config_version = 1


TABLE: dict[str, Any] = {
    "path": "x.db",
    "hosts": [{"name": "a"}, {"name": "b", "port": 8080}],
    "by_name": {"eu.west": {"name": "c"}},
    "threadCount": 3,
    "password": "hunter2",
}


def explained(path: str = "", table: dict[str, Any] = TABLE, plugin: Any = Duck) -> Explanation:
    configuration = load({"plugins": {"compute": {"duckdb": table}}}, environ={}, collect=True)
    return explain(configuration, REF, plugin, "acme 1.0", split(path))


def values(path: str) -> dict[str, tuple[Any, str]]:
    return {
        each.path.removeprefix("plugins.compute.duckdb."): (each.value, each.origin)
        for each in explained(path).field.effective
    }


@pytest.mark.parametrize(
    ("path", "kind", "default", "constraints"),
    [
        ("mode", "string", "read", ("one of read, write",)),
        ("hosts", "list of table", [], ()),
        ("hosts.port", "integer", 80, ("at least 1", "less than 65536")),
        ("hosts[1].port", "integer", 80, ("at least 1", "less than 65536")),
        ("by_name.*.port", "integer", 80, ("at least 1", "less than 65536")),
        ('by_name."eu.west".port', "integer", 80, ("at least 1", "less than 65536")),
        ("one", "table or null", None, ()),
        ("one.port", "integer", 80, ("at least 1", "less than 65536")),
        ("tree.children.children.name", "string", "", ()),
        ("threadCount", "integer", 2, ("greater than 0",)),
    ],
)
def test_a_field_has_its_type_default_and_constraints(
    path: str, kind: str, default: object, constraints: tuple[str, ...]
) -> None:
    field = explained(path).field
    assert (field.type, field.default, field.has_default) == (kind, default, True)
    assert field.constraints == constraints


def test_a_required_field_and_one_whose_default_is_made_have_no_default() -> None:
    path, made = explained("path").field, explained("made").field
    assert (path.required, path.has_default) == (True, False)
    assert (made.required, made.has_default) == (False, False)


def test_the_descriptions_are_those_of_the_author() -> None:
    assert explained("path").field.description == "The file of the database."
    assert explained("hosts.port").field.description == "Where it listens."


def test_values_are_those_in_force_wherever_the_field_is() -> None:
    assert values("path") == {"path": ("x.db", "mapping")}
    assert values("hosts.port") == {"hosts[0].port": (80, "default"), "hosts[1].port": (8080, "mapping")}
    assert values("by_name.*.name") == {'by_name."eu.west".name': ("c", "mapping")}
    assert [each.value for each in explained("threadCount").field.effective] == [3]
    assert set(values("hosts")) == {"hosts[0].name", "hosts[0].port", "hosts[1].name", "hosts[1].port"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("password", "type SecretStr"), ("api_token", "name api_token"), ("licence", "marked IsSecret")],
)
def test_secrets_are_said_to_be_secret_and_neither_value_nor_default_is_shown(path: str, reason: str) -> None:
    found = explained(path)
    assert found.field.secret == reason
    assert not found.field.has_default
    shown = str(found.to_dict()) + str(explained().to_dict())
    assert "geheim" not in shown
    assert "hunter2" not in shown


def test_the_fields_below_are_those_that_a_table_has_last_those_that_every_plugin_has() -> None:
    found = explained()
    names = [each.path for each in found.fields]
    assert names[:2] == ["path", "mode"]
    assert names[-2:] == ["distribution", "config_version"]
    keys = {each.path: each.keys for each in found.fields}
    assert keys["hosts"] == ("name", "port")
    assert keys["by_name"] == ("*",)
    assert keys["path"] == ()


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("paht", "its settings have no field 'paht'", "Did you mean path"),
        ("hosts.prot", "hosts has no field 'prot'", "Did you mean port?"),
        ("one.zzz", "one has no field 'zzz'", "It may be name, port."),
        ("path.x", "path has no field 'x'", ""),
    ],
)
def test_an_unknown_field_suggests_those_that_are_close(path: str, message: str, hint: str) -> None:
    with pytest.raises(UnknownFieldError) as raised:
        explained(path)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)
    assert raised.value.ref == REF


def test_with_an_issue_in_the_settings_nothing_is_in_force_and_the_issue_is_told() -> None:
    found = explained("threadCount", {"path": "x", "threadCount": "many"})
    assert found.field.effective == ()
    assert [issue.path for issue in found.issues] == ["plugins.compute.duckdb.threadCount"]


def test_a_plugin_without_a_schema_has_the_fields_that_every_plugin_has() -> None:
    class Plain:
        config_schema = None
        config_version = 1

    assert [each.path for each in explained("", {}, Plain).fields] == ["distribution", "config_version"]
