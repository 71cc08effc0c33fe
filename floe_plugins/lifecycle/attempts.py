"""How far the start of one plugin has come, and when it is attempted again."""

from __future__ import annotations

import math
import time

import attrs

from floe_plugins.errors import PluginError
from floe_plugins.execution.executor import TaskRun

FIRST_PAUSE = 0.1
MAX_PAUSE = 5.0


@attrs.define(eq=False)
class Progress:
    """The attempts to start one plugin. Times are of ``time.monotonic``.

    Attributes:
        began: When ``startup`` was first entered.
        attempts: How often it was called.
        seconds: From its first beginning to the end of its last call.
        deadline: When all attempts have to be over.
        failure: Why the last attempt failed.
        is_unavailable: Whether that was since a service is down, so that another attempt may succeed.
        retry_after: The seconds until then, where the plugin names them.
    """

    began: float | None = None
    attempts: int = 0
    seconds: float = 0.0
    deadline: float = math.inf
    failure: PluginError | None = None
    is_unavailable: bool = False
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.attempts} {'attempt' if self.attempts == 1 else 'attempts'} in {self.seconds:.1f} s"

    def count(self, run: TaskRun, timeout: float) -> None:
        """Count one call of ``startup``; all of them together have ``timeout`` seconds."""
        if run.call is None:
            return  # it was to be made after a pause
        if self.began is None:
            self.began = run.began
            self.deadline = run.began + timeout
        self.attempts += run.has_begun
        self.seconds = run.began + run.seconds - self.began
        self.is_unavailable = False

    def pause(self) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is no time for one."""
        left = self.deadline - time.monotonic()
        if self.retry_after is not None:
            wanted = max(self.retry_after, FIRST_PAUSE)
            return wanted if wanted < left else None
        pause = min(FIRST_PAUSE * 2 ** min(self.attempts - 1, 10), MAX_PAUSE, left / 2)
        return pause if pause >= FIRST_PAUSE / 2 else None
