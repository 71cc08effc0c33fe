"""Asking a registry: every category has its type, and plugins may be classes of any making."""

from __future__ import annotations

import ast
import runpy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pydantic
import pytest
import support

from floe_plugins import PluginIncompatibleError, PluginType, SecretsPlugin
from floe_plugins.registry import lookup

AUTHORS = runpy.run_path(str(Path(__file__).parents[1] / "typing" / "authors.py"))


@pytest.mark.parametrize("method", ["get", "aget", "one", "list", "manager"])
def test_each_category_has_a_type_of_its_own(method: str) -> None:
    tree = ast.parse(Path(lookup.__file__).read_text(encoding="utf-8"))
    functions = [each for each in ast.walk(tree) if getattr(each, "name", "") == method]
    signatures = " ".join(ast.unparse(each) for each in functions)
    for category in PluginType:
        assert f"Literal[PluginType.{category.name}]" in signatures
        assert category.spec_name[1].removesuffix("Plugin") in signatures


@pytest.mark.parametrize("cls", AUTHORS["PLUGINS"], ids=lambda cls: cls.__name__)
def test_a_plugin_may_be_a_class_of_any_making(cls: Any) -> None:
    if issubclass(cls, pydantic.BaseModel) and version("pydantic").startswith(("2.8.", "2.9.")):
        pytest.skip("these versions of pydantic do not find the names in annotations of other base classes")
    registry = support.new_registry()
    registry.register(cls)
    with registry:
        plugin = registry.one(SecretsPlugin)
        assert type(plugin) is cls
        assert plugin.registry is registry
    assert registry.problems == ()


def test_the_api_version_of_a_model_is_looked_at_before_it_is_made() -> None:
    made: list[object] = []
    newer = type(
        "Newer",
        (AUTHORS["Model"],),
        {
            "__module__": __name__,
            "__annotations__": {"floe_api_version": str},
            "floe_api_version": "99.0",
            "__init__": lambda self, **_: made.append(self),
        },
    )
    with pytest.raises(PluginIncompatibleError, match=r"99\.0"):
        support.new_registry().register(newer)
    assert made == []


def test_a_list_of_loaded_plugins_is_given_at_once_and_follows_what_becomes_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = support.new_registry()
    registry.register(support.named("b"), support.named("a"))

    def load_all(_services: Any, _refs: Any) -> Any:
        raise AssertionError("they are loaded")

    with monkeypatch.context() as patch:
        patch.setattr("floe_plugins.registry.services.PluginServices.load_all", load_all)
        assert [plugin.name for plugin in registry.list(SecretsPlugin)] == ["a", "b"]
    registry.unregister(SecretsPlugin, "a")
    registry.register(support.named("c", startup=lambda _: 1 / 0))
    registry.startup()
    assert [plugin.name for plugin in registry.list()] == ["b"]
    registry.shutdown()
