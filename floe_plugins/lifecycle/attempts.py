"""Count the attempts to start or stop one plugin, and decide when another one is due."""

from __future__ import annotations

import math
import time

import attrs

from floe_plugins.errors import PluginError
from floe_plugins.execution.executor import Task

FIRST_PAUSE = 0.1
MAX_PAUSE = 5.0


@attrs.define(eq=False)
class Attempts:
    """The calls of one plugin's ``startup``, or of its ``shutdown``. Times are of ``time.monotonic``.

    Attributes:
        began: When the hook was first entered.
        number: How often it was called.
        seconds: From its first beginning to the end of its last call.
        deadline: When all attempts have to be over.
        failure: Why the last attempt failed.
        is_unavailable: Whether it failed since a service is down, so that another attempt may succeed.
        retry_after: The seconds until another attempt may succeed, where the plugin names them.
    """

    began: float | None = None
    number: int = 0
    seconds: float = 0.0
    deadline: float = math.inf
    failure: PluginError | None = None
    is_unavailable: bool = False
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.number} {'attempt' if self.number == 1 else 'attempts'} in {self.seconds:.1f} s"

    def add(self, task: Task, timeout: float) -> None:
        """Add one call; all of them together have ``timeout`` seconds."""
        if task.call is None:
            return  # it was to be made after a pause
        if self.began is None:
            self.began = task.began
            self.deadline = task.began + timeout
        self.number += task.has_begun
        self.seconds = task.began + task.seconds - self.began
        self.is_unavailable = False

    def pause(self) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is no time for one."""
        left = self.deadline - time.monotonic()
        if self.retry_after is not None:
            wanted = max(self.retry_after, FIRST_PAUSE)
            return wanted if wanted < left else None
        pause = min(FIRST_PAUSE * 2 ** min(self.number - 1, 10), MAX_PAUSE, left / 2)
        return pause if pause >= FIRST_PAUSE / 2 else None
