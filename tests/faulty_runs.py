"""What ``submit`` may return in any category, and does not keep one promise of ``Running``."""

from __future__ import annotations

from typing import Any

from floe_plugins.hookspecs import InThread, Running, RunState


class Lookalike:
    """Does all that a run does, and is none."""

    def __init__(self, work: Running[Any]) -> None:
        self.id, self.cancel, self.result = work.id, work.cancel, work.result
        self._work = work

    @property
    def state(self) -> RunState:
        return self._work.state


class OneId(InThread[Any]):
    id = "the only one"


class NeverRuns(InThread[Any]):
    @property
    def state(self):
        found = super().state
        return RunState.SUCCEEDED if found is RunState.RUNNING else found


class EndsWithPatience(InThread[Any]):
    def result(self, timeout=None):
        try:
            return super().result(timeout)
        except TimeoutError:
            self.cancel()
            raise
