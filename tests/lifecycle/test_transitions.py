"""What starting and stopping have in common: shared outcomes and time limits."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from floe_plugins import OutcomeState, PluginType, PluginUnavailableError
from floe_plugins.lifecycle.parts import Parts


def test_a_second_start_shares_the_outcome_of_the_one_under_way(lab: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def startup(_plugin: Any) -> None:
        begun.set()
        go_on.wait(10)

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b", dependencies=("secrets:a",)))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(registry.start, PluginType.SECRETS, "a")
        assert begun.wait(10)
        second = pool.submit(registry.start, PluginType.SECRETS, "b")
        time.sleep(0.05)
        go_on.set()
        assert first.result(10).ok
        assert second.result(10).ok


def test_a_pause_that_the_whole_start_has_no_time_for_takes_no_seconds(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("not yet", retry_after=5)

    outcome = lab.registry(lab.plugin("a", startup), timeouts={"startup_total": 1.0}).startup().outcomes[0]
    assert (outcome.state, outcome.attempts) == (OutcomeState.TIMED_OUT, 1)
    assert 0 <= outcome.seconds < 1.0
    assert "not yet" in outcome.message


def test_an_interrupt_before_a_hook_is_called_is_raised_and_the_plugin_can_be_started_afterwards(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: Any, **_options: Any) -> Any:
        raise KeyboardInterrupt

    registry = lab.registry(lab.plugin("a"))
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "hook_task", interrupt)
        with pytest.raises(KeyboardInterrupt):
            registry.startup()
    assert lab.log == []
    assert registry.startup().ok
