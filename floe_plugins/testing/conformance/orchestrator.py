"""The rules for orchestrators."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.hookspecs.orchestrator import RunReport, StepResult, StepState
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.orchestrator_plans import PlanRules
from floe_plugins.testing.conformance.parts.orchestrator_runs import RunRules
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.steps import PAUSE, Notes

_RUN = """
def run(self, plan, select=()):
    began = time.monotonic()
    results = {}
    for step in self._in_order(self._selected(plan, select)):  # raises ValueError for an unknown name
        missing = [name for name in step.needs if name in results and results[name].state is not SUCCEEDED]
        results[step.name] = self._skipped(step, missing) if missing else self._attempt(step)
    return RunReport(results, time.monotonic() - began)
"""
_ATTEMPT = """
def _attempt(self, step):
    began, error = time.monotonic(), ""
    for attempt in range(1, step.retries + 2):
        try:
            step.run()
            return StepResult(step.name, StepState.SUCCEEDED, time.monotonic() - began, attempt)
        except Exception as caught:
            error = f"{type(caught).__name__}: {caught}"
    return StepResult(step.name, StepState.FAILED, time.monotonic() - began, attempt, error)
"""
_SKIPPED = """
def _skipped(self, step, missing):
    return StepResult(step.name, StepState.SKIPPED, 0.0, 0, f"it needs {', '.join(missing)}")
