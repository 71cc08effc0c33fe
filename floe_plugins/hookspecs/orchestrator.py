"""Orchestrator: runs steps in the order of what they need."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


def _names(names: Iterable[str]) -> tuple[str, ...]:
    # Of ``tuple`` itself as a converter, mypy does not know what it takes.
    return tuple(names)


@attrs.frozen
class Step:
    """One unit of work.

    Attributes:
        run: called with no argument, in the process that runs the plan.
        needs: names of the steps that must have succeeded before.
        retries: how often a raising step is tried again.
    """

    name: str
    run: Callable[[], object]
    needs: tuple[str, ...] = attrs.field(default=(), converter=_names)
    retries: int = attrs.field(default=0, validator=attrs.validators.ge(0))


@attrs.frozen
class Plan:
    """Steps that an orchestrator accepted, and its own form of them.

    Attributes:
        native: the engine's object; only the plugin that built the plan may use it.
    """

    steps: tuple[Step, ...]
    native: Any = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Schedule:
    """When an exported plan is to run: a cron expression in a time zone."""

    name: str
    cron: str
    timezone: str = "UTC"


class StepState(str, Enum):
    """How a step ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class StepResult:
    """How one step ended.

    Attributes:
        seconds: from its first attempt to the end of its last, with the waits between them.
        attempts: how often it was tried; 0 if it was skipped.
        error: what it raised at last, as ``Type: message``, or why it was skipped.
    """

    name: str
    state: StepState
    seconds: float = 0.0
    attempts: int = 1
    error: str = ""


@attrs.frozen
class RunReport:
    """How a run went, step by step."""

    steps: Mapping[str, StepResult]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every step that was selected succeeded."""
        return all(step.state is StepState.SUCCEEDED for step in self.steps.values())


class OrchestratorPlugin(PluginMetadata):
    """One orchestrator. Hooks are asked of one chosen plugin; ``run`` may be called from several threads."""

    @hookspec(firstresult=True)
    @abstractmethod
    def build(self, steps: Sequence[Step]) -> Plan:
        """A plan of ``steps``; nothing runs yet.

        Raises:
            ValueError: two steps have one name, a needed step is missing, or steps need each other.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def run(self, plan: Plan, select: Sequence[str] = ()) -> RunReport:
        """Run the plan, or the selected steps of it alone, and wait for the end.

        A step that raises is reported, not raised, and what needs it is skipped.

        Raises:
            ValueError: ``select`` names a step that the plan does not have.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def export(self, plan: Plan, directory: Path, schedules: Sequence[Schedule] = ()) -> Path:
        """Write what the engine's own server loads, and return its entry file.

        Raises:
            ValueError: a step is not importable by name, so another process could not run it.
        """
        raise NotImplementedError
