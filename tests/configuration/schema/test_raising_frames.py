"""Where the code of a schema raised: for whoever asks with -vv, and never in what is shown without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, field_validator

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.raising_frames import raised_at
from floe_plugins.configuration.schema.validation import validate_settings


class Refusing(BaseModel):
    size: int = 1

    @field_validator("size")
    @classmethod
    def is_fit(cls, size: int) -> int:
        if size > 1:
            raise ValueError("too much")
        return size // (size - 1)


class Stubborn(BaseException):
    """Says nothing of itself."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(name)


class Stateful(BaseModel):
    def model_post_init(self, _context: object) -> None:
        raise RecursionError


class Old:
    config_schema, config_version = Refusing, 2

    @staticmethod
    def migrate_config(from_version: int, _table: Mapping[str, Any]) -> Any:
        return {}[from_version]


def plugin(**attributes: object) -> type:
    return type("Plugin", (), {"config_version": 1, **attributes})


@pytest.mark.parametrize(
    ("found", "table", "function"),
    [
        (plugin(config_schema=Refusing), {"size": 1}, "is_fit"),
        (plugin(config_schema=Refusing), {"size": 2}, "is_fit"),
        (plugin(config_schema=Stateful), {}, "model_post_init"),
        (Old, {"config_version": 1, "size": 3}, "migrate_config"),
    ],
    ids=["an error", "a wrong value", "a hook of pydantic", "a migration"],
)
def test_an_issue_knows_where_code_of_the_schema_raised(found: Any, table: Any, function: str) -> None:
    configuration = load({"plugins": {"compute": {"duckdb": table}}}, environ={})
    [issue] = validate_settings(configuration, PluginRef.parse("compute:duckdb"), found, None).issues
    file, line, name = issue.frames[-1]
    assert (file, name) == (__file__, function)
    assert line > 1
    assert "frames" not in issue.to_dict()
    assert "test_frames" not in repr(issue)


def made_in(filename: str) -> None:
    exec(compile("1 / 0", filename, "exec"))  # noqa: S102 as makers of code do


class Made(BaseModel):
    token: SecretStr
    mode: str

    def model_post_init(self, _context: object) -> None:
        made_in(f"https://me@{self.token.get_secret_value()}/rules.py" if self.mode == "secret" else self.mode)


@pytest.mark.parametrize(("mode", "are_kept"), [("rules.py", True), ("secret", False), ("x" * 10_000, False)])
def test_frames_that_hold_a_secret_or_cannot_be_searched_are_left_out(mode: str, are_kept: bool) -> None:  # noqa: FBT001 what is expected
    table = {"token": "correct-horse-battery", "mode": mode}
    configuration = load({"plugins": {"compute": {"duckdb": table}}}, environ={})
    ref = PluginRef.parse("compute:duckdb")
    [issue] = validate_settings(configuration, ref, plugin(config_schema=Made), None).issues
    assert "ZeroDivisionError" in issue.message
    assert bool(issue.frames) is are_kept


def refuse() -> None:
    raise Stubborn


def test_an_exception_is_not_asked() -> None:
    try:
        refuse()
    except Stubborn as error:
        raised: Any = error
    assert raised_at(raised)[-1][2] == "refuse"
