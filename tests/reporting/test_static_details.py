"""Where a plugin class stands, which hooks it implements and which settings it has, without importing it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from floe_plugins import Candidate, Category, Distribution, Platform, PluginRef
from floe_plugins.reporting.static_details import UNKNOWN, StaticDetails, details_of, read_details

HOOKS = ("startup", "shutdown", "get_secret")


def details(site: Path, code: str) -> StaticDetails:
    (site / "acme.py").write_text(f"raise SystemExit\n{textwrap.dedent(code)}", encoding="utf-8")
    place = Distribution("acme", "1.0", str(site / "acme-1.0.dist-info"))
    return read_details(Candidate(PluginRef.parse("secrets:acme"), "acme:Plugin", place), HOOKS)


HEAD = """
from pydantic import BaseModel, Field
from typing import ClassVar
from floe_plugins import SecretsPlugin, hookimpl
class Common(BaseModel):
    timeout: float = 1.0
class Settings(Common):
    model_config = {"extra": "forbid"}
    path: str = Field("x", description="a path")
    KIND: ClassVar[str] = "x"
    _private: int = 0
    def check(self): ...
class Base(SecretsPlugin):
    def shutdown(self): ...
"""


PLUGIN = """class Plugin(Base):
    config_schema = Settings
    @hookimpl(tryfirst=True)
    def startup(self): ...
    def other(self): ...
"""


def test_all_is_known_of_a_plain_class(tmp_path: Path) -> None:
    found = details(tmp_path, HEAD + PLUGIN)
    assert found.file == str(tmp_path / "acme.py")
    assert found.line is not None
    assert Path(found.file).read_text(encoding="utf-8").splitlines()[found.line - 1] == "class Plugin(Base):"
    assert (found.hooks, found.settings) == (("shutdown", "startup"), ("timeout", "path"))
    assert found.to_dict()["settings"] == ["timeout", "path"]


@pytest.mark.parametrize(
    ("schema", "settings"),
    [
        ("pass", ()),
        ("config_schema = None", ()),
        ("config_schema = make()", None),
        ("def __init__(self):\n        self.config_schema = Settings", None),
        ("config_schema = Aliased", None),
        ("config_schema = Elsewhere", None),
        ("config_schema = Sometimes", None),
    ],
)
def test_settings_are_known_or_said_to_be_unknown(tmp_path: Path, schema: str, settings: Any) -> None:
    more = """
from elsewhere import Elsewhere
class Aliased(BaseModel):
    path: str = Field(alias="PATH")
class Sometimes(BaseModel):
    if True:
        path: str = "x"
"""
    found = details(tmp_path, f"{HEAD}{more}class Plugin(Base):\n    {schema}\n")
    assert found.settings == settings
    assert found.hooks == ("shutdown",)


def test_of_a_class_with_a_base_from_elsewhere_only_the_place_is_known(tmp_path: Path) -> None:
    found = details(tmp_path, "from elsewhere import Base\nclass Plugin(Base):\n    def startup(self): ...\n")
    assert (found.line, found.hooks, found.settings) == (3, None, None)


@pytest.mark.parametrize(
    "code", ["", "Plugin = 7", "from other import Plugin", "class Plugin(:", "Plugin = " + "(" * 300]
)
def test_what_is_no_class_is_unknown(tmp_path: Path, code: str) -> None:
    assert details(tmp_path, code)[2:] == UNKNOWN[2:]


def test_of_a_category_whose_class_cannot_be_imported_nothing_is_known(tmp_path: Path) -> None:
    platform = Platform("site", "1.0", [Category("page", "site.pages", "nowhere_to_be_found:PagePlugin")])
    place = Distribution("acme", "1.0", str(tmp_path / "acme-1.0.dist-info"))
    assert details_of(Candidate(platform.ref("page:acme"), "acme:Plugin", place)) == UNKNOWN
