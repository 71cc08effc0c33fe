import dataclasses
import enum
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest
from pydantic import AnyUrl, BaseModel, PostgresDsn, Secret, SecretBytes, SecretStr
from pydantic import dataclasses as pydantic_dataclasses
from typing_extensions import TypedDict

from floe_plugins.configuration.redaction.collector import FORM, MAX_VALUES, TooManyValuesError, collect, scalar_texts
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
