"""The names, defaults and limits of timeouts, and of the number of workers."""

from __future__ import annotations

from collections.abc import Mapping

from floe_plugins.core.state import Stage

TIMEOUT_NAMES = ("load", "configure", "startup", "shutdown", "health")

DEFAULT_TIMEOUTS: Mapping[str, float] = {
    "load": 30.0,
    "configure": 30.0,
    "startup": 30.0,
    "shutdown": 30.0,
    "health": 5.0,
}

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
        ValueError: ``value`` is not a finite number greater than 0 and at most a year.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MAX_TIMEOUT:
        return float(value)
    raise ValueError("a timeout must be a number of seconds greater than 0 and at most a year")


def check_workers(value: object) -> int:
    """Return ``value`` as the number of plugins that are started or stopped at the same time.

    Raises:
        ValueError: ``value`` is not a whole number from 1 to ``MAX_WORKERS``.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WORKERS:
        return int(value)
    message = f"the number of workers must be a whole number from 1 to {MAX_WORKERS}"
    raise ValueError(message)
