"""Numbers that steer waiting are checked once."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS, MAX_TIMEOUT, check_timeout, check_workers


class Odd(float):
    """A number of a plugin's own, which compares as it likes."""

    def __le__(self, other: object) -> bool:
        raise RuntimeError


@pytest.mark.parametrize("value", [1, 0.001, 30.0, MAX_TIMEOUT])
def test_seconds_are_returned_as_a_float(value: float) -> None:
    assert check_timeout(value) == value
    assert type(check_timeout(value)) is float


@pytest.mark.parametrize(
    "value", [0, -5, float("nan"), float("inf"), 1e300, 10**400, True, "30", None, Odd(3), [], MAX_TIMEOUT + 1]
)
def test_anything_else_is_no_timeout(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a number of seconds, more than 0 and at most a year, and is "):
        check_timeout(value)


@pytest.mark.parametrize("value", [0, -1, True, "many", 2.0, None, 10**6])
def test_workers_are_a_whole_number_of_at_least_one(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number from 1 to 10000, and is "):
        check_workers(value)


def test_a_number_of_workers_is_returned() -> None:
    assert check_workers(16) == 16


def test_the_defaults_are_those_of_the_page() -> None:
    assert DEFAULT_TIMEOUTS == {"load": 30, "configure": 30, "startup": 30, "shutdown": 30, "health": 5}