"""


class OrchestratorConformance(PlanRules, RunRules, PluginConformance):
    """The rules for ``OrchestratorPlugin``. They bring the steps with them.

    >>> from floe_plugins.testing import OrchestratorConformance
    >>> class TestAcme(OrchestratorConformance):
    ...     plugin = ...  # your class

    Attributes:
        schedule: the times at which an exported plan is run.
    """

    @rule(_RUN)
    def test_running_returns_a_report(self) -> None:
        """``run`` returns a ``RunReport``: a mapping of names to ``StepResult``."""
        with self.started() as plugin:
            report = self.run_steps(plugin, Notes().step("one"))
            self.expect(isinstance(report, RunReport), f"run returned {shown(report)}")
            right = isinstance(report.steps, Mapping) and all(
                isinstance(result, StepResult) for result in report.steps.values()
            )
            self.expect(right, f"the steps of the report are {shown(report.steps)}")

    @rule(_RUN)
    def test_every_step_runs(self) -> None:
        """``run`` runs all steps of the plan, each once."""
        notes = Notes()
        with self.started() as plugin:
            self.run_steps(plugin, *(notes.step(name) for name in ("one", "two", "three")))
            self.expect(sorted(notes.ran) == ["one", "three", "two"], f"of one, two and three ran {shown(notes.ran)}")

    @rule(_RUN)
    def test_steps_run_in_order(self) -> None:
        """``Step.needs`` are the steps that must succeed first."""
        notes = Notes()
        steps = [notes.step("d", ["b", "c"]), notes.step("c", ["a"]), notes.step("b", ["c"]), notes.step("a")]
        with self.started() as plugin:
            self.run_steps(plugin, *steps)
            self.expect(notes.ran == ["a", "c", "b", "d"], f"the order was {shown(notes.ran)}, expected a, c, b, d")

    @rule(_RUN)
    def test_running_waits_for_the_end(self) -> None:
        """``run`` waits until the steps have ended."""
        notes = Notes()
        with self.started() as plugin:
            self.run_steps(plugin, notes.step("one", seconds=PAUSE), notes.step("last", ["one"], seconds=PAUSE))
            self.expect("last" in notes.ended, f"run has returned, and only {shown(notes.ended)} have ended")

    @rule(_RUN)
    def test_steps_run_in_this_process(self) -> None:
        """``Step.run`` is called in the process that runs the plan."""
        notes = Notes()
        with self.started() as plugin:
            self.run_steps(plugin, notes.step("one"))
            # In another process it notes in a copy.
            self.expect(notes.processes == {os.getpid()}, "the step did not run in the process that called run")

    @rule(_RUN)
    def test_each_step_has_a_result(self) -> None:
        """``RunReport.steps`` has the result of each step, by its name."""
        notes = Notes()
        steps = [notes.step("one"), notes.step("two", fails=9), notes.step("last", ["two"])]
        with self.started() as plugin:
            found = {name: result.name for name, result in self.run_steps(plugin, *steps).steps.items()}
            self.expect(found == {name: name for name in ("one", "two", "last")}, f"results are {shown(found)}")

    @rule(_ATTEMPT)
    def test_a_step_that_returns_has_succeeded(self) -> None:
        """A step that returns has the state ``SUCCEEDED``, one attempt and no error."""
        with self.started() as plugin:
            result = self.run_steps(plugin, Notes().step("one")).steps["one"]
            seen = (result.state, result.attempts, result.error)
            self.expect(seen == (StepState.SUCCEEDED, 1, ""), f"the result is {shown(result)}")

    @rule(_ATTEMPT)
    def test_an_exception_is_reported(self) -> None:
        """An exception of a step is reported, not raised: its state is ``FAILED``, and the run is not ``ok``."""
        with self.started() as plugin:
            report = self.run_steps(plugin, Notes().step("one", fails=9))
            self.expect(report.steps["one"].state is StepState.FAILED, f"the result is {shown(report.steps['one'])}")
            self.expect(not report.ok, "a step failed, and report.ok is true")

    @rule(_ATTEMPT)
    def test_an_error_is_its_type_and_its_message(self) -> None:
        """``StepResult.error`` is the last exception as ``Type: message``."""
        with self.started() as plugin:
            error = self.run_steps(plugin, Notes().step("one", fails=9, retries=1)).steps["one"].error
            self.expect(error == "ValueError: attempt 2", f"it is {shown(error)}, expected 'ValueError: attempt 2'")

    @rule(_RUN)
    def test_what_follows_a_failed_step_is_skipped(self) -> None:
        """The steps that need a failed one are skipped: directly, and through others."""
        notes = Notes()
        steps = [notes.step("one", fails=9), notes.step("two", ["one"]), notes.step("three", ["two"])]
        with self.started() as plugin:
            results = self.run_steps(plugin, *steps).steps
            self.expect(set(notes.ran) == {"one"}, f"one failed, and these ran: {shown(notes.ran)}")
            states = [results[name].state for name in ("two", "three")]
            self.expect(states == [StepState.SKIPPED] * 2, f"the states of what needs one are {shown(states)}")

    @rule(_SKIPPED)
    def test_a_skipped_step_has_no_attempts(self) -> None:
        """``StepResult.attempts`` is 0 if the step was skipped."""
        notes = Notes()
        with self.started() as plugin:
            found = self.run_steps(plugin, notes.step("one", fails=9), notes.step("two", ["one"])).steps["two"]
            self.expect(found.attempts == 0, f"the result of the skipped step is {shown(found)}")

    @rule(_SKIPPED)
    def test_a_skipped_step_says_why(self) -> None:
        """``StepResult.error`` says why a step was skipped."""
        notes = Notes()
        with self.started() as plugin:
            found = self.run_steps(plugin, notes.step("one", fails=9), notes.step("two", ["one"])).steps["two"]
            self.expect(found.error, f"the result of the skipped step is {shown(found)}")

    @rule(_RUN)
    def test_what_follows_no_failed_step_runs(self) -> None:
        """Only the steps that need a failed one are skipped."""
        notes = Notes()
        with self.started() as plugin:
            self.run_steps(plugin, notes.step("one", fails=9), notes.step("two"), notes.step("three", ["two"]))
            self.expect({"two", "three"} <= set(notes.ended), f"one failed, and of the others ran {shown(notes.ended)}")

    @rule(_ATTEMPT)
    def test_a_step_is_repeated(self) -> None:
        """``Step.retries`` is how often the step is repeated if it raises; ``attempts`` how often it was run."""
        with self.started() as plugin:
            found = self.run_steps(plugin, Notes().step("one", fails=2, retries=2)).steps["one"]
            seen = (found.state, found.attempts)
            self.expect(seen == (StepState.SUCCEEDED, 3), f"after two failures and a success it is {shown(found)}")

    @rule(_ATTEMPT)
    def test_a_step_is_not_repeated_for_ever(self) -> None:
        """A step is repeated no more often than ``Step.retries``, and not once it has succeeded."""
        notes = Notes()
        with self.started() as plugin:
            for name, fails, retries in (("one", 9, 1), ("two", 0, 2), ("three", 9, 0)):
                self.run_steps(plugin, notes.step(name, fails=fails, retries=retries))
            counts = [notes.ran.count(name) for name in ("one", "two", "three")]
            self.expect(
                counts == [2, 1, 1], f"they ran {counts} times: with 1 retry, with 2 that it does not need, and 0"
            )

    @rule(_ATTEMPT)
    def test_the_time_of_a_step_is_said(self) -> None:
        """``StepResult.seconds`` is the time from the first attempt to the end of the last one."""
        step = Notes().step("one", fails=1, retries=1, seconds=PAUSE)
        with self.started() as plugin:
            began = time.perf_counter()
            found = self.run_steps(plugin, step).steps["one"].seconds
            passed = time.perf_counter() - began
            # Clocks differ by their resolution.
            self.expect(2 * PAUSE * 0.9 <= found <= passed + PAUSE, f"it is {found:.3f} s, of {passed:.3f} s for all")

    @rule(_RUN)
    def test_the_time_of_a_run_is_said(self) -> None:
        """``RunReport.seconds`` is how long the run took."""
        notes = Notes()
        with self.started() as plugin:
            began = time.perf_counter()
            found = self.run_steps(plugin, notes.step("one", seconds=PAUSE), notes.step("two", ["one"], seconds=PAUSE))
            passed = time.perf_counter() - began
            right = 2 * PAUSE * 0.9 <= found.seconds <= passed + PAUSE
            self.expect(right, f"it is {found.seconds:.3f} s, and {passed:.3f} s passed")

    @rule(_RUN)
    def test_only_the_selected_steps_run(self) -> None:
        """``run`` runs only the selected steps, if some are selected."""
        notes = Notes()
        steps = [notes.step("one"), notes.step("two", ["one"]), notes.step("three", ["two"])]
        with self.started() as plugin:
            self.run_steps(plugin, *steps, select=["three", "one"])
            self.expect(notes.ran == ["one", "three"], f"with one and three selected, {shown(notes.ran)} ran")

    @rule(_RUN)
    def test_a_selection_keeps_the_order(self) -> None:
        """A selected step runs after those that it needs, also through steps that are not selected, or is skipped."""
        for select in (["a", "b"], ["a", "c"]):
            for order in ("cba", "abc"):
                for fails in (0, 9):
                    notes = Notes()
                    steps = {"a": notes.step("a", fails=fails), "b": notes.step("b", "a"), "c": notes.step("c", "b")}
                    with self.started() as plugin:
                        self.run_steps(plugin, *(steps[name] for name in order), select=select)
                    ran = [name for name in dict.fromkeys(notes.ran) if name in select]
                    seen = f"b needs a, c needs b, {select} are selected, {'a fails, ' if fails else ''}and {ran} ran"
                    self.expect(ran == (["a"] if fails else select), seen)

    @rule(_RUN)
    def test_a_run_is_judged_by_the_selected_steps(self) -> None:
        """``RunReport.ok`` is whether all selected steps succeeded; others have no part in the report."""
        notes = Notes()
        with self.started() as plugin:
            report = self.run_steps(plugin, notes.step("one", fails=9), notes.step("two"), select=["two"])
            self.expect(list(report.steps) == ["two"], f"with two selected, the report has {shown(list(report.steps))}")
            self.expect(report.ok, "all selected steps succeeded, and report.ok is false")

    @rule(_RUN)
    def test_a_selected_step_has_to_be_there(self) -> None:
        """``run`` raises ``ValueError`` if the plan has no step of a selected name."""
        with self.started() as plugin, self.raises(ValueError, "run with a name that no step has"):
            self.run_steps(plugin, Notes().step("one"), select=["one", "on"])

    @rule(_RUN)
    def test_nothing_runs_if_a_selected_step_is_not_there(self) -> None:
        """If ``run`` raises ``ValueError`` for a selected name, no step has run."""
        notes = Notes()
        with self.started() as plugin:
            with contextlib.suppress(ValueError):
                self.run_steps(plugin, notes.step("one"), select=["one", "conformance-unknown"])
            self.expect(not notes.ran, f"run refused the selection, and ran {shown(notes.ran)}")

    @rule(_RUN)
    def test_a_plan_can_be_run_again(self) -> None:
        """``run`` runs all steps of the plan each time that it is called."""
        notes = Notes()
        with self.started() as plugin:
            plan = plugin.build([notes.step("one")])
            for _ in range(2):
                plugin.run(plan)
            self.expect(notes.ran == ["one"] * 2, f"the plan was run twice, and the step {len(notes.ran)} times")

    @rule(_RUN)
    def test_several_threads_run_at_once(self) -> None:
        """``run`` may be called from several threads: each gets the report of its own run."""
        notes = Notes()
        with self.started() as plugin:

            def running(name: str) -> Callable[[], Any]:
                steps = [notes.step(f"{name}-{number}", seconds=PAUSE / 3) for number in range(3)]
                plan = plugin.build(steps)
                return lambda: sorted(plugin.run(plan).steps)

            names = ["a", "b", "c"]
            found = self.together([running(name) for name in names])
            wanted = [[f"{name}-{number}" for number in range(3)] for name in names]
            self.expect(found == wanted, f"three plans were run at once, and the reports have {shown(found)}")
