"""Numbers that steer waiting, checked in one place wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping

from floe_plugins.core.safe_text import type_name
from floe_plugins.core.state import Stage

TIMEOUT_NAMES = ("load", "configure", "startup", "shutdown", "health")
TOTAL_TIMEOUT_NAMES = ("startup_total", "shutdown_total")
DEFAULT_TIMEOUTS: Mapping[str, float] = {**dict.fromkeys(TIMEOUT_NAMES, 30.0), "health": 5.0}
TIMEOUT_OF_STAGE: Mapping[Stage, str] = {
    Stage.LOAD: "load",
    Stage.CONFIGURE: "configure",
    Stage.START: "startup",
    Stage.STOP: "shutdown",
    Stage.CHECK: "health",
}
MAX_TIMEOUT = 366 * 24 * 3600.0
MAX_WORKERS = 10_000


def check_timeout(value: object) -> float:
    """Return ``value`` as seconds.

    >>> check_timeout(30)
    30.0

    Raises:
        ValueError: It is not a number of seconds above 0 and up to a year; the message says what it is.
    """
    # Exact types: a plugin's own subclass of a number may compare as it likes. NaN compares as false.
    if type(value) in {int, float} and 0 < value <= MAX_TIMEOUT:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise ValueError(f"must be a number of seconds, more than 0 and at most a year, and is {_shown(value)}")


def check_workers(value: object) -> int:
    """Return ``value`` as a number of workers.

    >>> check_workers(4)
    4

    Raises:
        ValueError: It is not a whole number from 1 to 10000; the message says what it is.
    """
    if type(value) is int and 1 <= value <= MAX_WORKERS:
        return value
    raise ValueError(f"must be a whole number from 1 to {MAX_WORKERS}, and is {_shown(value)}")


def _shown(value: object) -> str:
    return repr(value)[:40] if type(value) in {int, float, bool, str} else f"of type {type_name(value)}"
