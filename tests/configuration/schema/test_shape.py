import dataclasses
from collections import defaultdict, deque
from typing import Annotated, Any, Literal, NamedTuple, Optional, Union

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    Json,
    RootModel,
    Secret,
    SecretBytes,
    SecretStr,
    Tag,
)
from pydantic_core import core_schema
from typing_extensions import TypeAliasType, TypedDict

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
    size: ByteSize
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
        ("size", ""),
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


def test_the_fields_of_a_named_tuple_are_known_by_their_places_too():
    class Login(NamedTuple):
        password: str
        user: str

    class Model(BaseModel):
        login: Login

    shape = shape_of(Model)
    assert [shape.reason_at(["login", step]) for step in (0, 1, 2, "password", "user")] == [
        "name password",
        "",
        "",
        "name password",
        "",
    ]


def test_an_alias_path_is_known_by_its_first_step_and_its_texts():
    class Model(BaseModel):
        value: str = Field(validation_alias=AliasPath("outer", 0, "password"))
        other: str = Field(validation_alias=AliasChoices(AliasPath("plain", 1), "simple"))
        single: str = Field(validation_alias=AliasPath("only"))

    shape = shape_of(Model)
    assert shape.at("value")[0] == shape.at("outer")[0] == shape.at("password")[0] == ("value", "outer", "password")
    assert shape.at("other")[0] == ("other", "plain", "simple")
    assert shape.at("only")[0] == ("single", "only")


def test_of_a_union_every_choice_counts():
    class One(BaseModel):
        secret_word: Annotated[str, NotSecret]
        value: SecretStr

    class Two(BaseModel):
        secret_word: str
        value: int

    class Model(BaseModel):
        either: Union[One, Two]  # noqa: UP007 as authors write it
        same: Union[One, list[One]]  # noqa: UP007
        tagged: Annotated[
            Union[Annotated[One, Tag("a")], Annotated[Two, Tag("b")]],  # noqa: UP007
            Discriminator(lambda _: "a"),
        ]

    shape = shape_of(Model)
    assert shape.reason_at(["either", "secret_word"]) == "name secret_word"
    assert shape.reason_at(["same", "secret_word"]) == ""
    assert shape.reason_at(["same", 0, "value"]) == "type SecretStr"
    assert shape.reason_at(["either", "value"]) == shape.reason_at(["tagged", "value"]) == "type SecretStr"


@pytest.mark.parametrize(("extra", "is_known"), [("allow", True), ("forbid", False), ("ignore", False)])
def test_a_schema_that_keeps_further_keys_says_that_they_may_be_anything(extra, is_known):
    class Model(BaseModel):
        model_config = ConfigDict(extra=extra)
        port: int = 1

    further = shape_of(Model).along(["further"])
    assert (further.is_known, further.types) == (is_known, ["any"] if is_known else [])


def test_a_table_with_numbers_as_keys_has_values_and_no_items():
    class Model(BaseModel):
        table: dict[int, SecretStr]
        pair: tuple[SecretStr, int]

    shape = shape_of(Model)
    assert shape.reason_at(["table", 3]) == "type SecretStr"
    assert [shape.reason_at(["pair", step]) for step in (0, 1, 2)] == ["type SecretStr", "", ""]


Nested = TypeAliasType("Nested", "SecretStr | Nested | None")


def test_a_type_that_may_be_itself_at_the_same_place_is_read_once():
    class Model(BaseModel):
        value: Nested

    shape = shape_of(Model).along(["value"])
    assert shape.reason == "type SecretStr"


def test_of_steps_one_after_another_every_one_counts():
    class Checked:
        @classmethod
        def __get_pydantic_core_schema__(cls, _source, handler):
            return core_schema.chain_schema([core_schema.str_schema(), handler.generate_schema(SecretStr)])

    class Model(BaseModel):
        value: Checked

    assert shape_of(Model).reason_at(["value"]) == "type SecretStr"
