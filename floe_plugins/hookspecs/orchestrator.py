"""Orchestrator: runs steps in the order of their dependencies."""

from __future__ import annotations

import importlib
import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec
from floe_plugins.hookspecs.running import InThread, Running


def _names(names: Iterable[str]) -> tuple[str, ...]:
    # mypy cannot infer the argument type of ``tuple`` as a converter.
    return tuple(names)


def _is_path(_instance: object, _field: object, value: str) -> None:
    module, _, function = value.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *function.split(".")]):
        raise ValueError(f"{value!r} is no import path: expected 'package.module:function'")


def _is_json(_instance: object, _field: object, value: Mapping[str, Any]) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the arguments of a step by import path must be JSON values: {error}") from error


@attrs.frozen
class StepCall:
    """A function by its import path, with JSON arguments, so that any process can run it.

    >>> StepCall("json:dumps", {"obj": [1, 2]})()
    '[1, 2]'

    Attributes:
        path: the module and the function, as ``package.module:function``.
        arguments: the arguments, by name.

    Raises:
        ValueError: the path is no import path, or an argument is no JSON value.
    """

    path: str = attrs.field(validator=_is_path)
    arguments: Mapping[str, Any] = attrs.field(factory=dict, validator=_is_json)

    def __call__(self) -> object:
        """Import the function, call it and return what it returns.

        Raises:
            ImportError: there is no such module.
            AttributeError: the module has no such function.
            Exception: what the function raises.
        """
        module, _, function = self.path.partition(":")
        found: Any = importlib.import_module(module)
        for name in function.split("."):
            found = getattr(found, name)
        return found(**self.arguments)


@attrs.frozen
class Step:
    """One unit of work.

    >>> from floe_plugins.hookspecs import Step, StepCall
    >>> def load():
    ...     pass
    >>> steps = [Step("load", load), Step("report", StepCall("acme.jobs:report"), needs=["load"], retries=2)]
    >>> steps[1].needs, steps[1].retries
    (('load',), 2)

    Attributes:
        name: unique within a plan.
        run: a function without arguments, called in the process that runs the plan; a ``StepCall`` if that
            may be another process.
        needs: the names of the steps that must succeed first.
        retries: how often the step is repeated if it raises.

    Raises:
        ValueError: ``retries`` is negative.
    """

    name: str
    run: Callable[[], object]
    needs: tuple[str, ...] = attrs.field(default=(), converter=_names)
    retries: int = attrs.field(default=0, validator=attrs.validators.ge(0))


@attrs.frozen
class Plan:
    """Steps that an orchestrator can run.

    Attributes:
        steps: the steps, as they were given to ``build``.
        native: an object of the engine. Only the plugin that built the plan may use it.
    """

    steps: tuple[Step, ...]
    native: Any = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Schedule:
    """The times at which to run an exported plan.

    >>> from floe_plugins.hookspecs import Schedule
    >>> Schedule("nightly", "30 2 * * *", "Europe/Berlin").timezone
    'Europe/Berlin'

    Attributes:
        name: what the engine's server calls it.
        cron: a cron expression of five fields: minute, hour, day of the month, month, day of the week.
        timezone: the name of a time zone of the IANA database, in which the expression is read.
    """

    name: str
    cron: str
    timezone: str = "UTC"


class StepState(str, Enum):
    """The state in which a step ended.

    A step that was not run, as when one that it needs did not succeed, is ``SKIPPED``.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class StepResult:
    """The result of one step.

    Attributes:
        name: the name of the step.
        state: how it ended.
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

    >>> from floe_plugins.hookspecs import RunReport, StepResult, StepState
    >>> failed = StepResult("load", StepState.FAILED, seconds=0.2, error="OSError: disk full")
    >>> RunReport({"load": failed}, seconds=0.3).ok
    False

    Attributes:
        steps: the result of each step that was selected, by its name.
        seconds: how long the run took.
    """

    steps: Mapping[str, StepResult]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all selected steps succeeded."""
        return all(step.state is StepState.SUCCEEDED for step in self.steps.values())


Run = Running[RunReport]


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

        An exception of a step is reported, not raised, and the steps that need it are skipped. A selected step
        needs others also through steps that are not selected: it runs after those that are, or is skipped with them.

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

    @added_in("1.1")
    @hookspec(firstresult=True)
    def submit(self, plan: Plan, select: Sequence[str] = ()) -> Run:
        """Begin a run of all steps of the plan, or of the selected ones, and return while it goes on.

        Since API 1.1.

        After ``cancel`` no step begins; those that run are ended if the engine can do that.
        By default ``run`` is called on a thread, and the run cannot be cancelled.

        Raises:
            ValueError: the plan has no step of a selected name.
        """
        unknown = sorted(set(select) - {step.name for step in plan.steps})
        if unknown:
            raise ValueError(f"the plan has no step {', '.join(map(repr, unknown))}")
        return InThread(
            lambda: self.run(plan, select) if select else self.run(plan), f"a run of orchestrator:{self.name}"
        )
