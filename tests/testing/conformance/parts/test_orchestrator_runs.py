"""A correct orchestrator of API 1.1 keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import faulty_runs
from conformance_suite import RulesOfNewerApi
from testing.conformance.test_orchestrator import DemoConformance, DemoOrchestrator

from floe_plugins.hookspecs import InThread, RunReport, StepCall


class NewOrchestrator(DemoOrchestrator):
    """The orchestrator with the hooks of API 1.1."""

    floe_api_version = "1.1"
    run_class: type[InThread[Any]] = InThread

    def submit(self, plan, select=()):
        self.check_selection(plan, select)
        ending = threading.Event()
        return self.run_class(lambda: self.work(plan, select, ending), "a run", ending.set)

    def work(self, plan, select, ending):
        results = self.results()
        for step in self.selected(plan, select):
            if not ending.is_set():
                self.one(step, results)
        return RunReport(results, 0.0)

    def place(self, step):
        if isinstance(step.run, StepCall):
            return [step.run.path, dict(step.run.arguments)]
        return super().place(step)


class NewConformance(DemoConformance):
    plugin = NewOrchestrator


class Lookalike(NewOrchestrator):
    def submit(self, plan, select=()):
        return faulty_runs.Lookalike(super().submit(plan, select))


class RaisesWhatFailed(NewOrchestrator):
    def work(self, plan, select, ending):
        report = super().work(plan, select, ending)
        for result in report.steps.values():
            if result.error:
                raise ValueError(result.error)
        return report


class SubmitsAll(NewOrchestrator):
    def work(self, plan, select, ending):
        return super().work(plan, (), ending)


class FailsLater(NewOrchestrator):
    def check_selection(self, plan, select):
        if threading.current_thread().name.startswith("floe"):
            super().check_selection(plan, select)


class OneId(NewOrchestrator):
    run_class = faulty_runs.OneId


class NeverRuns(NewOrchestrator):
    run_class = faulty_runs.NeverRuns


class EndsWithPatience(NewOrchestrator):
    run_class = faulty_runs.EndsWithPatience


class GoesOn(NewOrchestrator):
    def work(self, plan, select, ending):
        return super().work(plan, select, threading.Event())


class CallsNothing(NewOrchestrator):
    def attempt(self, step):
        is_call = isinstance(step.run, StepCall)
        return super().attempt(attrs.evolve(step, run=lambda: None) if is_call else step)


class ForgetsArguments(NewOrchestrator):
    def place(self, step):
        return step.run.path if isinstance(step.run, StepCall) else super().place(step)


FAULTY: dict[str, type[Any]] = {
    "test_a_submitted_run_gives_its_report": Lookalike,
    "test_a_failing_step_is_in_the_report_of_a_submitted_run": RaisesWhatFailed,
    "test_selected_steps_alone_are_submitted": SubmitsAll,
    "test_a_submitted_selection_has_to_be_there": FailsLater,
    "test_a_run_has_an_id_of_its_own": OneId,
    "test_submitting_returns_while_the_run_goes_on": NeverRuns,
    "test_a_run_is_waited_for_no_longer_than_asked": EndsWithPatience,
    "test_no_step_begins_after_a_run_was_cancelled": GoesOn,
    "test_a_step_by_its_import_path_is_run": CallsNothing,
    "test_a_step_by_its_import_path_can_be_exported": ForgetsArguments,
}


class TestRuns(RulesOfNewerApi):
    new = NewConformance
    old = DemoConformance
    faulty = FAULTY
