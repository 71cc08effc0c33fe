"""Orchestrator: runs steps in the order of their dependencies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


def _names(names: Iterable[str]) -> tuple[str, ...]:
    # mypy cannot infer the argument type of ``tuple`` as a converter.
    return tuple(names)


@attrs.frozen
class Step:
    """One unit of work.

    Attributes:
        name: unique within a plan.
        run: a function without arguments, called in the process that runs the plan.
        needs: the names of the steps that must succeed first.
        retries: how often the step is repeated if it raises.
    """

    name: str
    run: Callable[[], object]
    needs: tuple[str, ...] = attrs.field(default=(), converter=_names)
    retries: int = attrs.field(default=0, validator=attrs.validators.ge(0))


@attrs.frozen
class Plan:
    """Steps that an orchestrator can run.

    Attributes:
        native: an object of the engine. Only the plugin that built the plan may use it.
    """

    steps: tuple[Step, ...]
    native: Any = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Schedule:
    """The times at which to run an exported plan: a cron expression in a time zone."""

    name: str
    cron: str
    timezone: str = "UTC"


class StepState(str, Enum):
    """The state in which a step ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class StepResult:
    """The result of one step.

    Attributes:
        seconds: the time from the first attempt to the end of the last one.
        attempts: how often the step was run; 0 if it was skipped.
        error: the last exception as ``Type: message``, or why the step was skipped.
    """

    name: str
    state: StepState
    seconds: float = 0.0
    attempts: int = 1
    error: str = ""


@attrs.frozen
class RunReport:
    """The result of running a plan.

    Attributes:
        steps: the result of each step, by its name.
        seconds: how long the run took.
    """

    steps: Mapping[str, StepResult]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all selected steps succeeded."""
        return all(step.state is StepState.SUCCEEDED for step in self.steps.values())


class OrchestratorPlugin(PluginMetadata):
    """The contract of orchestrators. Each call goes to one plugin. ``run`` may be called from several threads.

    >>> from floe_plugins import OrchestratorPlugin
    >>> def refresh(orchestrator: OrchestratorPlugin, extract, transform):
    ...     plan = orchestrator.build([
    ...         Step("extract", extract, retries=2),
    ...         Step("transform", transform, needs=["extract"]),
    ...     ])
    ...     return orchestrator.run(plan).ok
    >>> Step("transform", print, needs=["extract"]).needs
    ('extract',)
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def build(self, steps: Sequence[Step]) -> Plan:
        """Return a plan of ``steps``. Runs nothing.

        Raises:
            ValueError: two steps have the same name, a step that another one needs is missing,
                or steps need each other in a cycle.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def run(self, plan: Plan, select: Sequence[str] = ()) -> RunReport:
        """Run all steps of the plan, or only the selected ones, and wait until they have ended.

        An exception of a step is reported, not raised, and the steps that need it are skipped.

        Raises:
            ValueError: the plan has no step of a selected name.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def export(self, plan: Plan, directory: Path, schedules: Sequence[Schedule] = ()) -> Path:
        """Write the files from which the server of the engine loads the plan, and return the main file.

        Raises:
            ValueError: the function of a step cannot be imported by name, so another process cannot run it.
        """
