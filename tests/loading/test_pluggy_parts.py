"""Our parts of pluggy do what pluggy's own do."""

from __future__ import annotations

import random
import types
from typing import Any

import pluggy
import pytest

from floe_plugins.loading.pluggy_parts import IdentitySet, PluginsByName, QuickHookCaller

hookimpl, hookspec = pluggy.HookimplMarker("x"), pluggy.HookspecMarker("x")


class Spec:
    @hookspec
    def act(self) -> None: ...


def _plain(_self: object) -> None: ...


def _wrapping(_self: object) -> Any:
    return (yield)


def order(manager: pluggy.PluginManager, options: list[dict[str, bool]]) -> list[str | None]:
    for number, option in enumerate(options):
        act = _wrapping if option.get("wrapper") or option.get("hookwrapper") else _plain
        marked = hookimpl(**option)(types.FunctionType(act.__code__, {}))
        manager.register(type(f"P{number}", (), {"act": marked})(), f"p{number}")
    return [impl.plugin_name for impl in manager.hook.act.get_hookimpls()]


@pytest.mark.parametrize("seed", range(50))
def test_implementations_are_in_pluggy_s_order(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    choices: list[dict[str, bool]] = [{}, {"tryfirst": True}, {"trylast": True}, {"wrapper": True}]
    choices += [{"hookwrapper": True, "tryfirst": True}, {"wrapper": True, "trylast": True}]
    options = [chance.choice(choices) for _ in range(chance.randrange(1, 15))]
    plain, quick = pluggy.PluginManager("x"), pluggy.PluginManager("x")
    for manager in (plain, quick):
        manager.add_hookspecs(Spec)
    quick.hook.act.__class__ = QuickHookCaller
    assert order(quick, options) == order(plain, options)


class Equal:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def test_plugins_are_found_by_identity() -> None:
    first, second = Equal(), Equal()
    plugins = PluginsByName()
    plugins["a"] = first
    assert first in plugins.values()
    assert second not in plugins.values()
    plugins["a"] = second
    assert first not in plugins.values()
    assert second in plugins.values()
    del plugins["a"]
    assert second not in plugins.values()
    plugins["b"] = second
    assert plugins.pop("b") is second
    assert plugins.pop("b", None) is None
    assert not plugins.values()
    assert second not in plugins.values()


def test_a_set_by_identity_holds_what_is_unhashable_and_equal() -> None:
    first, second = Equal(), Equal()
    found = IdentitySet([first, second, first])
    assert len(found) == 2
    assert [each is first or each is second for each in found] == [True, True]
    assert Equal() not in found
