"""Timeouts: each stage has a default, and a check refuses what is not a number of seconds."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from floe_plugins.core.state import Stage
from floe_plugins.core.timeouts import (
    DEFAULT_TIMEOUTS,
    MAX_TIMEOUT,
    MAX_WORKERS,
    TIMEOUT_NAMES,
    TIMEOUT_OF_STAGE,
    check_timeout,
    check_workers,
)


def test_each_name_has_a_default_that_the_check_accepts() -> None:
    assert tuple(DEFAULT_TIMEOUTS) == TIMEOUT_NAMES
    assert [check_timeout(seconds) for seconds in DEFAULT_TIMEOUTS.values()] == list(DEFAULT_TIMEOUTS.values())


def test_each_stage_that_runs_code_of_a_plugin_has_a_timeout() -> None:
    assert TIMEOUT_OF_STAGE.keys() == set(Stage) - {Stage.DISCOVER, Stage.RESOLVE}
    assert sorted(TIMEOUT_OF_STAGE.values()) == sorted(TIMEOUT_NAMES)


@pytest.mark.parametrize("value", [1, 0.001, 30.0, MAX_TIMEOUT])
def test_a_number_of_seconds_is_returned_as_a_float(value: float) -> None:
    assert check_timeout(value) == value
    assert type(check_timeout(value)) is float


@pytest.mark.parametrize(
    "value",
    [0, -1, 0.0, math.nan, math.inf, -math.inf, MAX_TIMEOUT + 1, 10**400, True, "30", None, Decimal(3), [3], 3j],
)
def test_anything_else_is_not_a_timeout(value: Any) -> None:
    with pytest.raises(ValueError, match="a number of seconds greater than 0 and at most a year"):
        check_timeout(value)


@pytest.mark.parametrize("value", [1, 16, MAX_WORKERS])
def test_a_whole_number_from_one_is_a_number_of_workers(value: int) -> None:
    assert check_workers(value) == value


@pytest.mark.parametrize("value", [0, -1, MAX_WORKERS + 1, 1.0, True, "16", None])
def test_anything_else_is_not_a_number_of_workers(value: Any) -> None:
    with pytest.raises(ValueError, match=f"a whole number from 1 to {MAX_WORKERS}"):
        check_workers(value)
