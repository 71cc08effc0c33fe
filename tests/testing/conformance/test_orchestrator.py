"""A correct orchestrator keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import functools
import graphlib
import json
import threading
import time
import unittest.mock
from typing import Any

import attrs
import pytest
from conformance_suite import broken, conformance

from floe_plugins import OrchestratorPlugin
from floe_plugins.hookspecs.orchestrator import Plan, RunReport, StepResult, StepState
from floe_plugins.testing import OrchestratorConformance


class DemoOrchestrator(OrchestratorPlugin):
    name = "demo"
    version = "1.0"
    floe_api_version = "1.0"

    def build(self, steps):
        self.check_names(steps)
        self.check_needs(steps)
        self.check_cycles(steps)
        return Plan(tuple(steps))

    def check_names(self, steps):
        if len({step.name for step in steps}) < len(steps):
            raise ValueError("two steps have one name")

    def check_needs(self, steps):
        if {need for step in steps for need in step.needs} - {step.name for step in steps}:
            raise ValueError("a step is missing")

    def check_cycles(self, steps):
        try:
            self.order(steps)
        except graphlib.CycleError as error:
            raise ValueError("steps need each other") from error

    def order(self, steps):
        by_name = {step.name: step for step in steps}
        names = graphlib.TopologicalSorter({step.name: step.needs for step in steps}).static_order()
        return [by_name[name] for name in names if name in by_name]

    def run(self, plan, select=()):
        began = time.perf_counter()
        results = self.results()
        for step in self.selected(plan, select):
            self.one(step, results)
        return self.report(results, time.perf_counter() - began)

    def results(self):
        return {}

    def report(self, results, seconds):
        return RunReport(results, seconds)

    def selected(self, plan, select):
        self.check_selection(plan, select)
        ordered = self.order(plan.steps)
        if not select:
            return ordered
        needs: dict[str, list[str]] = {}
        for step in ordered:
            needs[step.name] = [*step.needs, *(each for name in step.needs for each in needs[name])]
        return [attrs.evolve(step, needs=needs[step.name]) for step in ordered if step.name in select]

    def check_selection(self, plan, select):
        if set(select) - {step.name for step in plan.steps}:
            raise ValueError("no such step")

    def one(self, step, results):
        missing = [need for need in step.needs if need in results and results[need].state is not StepState.SUCCEEDED]
        results[step.name] = self.skipped(step, missing) if missing else self.attempt(step)

    def skipped(self, step, missing):
        return StepResult(step.name, StepState.SKIPPED, 0.0, 0, f"it needs {missing[0]}")

    def attempt(self, step):
        began, attempt, error = time.perf_counter(), 0, ""
        for attempt in range(1, step.retries + 2):
            try:
                step.run()
            except Exception as caught:  # noqa: BLE001 reported
                error = f"{type(caught).__name__}: {caught}"
            else:
                return StepResult(step.name, StepState.SUCCEEDED, time.perf_counter() - began, attempt)
        return StepResult(step.name, StepState.FAILED, time.perf_counter() - began, attempt, error)

    def export(self, plan, directory, schedules=()):
        main = directory / "plan.json"
        main.write_text(json.dumps(self.exported(plan, schedules)), encoding="utf-8")
        return main

    def exported(self, plan, schedules):
        return {
            "steps": {step.name: self.place(step) for step in plan.steps},
            "schedules": [[schedule.name, schedule.cron, schedule.timezone] for schedule in schedules],
        }

    def place(self, step):
        if "<locals>" in step.run.__qualname__:
            raise ValueError("the function cannot be imported")
        return f"{step.run.__module__}:{step.run.__qualname__}"


class DemoConformance(OrchestratorConformance):
    plugin = DemoOrchestrator


class ReturnsATuple(DemoOrchestrator):
    class Steps(tuple):  # type: ignore[type-arg]
        __slots__ = ()
        steps = property(tuple)

    def build(self, steps):
        return self.Steps(super().build(steps).steps)


class KeepsAList(DemoOrchestrator):
    def build(self, steps):
        return Plan(list(super().build(steps).steps))  # type: ignore[arg-type]


class RunsAtOnce(DemoOrchestrator):
    """Runs the first step when it builds; and not again, so that each step is run once."""

    def build(self, steps):
        plan = super().build(steps)
        if [step.needs for step in steps] != [(), ("one",)] or steps[0].name != "one":
            return plan
        done = self.attempt(steps[0])
        return Plan(plan.steps, native=done)

    def run(self, plan, select=()):
        if plan.native is None:
            return super().run(plan, select)
        results = {"one": plan.native}
        self.one(plan.steps[1], results)
        return self.report(results, sum(result.seconds for result in results.values()))


class DropsTwins(DemoOrchestrator):
    def check_names(self, steps):
        pass


class DropsMissingNeeds(DemoOrchestrator):
    def check_needs(self, steps):
        pass


class BreaksCycles(DemoOrchestrator):
    def check_cycles(self, steps):
        pass


class ReturnsAMapping(DemoOrchestrator):
    class Report(dict):  # type: ignore[type-arg]
        def __getattr__(self, name):
            return getattr(self["report"], name)

    def report(self, results, seconds):
        return self.Report(report=RunReport(results, seconds))


class ForgetsTheThird(DemoOrchestrator):
    def selected(self, plan, select):
        chosen = super().selected(plan, select)
        return chosen if any(step.needs or "-" in step.name for step in chosen) else chosen[:2]


class KeepsTheOrderGiven(DemoOrchestrator):
    def selected(self, plan, select):
        return super().selected(plan, select) if select else plan.steps


class ReturnsEarly(DemoOrchestrator):
    def run(self, plan, select=()):
        if [step.name for step in plan.steps] != ["one", "last"]:
            return super().run(plan, select)
        threading.Thread(target=functools.partial(super().run, plan)).start()
        return RunReport({}, 0.0)


class RunsElsewhere(DemoOrchestrator):
    """As if a step that is alone ran in a process of its own."""

    def run(self, plan, select=()):
        if len(plan.steps) > 1:
            return super().run(plan, select)
        with unittest.mock.patch("os.getpid", return_value=0):
            return super().run(plan, select)


class DropsSkipped(DemoOrchestrator):
    def report(self, results, seconds):
        kept = {name: result for name, result in results.items() if name != "last" or result.attempts}
        return super().report(kept, seconds)


class CountsFromZero(DemoOrchestrator):
    def attempt(self, step):
        found = super().attempt(step)
        return attrs.evolve(found, attempts=0) if found.attempts == 1 else found


class Raises(DemoOrchestrator):
    def run(self, plan, select=()):
        report = super().run(plan, select)
        if len(plan.steps) == 1 and plan.steps[0].name == "one" and not plan.steps[0].retries and not report.ok:
            raise RuntimeError(report.steps["one"].error)
        return report


class ReportsTheFirstError(DemoOrchestrator):
    def attempt(self, step):
        found = super().attempt(step)
        return attrs.evolve(found, error=found.error and "ValueError: attempt 1")


class SkipsDirectNeedsOnly(DemoOrchestrator):
    def one(self, step, results):
        missing = [need for need in step.needs if need in results and results[need].state is StepState.FAILED]
        results[step.name] = self.skipped(step, missing) if missing else self.attempt(step)


class CountsSkipped(DemoOrchestrator):
    def skipped(self, step, missing):
        return attrs.evolve(super().skipped(step, missing), attempts=1)


class DoesNotSayWhy(DemoOrchestrator):
    def skipped(self, step, missing):
        return attrs.evolve(super().skipped(step, missing), error="")


class StopsAtTheFirstFailure(DemoOrchestrator):
    def one(self, step, results):
        failed = [name for name, result in results.items() if result.state is StepState.FAILED]
        results[step.name] = self.skipped(step, failed) if failed else self.attempt(step)


class RetriesOnce(DemoOrchestrator):
    def attempt(self, step):
        return super().attempt(attrs.evolve(step, retries=min(step.retries, 1)))


class RetriesAlways(DemoOrchestrator):
    def attempt(self, step):
        return super().attempt(step if step.retries else attrs.evolve(step, retries=1))


class TimesTheLastAttempt(DemoOrchestrator):
    def attempt(self, step):
        found = super().attempt(step)
        return attrs.evolve(found, seconds=found.seconds / max(found.attempts, 1))


class TimesNothing(DemoOrchestrator):
    def report(self, results, seconds):
        return super().report(results, 0.0)


class RunsWhatIsNeeded(DemoOrchestrator):
    def selected(self, plan, select):
        names = {*select, *(need for step in plan.steps if step.name in select for need in step.needs)}
        return super().selected(plan, tuple(names))


class ForgetsWhatIsBetween(DemoOrchestrator):
    def selected(self, plan, select):
        by_name = {step.name: step for step in plan.steps}
        return [by_name[step.name] for step in super().selected(plan, select)]


class ReportsTheOthers(DemoOrchestrator):
    def run(self, plan, select=()):
        report = super().run(plan, select)
        others = {step.name: self.skipped(step, ["a selection"]) for step in plan.steps}
        return RunReport({**others, **report.steps}, report.seconds)


class IgnoresUnknownNames(DemoOrchestrator):
    def check_selection(self, plan, select):
        if "conformance-unknown" in select:
            super().check_selection(plan, select)


class ChecksAfterwards(DemoOrchestrator):
    def selected(self, plan, select):
        known = [name for name in select if name in {step.name for step in plan.steps}]
        return super().selected(plan, known)

    def run(self, plan, select=()):
        report = super().run(plan, select)
        self.check_selection(plan, select)
        return report


class RunsOnce(DemoOrchestrator):
    def startup(self):
        self.done = {}

    def run(self, plan, select=()):
        if id(plan) not in self.done:
            self.done[id(plan)] = (plan, super().run(plan, select))
        return self.done[id(plan)][1]


class SharesResults(DemoOrchestrator):
    def results(self):
        self.shared = {}
        return self.shared

    def report(self, results, seconds):
        return super().report(self.shared, seconds)


class ReturnsText(DemoOrchestrator):
    def export(self, plan, directory, schedules=()):
        return str(super().export(plan, directory, schedules))


class ExportsTheFirst(DemoOrchestrator):
    def exported(self, plan, schedules):
        found = super().exported(plan, schedules)
        name = next(iter(found["steps"]))
        return {**found, "steps": {name: found["steps"][name]}}


class ExportsNoTimeZone(DemoOrchestrator):
    def exported(self, plan, schedules):
        return super().exported(plan, [attrs.evolve(schedule, timezone="UTC") for schedule in schedules])


class ExportsAnything(DemoOrchestrator):
    def place(self, step):
        return f"{step.run.__module__}:{step.run.__qualname__}"


FAULTY: dict[str, type[Any]] = {
    "test_building_returns_a_plan": ReturnsATuple,
    "test_a_plan_has_its_steps": KeepsAList,
    "test_building_runs_nothing": RunsAtOnce,
    "test_names_are_unique": DropsTwins,
    "test_a_step_that_is_needed_has_to_be_there": DropsMissingNeeds,
    "test_a_cycle_is_no_plan": BreaksCycles,
    "test_running_returns_a_report": ReturnsAMapping,
    "test_every_step_runs": ForgetsTheThird,
    "test_steps_run_in_order": KeepsTheOrderGiven,
    "test_running_waits_for_the_end": ReturnsEarly,
    "test_steps_run_in_this_process": RunsElsewhere,
    "test_each_step_has_a_result": DropsSkipped,
    "test_a_step_that_returns_has_succeeded": CountsFromZero,
    "test_an_exception_is_reported": Raises,
    "test_an_error_is_its_type_and_its_message": ReportsTheFirstError,
    "test_what_follows_a_failed_step_is_skipped": SkipsDirectNeedsOnly,
    "test_a_skipped_step_has_no_attempts": CountsSkipped,
    "test_a_skipped_step_says_why": DoesNotSayWhy,
    "test_what_follows_no_failed_step_runs": StopsAtTheFirstFailure,
    "test_a_step_is_repeated": RetriesOnce,
    "test_a_step_is_not_repeated_for_ever": RetriesAlways,
    "test_the_time_of_a_step_is_said": TimesTheLastAttempt,
    "test_the_time_of_a_run_is_said": TimesNothing,
    "test_only_the_selected_steps_run": RunsWhatIsNeeded,
    "test_a_selection_keeps_the_order": ForgetsWhatIsBetween,
    "test_a_run_is_judged_by_the_selected_steps": ReportsTheOthers,
    "test_a_selected_step_has_to_be_there": IgnoresUnknownNames,
    "test_nothing_runs_if_a_selected_step_is_not_there": ChecksAfterwards,
    "test_a_plan_can_be_run_again": RunsOnce,
    "test_several_threads_run_at_once": SharesResults,
    "test_exporting_returns_the_main_file": ReturnsText,
    "test_an_exported_plan_has_all_steps": ExportsTheFirst,
    "test_schedules_are_exported": ExportsNoTimeZone,
    "test_a_step_that_cannot_be_imported_is_not_exported": ExportsAnything,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(DemoConformance) == {}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(DemoConformance, FAULTY[rule]))) == [rule]
