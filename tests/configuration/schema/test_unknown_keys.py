from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar, Union

import pydantic
import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, SecretStr
from typing_extensions import TypedDict

from floe_plugins.configuration.schema.shape import shape_of
from floe_plugins.configuration.schema.unknown_keys import unknown_keys

Bounded = TypeVar("Bounded", bound="Leaf")


class Leaf(BaseModel):
    a: int = 1
    hidden: SecretStr = SecretStr("")


Named = NewType("Named", Leaf)


class Tree(BaseModel):
    one: Leaf = Leaf()
    maybe: Optional[Leaf] = None  # noqa: UP045 as authors write it
    either: Union[int, Leaf] = 0  # noqa: UP007 as authors write it
    noted: Annotated[Leaf, "note"] = Leaf()
    named: Named = Named(Leaf())
    many: Sequence[Leaf] = ()
    table: Mapping[str, list[Leaf]] = {}
    free: dict[str, Any] = {}
    anything: Any = None
    mixed: Leaf | dict[str, int] = {}


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({"one": {"b": 1}}, [("one", "b")]),
        ({"maybe": {"b": 1}}, [("maybe", "b")]),
        ({"maybe": None}, []),
        ({"either": {"b": 1}}, [("either", "b")]),
        ({"either": 3}, []),
        ({"noted": {"b": 1}}, [("noted", "b")]),
        ({"named": {"b": 1}}, [("named", "b")]),
        ({"many": [{"a": 1}, {"b": 1}]}, [("many", 1, "b")]),
        ({"table": {"x": [{"b": 1}]}}, [("table", "x", 0, "b")]),
        ({"free": {"x": {"y": 1}}, "anything": {"z": 1}}, []),
        ({"mixed": {"b": 1}}, []),
        ({"one": "no table"}, []),
        ({"two": 1, "one": {"a": 1, "b": 2}}, [("two",), ("one", "b")]),
    ],
)
def test_unknown_keys_are_found_wherever_tables_may_stand(data, paths):
    assert [path for path, _ in unknown_keys(Tree, data)] == paths


@pydantic.dataclasses.dataclass
class Sized:
    size: Annotated[int, Field(alias="Size")] = 1


class Open(TypedDict):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    a: int


class Cat(BaseModel):
    kind: Literal["cat"]
    claws: int = 4


class Dog(BaseModel):
    kind: Literal["dog"]
    bones: int = 1


class Aliased(BaseModel):
    either: Annotated[int, Field(validation_alias=AliasChoices("one", AliasPath("two", 0)))] = 1
    sized: Sized = Sized()
    opened: Open = Open(a=1)
    animal: Cat | Dog | None = None
    again: "list[Aliased]" = []


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({"one": 1, "two": [1]}, []),
        ({"either": 1}, [("either",)]),
        ({"sized": {"Size": 1, "sise": 2}}, [("sized", "sise")]),
        ({"opened": {"b": 1}}, []),
        ({"animal": {"kind": "cat", "claws": 1}}, []),
        ({"animal": {"kind": "cat", "bones": 1}}, [("animal", "bones")]),
        ({"again": [{"again": [{"thrice": 1}]}]}, [("again", 0, "again", 0, "thrice")]),
    ],
)
def test_aliases_extra_keys_and_the_members_of_unions_are_as_pydantic_reads_them(data, paths):
    assert [path for path, _ in unknown_keys(Aliased, data)] == paths


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        (("one", "hidden"), True),
        (("maybe", "hidden"), True),
        (("either", "hidden"), True),
        (("many", 3, "hidden"), True),
        (("table", "x", 0, "hidden"), True),
        (("mixed", "hidden"), True),
        (("one", "a"), False),
        (("free", "a"), False),
        (("free", "password"), True),
        (("anything", "deep", "token", "x"), True),
        ((), False),
    ],
)
def test_a_secret_is_known_by_type_or_name_wherever_it_stands(path, secret):
    assert bool(shape_of(Tree).reason_at(path)) is secret


def test_the_keys_of_every_choice_of_a_union_without_tags_are_known():
    class Login(BaseModel):
        user: str

    class Key(BaseModel):
        key_file: str

    class Either(BaseModel):
        access: Union[Login, Key]  # noqa: UP007 as authors write it

    class Top(pydantic.RootModel[Union[Login, Key]]):  # noqa: UP007
        pass

    found = unknown_keys(Either, {"access": {"user": "a", "key_file": "b", "keyfile": "c"}})
    assert found == [(("access", "keyfile"), frozenset({"user", "key_file"}))]
    assert unknown_keys(Top, {"user": "a"}) == unknown_keys(Top, {"key_file": "b"}) == []
