import dataclasses
from collections import defaultdict, deque
from typing import Annotated, Any, Literal, NamedTuple, Optional, Union

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field, Json, RootModel, Secret, SecretBytes, SecretStr
from typing_extensions import TypedDict

from floe_plugins import IsSecret, NotSecret
from floe_plugins.configuration.schema.shape import EMPTY, shape_of


@dataclasses.dataclass
class Data:
    login: SecretStr
    user: str = ""


class Named(NamedTuple):
    user: str
    token: str


class Typed(TypedDict):
    user: Annotated[str, Field(alias="apiKey")]


class Root(RootModel[list[SecretStr]]):
    pass


class Cat(BaseModel):
    kind: Literal["cat"]
    claw: SecretBytes


class Dog(BaseModel):
    kind: Literal["dog"]
    bone: str


class Settings(BaseModel):
    text: str
    login: SecretStr
    of: Secret[int]
    optional: SecretStr | None = None
    data: list[Data]
    named: Named
    typed: Typed
    root: Root
    queue: deque[SecretStr]
    mixed: tuple[int, SecretStr]
    many: tuple[SecretStr, ...]
    table: defaultdict[str, list[SecretStr]]
    keys_of: dict[SecretStr, int]
    parsed: Json[dict[str, SecretStr]]
    animal: Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007 as authors write it
    alias: Annotated[str, Field(validation_alias=AliasChoices("apiKey", AliasPath("neutral", "password")))]
    sent: Annotated[str, Field(serialization_alias="password")]
    place: Annotated[SecretStr, Field(validation_alias=AliasPath("list", 0))]
    own: Annotated[str, IsSecret]
    token: Annotated[str, NotSecret]
    tokens: dict[str, Annotated[str, NotSecret]]
    free: Any
    child: Optional["Settings"] = None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("text", ""),
        ("login", "type SecretStr"),
        ("of", "type Secret"),
        ("optional", "type SecretStr"),
        ("data.0.login", "type SecretStr"),
        ("data.0.user", ""),
        ("named.token", "name token"),
        ("named.1", "name token"),
        ("named.0", ""),
        ("typed.apiKey", "name apiKey"),
        ("typed.user", "name apiKey"),
        ("root.3", "type SecretStr"),
        ("queue.0", "type SecretStr"),
        ("mixed.0", ""),
        ("mixed.1", "type SecretStr"),
        ("many.7", "type SecretStr"),
        ("table.x.0", "type SecretStr"),
        ("keys_of.x", ""),
        ("parsed.x", "type SecretStr"),
        ("animal.claw", "type SecretBytes"),
        ("animal.bone", ""),
        ("alias", "name apiKey"),
        ("apiKey", "name apiKey"),
        ("sent", "name password"),
        ("list.0", "type SecretStr"),
        ("own", "marked IsSecret"),
        ("token", ""),
        ("tokens.x", ""),
        ("free.password.x", "name password"),
        ("child.child.login", "type SecretStr"),
        ("child.text", ""),
    ],
)
def test_what_is_secret_is_read_from_the_core_schema(path, reason):
    steps = [int(step) if step.isdigit() else step for step in path.split(".")]
    assert shape_of(Settings).reason_at(steps) == reason


def test_keys_have_a_shape_too():
    assert shape_of(Settings).along(["keys_of"]).keys.reason == "type SecretStr"


@pytest.mark.parametrize("schema", [None, 3, [], str, type("Broken", (), {"__pydantic_core_schema__": {"no": "type"}})])
def test_what_is_no_schema_says_nothing(schema):
    assert shape_of(schema).members == EMPTY.members
