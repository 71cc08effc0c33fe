"""Orchestrator: steps as they are written down, plans that only their engine reads, and what a run came to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from floe_plugins import OrchestratorPlugin
from floe_plugins.hookspecs.orchestrator import Plan, RunReport, Step, StepCall, StepResult, StepState
from floe_plugins.hookspecs.running import RunState


def work() -> None: ...


@pytest.mark.parametrize("hook", ["build", "run", "export", "submit"])
def test_one_orchestrator_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(OrchestratorPlugin, hook) == ("second", ["second"])


def test_the_whole_plan_runs_and_nothing_is_scheduled_unless_the_caller_says_so(calling: Any) -> None:
    hook = calling(
        OrchestratorPlugin,
        echo={"run": lambda _self, select: select, "export": lambda _self, directory, schedules: directory / schedules},
    )
    assert hook.run(plan=Plan(())) == ()
    assert hook.run(plan=Plan(()), select=["load"]) == ["load"]
    assert hook.export(plan=Plan(()), directory=Path("out"), schedules="daily") == Path("out/daily")


@pytest.mark.parametrize("needs", [["load", "clean"], iter(["load", "clean"]), {"load": 1, "clean": 2}])
def test_what_a_step_needs_may_come_from_any_iterable(needs: Any) -> None:
    assert Step("report", work, needs=needs).needs == ("load", "clean")


def test_what_a_step_needs_is_as_it_was_when_the_step_was_made() -> None:
    needs = ["load"]
    step = Step("report", work, needs)
    needs.append("clean")
    assert step.needs == ("load",)


@pytest.mark.parametrize("retries", [0, 3])
def test_a_step_may_be_tried_again_some_times(retries: int) -> None:
    assert Step("load", work, retries=retries).retries == retries


def test_a_step_cannot_be_tried_less_than_once() -> None:
    with pytest.raises(ValueError, match="retries"):
        Step("load", work, retries=-1)


def test_a_plan_is_its_steps_whatever_the_engine_keeps_with_them() -> None:
    steps = (Step("load", work),)
    plan = Plan(steps, native=object())
    assert plan == Plan(steps, native=object())
    assert plan != Plan(())
    assert "native" not in repr(plan)


@pytest.mark.parametrize(
    ("states", "ok"),
    [
        ([], True),
        ([StepState.SUCCEEDED], True),
        ([StepState.SUCCEEDED, StepState.FAILED], False),
        ([StepState.SKIPPED, StepState.SUCCEEDED], False),
    ],
)
def test_a_run_is_ok_if_every_selected_step_succeeded(states: list[StepState], ok: bool) -> None:  # noqa: FBT001
    results = {str(number): StepResult(str(number), state) for number, state in enumerate(states)}
    assert RunReport(results, 1.0).ok is ok


def test_a_step_by_its_import_path_is_imported_when_it_runs() -> None:
    call = StepCall("json:dumps", {"obj": [1], "indent": None})
    assert Step("dump", call).run() == "[1]"
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        StepCall("no_such_module:run")()


@pytest.mark.parametrize("path", ["json", "json:", ":dumps", "json.dumps", "json:dumps()", "json:dumps obj", "../x:y"])
def test_what_is_no_import_path_is_refused_when_it_is_written_down(path: str) -> None:
    with pytest.raises(ValueError, match=r"expected 'package\.module:function'"):
        StepCall(path)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"x"])
def test_arguments_that_json_cannot_hold_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        StepCall("json:dumps", {"obj": value})


def test_an_engine_that_can_only_run_is_waited_for_on_a_thread(calling: Any) -> None:
    report = RunReport({}, 1.0)
    hook = calling(OrchestratorPlugin, plain={"run": lambda _self, plan, select: (report, plan, select)})
    plan = Plan((Step("load", work),))
    run = hook.submit(plan=plan, select=["load"])
    assert run.result() == (report, plan, ["load"])
    assert run.state is RunState.SUCCEEDED


def test_a_run_of_steps_that_are_not_in_the_plan_does_not_begin(calling: Any) -> None:
    with pytest.raises(ValueError, match="no step 'gone'"):
        calling(OrchestratorPlugin, plain={}).submit(plan=Plan((Step("load", work),)), select=["load", "gone"])
