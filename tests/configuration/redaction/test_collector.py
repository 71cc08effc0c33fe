import dataclasses
import enum
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest
from pydantic import AnyUrl, BaseModel, PostgresDsn, RootModel, Secret, SecretBytes, SecretStr
from pydantic import dataclasses as pydantic_dataclasses
from typing_extensions import TypedDict

from floe_plugins.configuration.redaction.collector import (
    FORM,
    MAX_DEPTH,
    MAX_VALUES,
    TooManyValuesError,
    collect,
    scalar_texts,
)
from floe_plugins.configuration.redaction.collector import Secret as SecretValue
from floe_plugins.configuration.schema.shape import EMPTY, shape_of

HIDDEN = "hunter2-prod"


@dataclasses.dataclass
class Plain:
    login: SecretStr
    user: str = "scott"


@pydantic_dataclasses.dataclass
class Checked:
    login: SecretStr
    user: str = "scott"


@attrs.frozen
class Attrs:
    password: str
    user: str = "scott"


class Named(NamedTuple):
    login: SecretStr
    user: str = "scott"


class Typed(TypedDict):
    password: str


class Colour(enum.Enum):
    RED = HIDDEN


class Own:
    def __init__(self) -> None:
        self.inner = HIDDEN


class Settings(BaseModel):
    field: Any


LOGIN = SecretStr(HIDDEN)


@pytest.mark.parametrize(
    "value",
    [
        LOGIN,
        SecretBytes(HIDDEN.encode()),
        Secret[dict[str, str]]({"a": HIDDEN}),
        Plain(LOGIN),
        [Plain(LOGIN)],
        Checked(LOGIN),
        Attrs(HIDDEN),
        Named(LOGIN),
        Typed(password=HIDDEN),
        deque([LOGIN]),
        {LOGIN},
        {LOGIN: 1},
        {"a": [(LOGIN,)]},
        {"tokens": {HIDDEN: "scott"}},
        {"tokens": {"scott": HIDDEN}},
        {"password": Path(HIDDEN)},
        {"password": Colour.RED},
        {"credentials": Own()},
        {"api_key": HIDDEN.encode()},
        f"https://me:{HIDDEN}@example.org",
        AnyUrl(f"https://me:{HIDDEN}@example.org"),
        PostgresDsn(f"postgresql://me:{HIDDEN}@one,me:other-one@two/x"),
        Settings(field=LOGIN),
    ],
)
def test_a_secret_is_found_in_every_kind_of_value(value):
    found = collect(Settings(field=value), shape_of(Settings))
    assert any(HIDDEN in secret.text for secret in found)
    assert all("scott" not in secret.text or "://" in secret.text or "tokens" in secret.path for secret in found)


def test_a_secret_knows_its_path_and_reason():
    found = collect({"a": [LOGIN], "password": "hunter3", "url": "https://me:hunter4@x.org"}, EMPTY)
    assert [(secret.path, secret.reason, secret.text) for secret in found] == [
        (("a", 0), "type SecretStr", HIDDEN),
        (("password",), "name password", "hunter3"),
        (("url",), FORM, "hunter4"),
    ]


@pytest.mark.parametrize("value", [None, True, {"password": None, "token": False}, {"user": "scott", "n": [1, 2.5]}])
def test_other_values_are_none(value):
    assert collect(value, EMPTY) == []


def test_there_is_an_end_to_the_search():
    with pytest.raises(TooManyValuesError):
        collect([1] * (MAX_VALUES + 1), EMPTY)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, []),
        (True, []),
        (12, ["12"]),
        ("text", ["text"]),
        (b"key", ["key", "6b6579"]),
        (Colour.RED, [HIDDEN]),
        (SecretStr("hunter2"), ["hunter2"]),
        (SecretBytes(b"key"), ["key", "6b6579"]),
    ],
)
def test_the_texts_that_represent_a_scalar(value, texts):
    assert scalar_texts(value) == texts


def test_as_many_and_as_deep_values_as_allowed_are_searched():
    assert MAX_VALUES == 20_000  # as docs/configuration.md says
    assert collect([1] * (MAX_VALUES - 1), EMPTY) == []
    with pytest.raises(TooManyValuesError):
        collect([1] * MAX_VALUES, EMPTY)
    nested = HIDDEN
    for _ in range(MAX_DEPTH):
        nested = [nested]
    assert collect({"password": nested[0]}, EMPTY)[0].text == HIDDEN
    assert collect(nested, EMPTY) == []
    with pytest.raises(TooManyValuesError):
        collect([nested], EMPTY)


def test_keys_of_a_table_are_steps_of_a_path_as_text():
    found = collect({("a", 1): LOGIN, 3: LOGIN, "x": LOGIN, 2.5: LOGIN}, EMPTY)
    assert [secret.path for secret in found] == [("('a', 1)",), (3,), ("x",), ("2.5",)]


def test_texts_of_a_secret_are_exact_texts():
    class Text(str):
        __slots__ = ()

    assert [type(text) for text in scalar_texts(Text("hunter2"))] == [str]
    [found] = collect({"password": Text(HIDDEN)}, EMPTY)
    assert type(found.text) is str


def test_a_root_model_is_what_it_holds():
    class Root(RootModel[dict[str, Any]]):
        pass

    [found] = collect(Root({"password": HIDDEN}), shape_of(Root))
    assert found == SecretValue(HIDDEN, "name password", ("password",))


@pytest.mark.parametrize("value", [None, True, False])
def test_what_may_be_anything_is_no_secret_though_its_name_says_so(value):
    assert collect({"password": value, "tokens": [value, {"id": value}]}, EMPTY) == []


def test_what_a_secret_object_holds_is_secret_and_a_class_is_not_searched():
    class Holder:
        inner = "of the class"

        def __init__(self):
            self.field = HIDDEN

    found = collect({"password": Holder(), "other": Holder(), "token": Holder}, EMPTY)
    assert [secret.path for secret in found if secret.text == HIDDEN] == [("password", "field")]
    assert all("of the class" not in secret.text for secret in found)


def test_keys_below_a_secret_are_secret_unless_they_say_what_a_value_is():
    assert [secret.text for secret in collect({"tokens": {"rod": None, "prod": None}}, EMPTY)] == ["rod"]


def test_keys_that_are_secret_by_their_type_are_so_whatever_they_say():
    class Model(BaseModel):
        keys_of: dict[SecretStr, int]
        table: dict[str, int]

    found = collect({"keys_of": {"name": 1}, "table": {"name": 1}}, shape_of(Model))
    assert [(secret.text, secret.reason) for secret in found] == [("name", "type SecretStr")]


def test_a_value_that_stands_at_two_places_is_searched_at_both():
    shared = ["hunter3"]
    [found] = collect({"plain": shared, "password": shared}, EMPTY)
    assert found.path == ("password", 0)


def test_a_root_model_with_keys_of_its_own_is_what_it_holds():
    class Root(RootModel[dict[str, Any]]):
        def keys(self):
            return self.root.keys()

        def __getitem__(self, key):
            return self.root[key]

    [found] = collect(Root({"password": HIDDEN}), shape_of(Root))
    assert found == SecretValue(HIDDEN, "name password", ("password",))


def test_an_object_with_an_attribute_that_only_has_the_name_of_a_secrets_method_is_a_text():
    class Odd:
        get_secret_value = 3

        def __str__(self):
            return HIDDEN

    assert scalar_texts(Odd()) == [HIDDEN]
    [found] = collect({"password": Odd()}, EMPTY)
    assert found == SecretValue(HIDDEN, "name password", ("password",))
