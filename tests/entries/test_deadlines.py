"""Which timeout of a stage is in force."""

from __future__ import annotations

from typing import Any

import pytest
from support import Secrets

from floe_plugins import PluginRef, PluginRegistry, Stage
from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS
from floe_plugins.entries.deadlines import Deadlines
from floe_plugins.entries.entry import Entry


def timeout_of(configured: dict[str, Any], declared: dict[str, float], stage: Stage = Stage.START) -> float:
    registry = PluginRegistry({"registry": {"timeouts": configured}}, autoload="none", environ={})
    (ref,) = registry.register(type("A", (Secrets,), {"name": "a", "timeouts": declared}))
    store = registry._store
    return Deadlines(store).timeout(store.entry(ref), stage)


def test_without_any_word_the_default_is_in_force() -> None:
    assert timeout_of({}, {}) == DEFAULT_TIMEOUTS["startup"]


@pytest.mark.parametrize(
    ("configured", "declared", "expected"),
    [
        ({"startup": 7}, {}, 7),
        ({"startup": 7}, {"startup": 9}, 9),
        ({"startup": 7, "secrets:a": {"startup": 3}}, {"startup": 9}, 3),
        ({"health": 7}, {"health": 9}, DEFAULT_TIMEOUTS["startup"]),
    ],
)
def test_the_plugin_s_own_configuration_wins_then_its_class_then_that_of_all(
    configured: dict[str, Any], declared: dict[str, float], expected: float
) -> None:
    assert timeout_of(configured, declared) == expected


def test_a_plugin_that_is_not_loaded_declares_no_timeout() -> None:
    registry = PluginRegistry(autoload="none", environ={})
    entry = Entry(PluginRef.parse("secrets:a"))
    assert Deadlines(registry._store).timeout(entry, Stage.LOAD) == DEFAULT_TIMEOUTS["load"]


def test_a_whole_start_has_no_deadline_unless_it_is_configured() -> None:
    deadlines = Deadlines(PluginRegistry(autoload="none", environ={})._store)
    assert deadlines.total("startup_total") is None
    registry = PluginRegistry({"registry": {"timeouts": {"startup_total": 25}}}, autoload="none", environ={})
    assert Deadlines(registry._store).total("startup_total") == 25
