"""Frames of foreign exceptions, read without asking them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from support import write_project

from floe_plugins import PluginError
from floe_plugins.cli.host.tracebacks import MAX_FRAMES, frames_of
from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error
from floe_plugins.core.safe_text import MAX_TEXT
from floe_plugins.execution.boundary import caused_by, describe


def raised(file: object, code: str) -> PluginError:
    """The error behind which is what code in a file raises."""
    error = PluginError("it failed")
    try:
        exec(compile(code, str(file), "exec"), {})  # noqa: S102 as an import does
    except BaseException as foreign:  # noqa: BLE001 as plugin code may raise it
        error.exception = foreign
    return error


HOSTILE = """
class Hostile(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
    def __getattribute__(self, name): raise SystemExit
    @property
    def __traceback__(self): raise SystemExit
def begin():
    raise Hostile
begin()
"""


def test_an_exception_is_not_asked_for_its_frames(tmp_path: Path) -> None:
    file = tmp_path / "acme.py"
    file.write_text(HOSTILE, encoding="utf-8")
    outer, inner = frames_of(raised(file, HOSTILE))[-2:]
    assert outer == {"file": str(file), "line": 10, "function": "<module>", "source": "begin()"}
    assert inner == {"file": str(file), "line": 9, "function": "begin", "source": "raise Hostile"}


def test_a_deep_recursion_shows_its_innermost_frames() -> None:
    frames = frames_of(raised("deep.py", "def dive(left): return dive(left - 1) if left else 1 / 0\ndive(100)"))
    assert len(frames) == MAX_FRAMES
    assert {frame["function"] for frame in frames} == {"dive"}


@pytest.mark.parametrize("name", ["floe.toml", "missing.py", "directory.py"])
def test_only_lines_of_python_files_are_shown(tmp_path: Path, name: str) -> None:
    (tmp_path / "floe.toml").write_text("password = 'hunter2'\n", encoding="utf-8")
    (tmp_path / "directory.py").mkdir()
    assert frames_of(raised(tmp_path / name, "1 / 0"))[-1]["source"] == ""


def test_an_error_with_no_exception_of_a_plugin_has_no_frames() -> None:
    found: Any = [frames_of(None), frames_of(ValueError("ours")), frames_of(PluginError("ours"))]
    assert found == [[], [], []]


def test_of_several_issues_the_first_that_was_raised_gives_the_frames() -> None:
    wrong = ConfigurationIssue(path="a", rule="type", message="not a number")
    raised_in = attrs.evolve(wrong, path="b", frames=(("acme.py", 3, "check"),))
    frames = frames_of(configuration_error(wrong, raised_in))
    assert frames == [{"file": "acme.py", "line": 3, "function": "check", "source": ""}]


SCHEMA = """
    from pydantic import BaseModel, field_validator
    from floe_plugins import SecretsPlugin
    class Settings(BaseModel):
        size: int = 1
        @field_validator("size")
        @classmethod
        def is_fit(cls, size): return 1 // (size - 1)
    class Plugin(SecretsPlugin):
        name = "acme"; version = "1"; floe_api_version = "1.0"; config_schema = Settings
        def get_secret(self, key): ...
        def secret_names(self, prefix=""): return ()
        def put_secret(self, key, value): ...
"""


@pytest.mark.once
def test_commands_show_with_vv_where_a_validator_raised(floe: Any, tmp_path: Path, write: Callable[..., str]) -> None:
    project = write_project(tmp_path / "acme", "floe.secrets", acme=SCHEMA)
    file = write("plugins: {secrets: {acme: {size: 1}}}\n")
    for command in (("check", "--config"), ("config", "validate"), ("config", "show"), ("explain", "acme", "--config")):
        shown = floe((project,), *command, file, "-vv").stdout
        assert "acme.py:8 in is_fit\n        def is_fit(cls, size): return 1 // (size - 1)\n" in shown
        assert "pydantic" not in shown
    assert "in is_fit" not in floe((project,), "check", "--config", file).stdout


def test_long_names_and_lines_are_cut(tmp_path: Path) -> None:
    file = tmp_path / "acme.py"
    file.write_text(f"1 / 0  # {'x' * 2 * MAX_TEXT}\n", "utf-8")
    lines = frames_of(raised(file, "1 / 0")), frames_of(raised("y" * 2 * MAX_TEXT, "1 / 0"))
    assert [len(str(found[-1])) < 2 * MAX_TEXT for found in lines] == [True, True]


def test_frames_that_hold_a_secret_are_left_out() -> None:
    error = raised("https://hunter2@host/rules.py", "1 / 0")
    assert error.exception is not None
    failure = describe(error.exception, lambda text: text.replace("hunter2", "***"))
    assert frames_of(caused_by(PluginError("it failed"), failure)) == []
    assert frames_of(caused_by(PluginError("it failed"), describe(error.exception)))
