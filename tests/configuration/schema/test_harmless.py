"""A schema gets the settings themselves only where nothing of them can be changed or kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    RootModel,
    SecretStr,
    Tag,
    WrapValidator,
    field_validator,
    model_validator,
)

from floe_plugins.configuration.schema.harmless import leaves_input_alone

T = TypeVar("T")


class Colour(Enum):
    RED = "red"


class Odd(Enum):
    ANY = "any"

    @classmethod
    def _missing_(cls, _value: object) -> Odd:
        return cls.ANY


class Pool(BaseModel):
    size: int = 1
    hosts: list[str] = []


class Tree(BaseModel):
    children: list[Tree] = []


class Boxed(BaseModel, Generic[T]):
    box: T


class Hosts(RootModel[list[str]]):
    pass


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class CheckedPlugin(BaseModel):
    size: int = 1

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class Replaced(BaseModel):
    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Replaced:
        obj["seen"] = True
        return super().model_validate({}, **options)


class After(BaseModel):
    size: int

    @field_validator("size")
    @classmethod
    def _doubled(cls, size: int) -> int:
        return size * 2

    @model_validator(mode="after")
    def _checked(self) -> After:
        return self


class Before(BaseModel):
    size: int

    @model_validator(mode="before")
    @classmethod
    def _taken_out(cls, data: Any) -> Any:
        data.pop("legacy", None)
        return data


def model(annotation: Any) -> type[BaseModel]:
    return type("Schema", (BaseModel,), {"__annotations__": {"field": annotation}, "__module__": __name__})


@pytest.mark.parametrize(
    ("schema", "table"),
    [
        (model(str), {"field": "a"}),
        (model(int | None), {"field": None}),
        (model(list[str]), {"field": ["a"]}),
        (model(dict[str, list[int]]), {"field": {"a": [1]}}),
        (model(tuple[int, str]), {"field": [1, "a"]}),
        (model(set[int]), {"field": [1]}),
        (model(Pool), {"field": {"size": 2, "hosts": ["a"]}}),
        (model(Pool | int), {"field": {"size": 2, "hosts": ["a"]}}),
        (model(list[Pool]), {"field": [{"hosts": ["a"]}]}),
        (model(Boxed[list[int]]), {"field": {"box": [1]}}),
        (model(Hosts), {"field": ["a"]}),
        (model(SecretStr), {"field": "hunter2"}),
        (model(Path), {"field": "/tmp"}),  # noqa: S108 a path is but a text here
        (model(Decimal), {"field": 1}),
        (model(date), {"field": "2026-01-01"}),
        (model(Colour), {"field": "red"}),
        (model(Literal["a"]), {"field": "a"}),
        (model(Annotated[int, Field(ge=1)]), {"field": 1}),
        (Tree, {"children": [{"children": []}]}),
        (After, {"size": 1}),
    ],
)
def test_plain_schemas_need_no_copy_and_share_no_container_with_what_they_are_given(
    schema: type[BaseModel], table: dict[str, Any]
) -> None:
    assert leaves_input_alone(schema)

    made = schema.model_validate(table)

    assert not set(map(id, containers(made))) & set(map(id, containers(table)))


@pytest.mark.parametrize(
    "schema",
    [
        model(Any),
        model(object),
        model(dict),
        model(dict[str, Any]),
        model(list),
        model(list[Any]),
        model(Annotated[int, BeforeValidator(int)]),
        model(Annotated[int, PlainValidator(int)]),
        model(Annotated[int, WrapValidator(lambda value, handler: handler(value))]),
        model(Annotated[Annotated[Pool, Tag("pool")] | Annotated[Tree, Tag("tree")], Discriminator(lambda _: "pool")]),
        model(Callable[[], int]),
        model(Odd),
        model(Open),
        model(CheckedPlugin),
        model(Before),
        model(Boxed[Any]),
        Open,
        CheckedPlugin,
        Before,
        Replaced,
    ],
)
def test_where_an_authors_code_or_the_model_gets_hold_of_a_container_the_answer_is_no(schema: type[BaseModel]) -> None:
    assert not leaves_input_alone(schema)


def containers(value: Any) -> list[Any]:
    if isinstance(value, BaseModel):
        return [each for item in value.__dict__.values() for each in containers(item)]
    if isinstance(value, dict):
        return [value, *(each for item in value.values() for each in containers(item))]
    if isinstance(value, (list, tuple)):
        return [value, *(each for item in value for each in containers(item))]
    return []
