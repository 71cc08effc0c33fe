"""Stopping: each plugin after all that need it, whatever the others do."""

from __future__ import annotations

from typing import Any

from floe_plugins import OutcomeState, PluginShutdownError, PluginState, PluginType

SECRETS = PluginType.SECRETS


def test_a_shutdown_that_raises_does_not_keep_the_others_from_stopping(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b", None, lab.fail, dependencies=("secrets:a",)))
    registry.startup()
    report = registry.shutdown()
    assert lab.names(report) == ["b", "a"]
    assert isinstance(lab.of(report, "b").cause, PluginShutdownError)
    assert lab.of(report, "a").ok
    assert registry.state(SECRETS, "a") is PluginState.STOPPED
    assert registry.state(SECRETS, "b") is PluginState.FAILED


def test_a_hanging_shutdown_is_left_behind_at_its_deadline(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"), lab.plugin("b", None, lab.hang, dependencies=("secrets:a",)), timeouts={"shutdown": 0.1}
    )
    registry.startup()
    report = registry.shutdown()
    assert not lab.forever.is_set()
    assert lab.of(report, "b").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "a").ok
