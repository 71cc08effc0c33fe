"""Steps: ones that note that they ran, and ones that another process can import."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

from floe_plugins.hookspecs.orchestrator import Step

# How long a step takes whose time is looked at.
PAUSE = 0.03


class Notes:
    """What steps ran, in which order and in which process.

    Attributes:
        ran: the names of the steps, as often as they were run, in the order in which they began.
        ended: the names of those that returned.
        processes: the processes that ran them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.ran: list[str] = []
        self.ended: list[str] = []
        self.processes: set[int] = set()

    def step(
        self, name: str, needs: Sequence[str] = (), *, fails: int = 0, retries: int = 0, seconds: float = 0.0
    ) -> Step:
        """Return a step that raises ``ValueError: attempt N`` as often as ``fails`` says."""

        def run() -> None:
            with self._lock:
                self.ran.append(name)
                attempt = self.ran.count(name)
                self.processes.add(os.getpid())
            if seconds:
                time.sleep(seconds)
            if attempt <= fails:
                raise ValueError(f"attempt {attempt}")
            with self._lock:
                self.ended.append(name)

        return Step(name, run, tuple(needs), retries)


def extract() -> None:
    """Do nothing: a step that can be imported by name."""


def load() -> None:
    """Do nothing: a step that can be imported by name."""


def importable() -> tuple[Step, ...]:
    """Return steps that another process can import."""
    return (Step("extract", extract), Step("load", load, ("extract",)))
