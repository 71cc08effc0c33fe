"""What starting and stopping have in common: shared outcomes, time limits, and when an attempt is made again."""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from floe_plugins import OutcomeState, PluginType, PluginUnavailableError
from floe_plugins.lifecycle.transitions import FIRST_PAUSE, MAX_PAUSE, Progress


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

    outcome = lab.registry(lab.plugin("a", startup), timeouts={"startup_total": 0.3}).startup().outcomes[0]
    assert (outcome.state, outcome.attempts) == (OutcomeState.TIMED_OUT, 1)
    assert 0 <= outcome.seconds < 1
    assert "not yet" in outcome.message


def progress(attempts: int = 1, seconds: float = 1000.0, retry_after: float | None = None) -> Progress:
    return Progress(attempts=attempts, deadline=time.monotonic() + seconds, retry_after=retry_after)


@pytest.mark.parametrize(
    ("attempts", "pause"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (7, MAX_PAUSE), (10**6, MAX_PAUSE)]
)
def test_each_pause_is_twice_as_long_up_to_a_limit(attempts: int, pause: float) -> None:
    assert progress(attempts).pause() == pytest.approx(pause)


def test_the_last_pauses_share_the_time_that_is_left() -> None:
    assert progress(8, seconds=2).pause() == pytest.approx(1, abs=0.1)
    assert progress(8, seconds=FIRST_PAUSE / 2).pause() is None


def test_the_plugin_s_own_hint_is_kept_but_for_one_that_is_too_soon_or_too_late() -> None:
    assert progress(retry_after=7.5).pause() == 7.5
    assert progress(retry_after=1e-9).pause() == FIRST_PAUSE
    assert progress(seconds=5, retry_after=7.5).pause() is None


def test_attempts_are_told_in_words() -> None:
    assert str(Progress(attempts=1, seconds=0.04)) == "1 attempt in 0.0 s"
    assert str(Progress(attempts=3, seconds=12.34)) == "3 attempts in 12.3 s"


def test_nothing_was_attempted_at_first() -> None:
    fresh = Progress()
    assert (fresh.began, fresh.attempts, fresh.seconds, fresh.is_unavailable) == (None, 0, 0.0, False)
    assert fresh.deadline == math.inf
