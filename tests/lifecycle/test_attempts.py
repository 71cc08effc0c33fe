"""When a start is attempted again."""

from __future__ import annotations

import math
import time

import pytest

from floe_plugins.lifecycle.attempts import FIRST_PAUSE, MAX_PAUSE, Attempts


def attempts(number: int = 1, seconds: float = 1000.0, retry_after: float | None = None) -> Attempts:
    return Attempts(number=number, deadline=time.monotonic() + seconds, retry_after=retry_after)


@pytest.mark.parametrize(
    ("number", "pause"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (7, MAX_PAUSE), (10**6, MAX_PAUSE)]
)
def test_each_pause_is_twice_as_long_up_to_a_limit(number: int, pause: float) -> None:
    assert attempts(number).pause() == pytest.approx(pause)


def test_the_last_pauses_share_the_time_that_is_left() -> None:
    assert attempts(8, seconds=2).pause() == pytest.approx(1, abs=0.1)
    assert attempts(8, seconds=FIRST_PAUSE / 2).pause() is None


def test_a_pause_is_half_the_shortest_at_least_and_ends_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: 0.0)
        enough, too_short = (Attempts(number=8, deadline=left).pause() for left in (FIRST_PAUSE, FIRST_PAUSE - 0.001))
        in_time, too_late = (Attempts(retry_after=1.0, deadline=left).pause() for left in (1.001, 1.0))
    assert (enough, too_short) == (FIRST_PAUSE / 2, None)
    assert (in_time, too_late) == (1.0, None)


def test_the_plugin_s_own_hint_is_kept_but_for_one_that_is_too_soon_or_too_late() -> None:
    assert attempts(retry_after=7.5).pause() == 7.5
    assert attempts(retry_after=1e-9).pause() == FIRST_PAUSE
    assert attempts(seconds=5, retry_after=7.5).pause() is None


def test_attempts_are_told_in_words() -> None:
    assert str(Attempts(number=1, seconds=0.04)) == "1 attempt in 0.0 s"
    assert str(Attempts(number=3, seconds=12.34)) == "3 attempts in 12.3 s"


def test_nothing_was_attempted_at_first() -> None:
    fresh = Attempts()
    assert (fresh.began, fresh.number, fresh.seconds, fresh.is_unavailable) == (None, 0, 0.0, False)
    assert fresh.deadline == math.inf
