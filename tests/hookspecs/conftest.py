"""Small plugins of any category, called as a platform calls them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from support import new_registry

from floe_plugins import FLOE_API_VERSION, PluginMetadata


def implementing(category: type[PluginMetadata], name: str, hooks: dict[str, Any]) -> PluginMetadata:
    """A plugin with these hooks; the others of its category say nothing."""
    mute = {hook: lambda _self: None for hook in category.__abstractmethods__}
    facts = {"name": name, "version": "1.0", "floe_api_version": FLOE_API_VERSION}
    return type(name, (category,), {**mute, **facts, **hooks})()


@pytest.fixture
def calling() -> Callable[..., Any]:
    """The ``hook`` of a category, over plugins given as ``name={hook: function}`` and registered in that order."""

    def hooks_of(category: type[PluginMetadata], **plugins: dict[str, Any]) -> Any:
        registry = new_registry()
        registry.register(*(implementing(category, name, hooks) for name, hooks in plugins.items()))
        return registry.manager(category).hook

    return hooks_of


@pytest.fixture
def answers(calling: Any) -> Callable[..., Any]:
    """What a hook comes to of which ``first`` and ``second`` say their names, and who of them was asked."""

    def answers_of(category: type[PluginMetadata], hook: str) -> tuple[Any, list[str]]:
        asked: list[str] = []

        def answering(name: str) -> Callable[[Any], str]:
            def answer(_self: Any) -> str:
                asked.append(name)
                return name

            return answer

        hooks = calling(category, first={hook: answering("first")}, second={hook: answering("second")})
        arguments = list(inspect.signature(getattr(category, hook)).parameters)[1:]
        return getattr(hooks, hook)(**dict.fromkeys(arguments)), asked

    return answers_of
