"""The rules for orchestrators of API 1.1: runs that are submitted, and steps by their import path."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from floe_plugins.errors import CancelledOperationError, UnsupportedOperationError
from floe_plugins.hookspecs.orchestrator import RunReport, Step, StepCall, StepState
from floe_plugins.hookspecs.running import Running, RunState
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.steps import Notes

_SUBMIT = """
def submit(self, plan, select=()):
    self._check(plan, select)  # raises ValueError
    ending = threading.Event()
    return InThread(lambda: self._run(plan, select, ending), f"a run of {self.name}", interrupt=ending.set)
"""
_CALL = """
def run(self, plan, select=()):
    for step in self._in_order(plan, select):
        step.run()  # also a StepCall: it imports its function and calls it
"""


class RunRules(Case):
    """The rules for ``submit``, for orchestrators that have it, and for steps by their import path."""

    @contextmanager
    def submitting(self) -> Generator[Any, None, None]:
        """Give the plugin if it implements ``submit``."""
        self.needs("submit")
        with self.started() as plugin:
            yield plugin

    @rule(_SUBMIT)
    def test_a_submitted_run_gives_its_report(self) -> None:
        """``submit`` returns a run whose ``result`` is the ``RunReport``."""
        with self.submitting() as plugin:
            run = plugin.submit(plugin.build([Notes().step("one")]))
            self.expect(isinstance(run, Running), f"submit() returned {shown(run)}")
            report = run.result(self.seconds)
            self.expect(isinstance(report, RunReport) and report.ok, f"its result is {shown(report)}")

    @rule(_SUBMIT)
    def test_a_failing_step_is_in_the_report_of_a_submitted_run(self) -> None:
        """An exception of a step is reported by ``result``, not raised."""
        with self.submitting() as plugin:
            report = plugin.submit(plugin.build([Notes().step("one", fails=9)])).result(self.seconds)
            found = report.steps["one"].state
            self.expect(found is StepState.FAILED and not report.ok, f"of a step that failed the state is {found}")

    @rule(_SUBMIT)
    def test_selected_steps_alone_are_submitted(self) -> None:
        """``submit`` begins a run of the selected steps, if some are selected."""
        notes = Notes()
        with self.submitting() as plugin:
            plan = plugin.build([notes.step("one"), notes.step("two")])
            plugin.submit(plan, ["two"]).result(self.seconds)
            self.expect(notes.ran == ["two"], f"with two selected, {shown(notes.ran)} ran")

    @rule(_SUBMIT)
    def test_a_submitted_selection_has_to_be_there(self) -> None:
        """``submit`` raises ``ValueError`` if the plan has no step of a selected name."""
        with self.submitting() as plugin:
            plan = plugin.build([Notes().step("one")])
            with self.raises(ValueError, "submit with a name that no step has"):
                plugin.submit(plan, ["one", "on"])

    @rule(_SUBMIT)
    def test_a_run_has_an_id_of_its_own(self) -> None:
        """The ``id`` of a run is a text, and unique."""
        with self.submitting() as plugin:
            plan = plugin.build([Notes().step("one")])
            runs = [plugin.submit(plan) for _ in range(2)]
            found = [run.id for run in runs]
            for run in runs:
                run.result(self.seconds)
            right = all(isinstance(each, str) and each for each in found) and len(set(found)) == len(found)
            self.expect(right, f"two runs have the ids {shown(found)}")

    @contextmanager
    def _waiting(self) -> Generator[tuple[Any, threading.Event, list[str]], None, None]:
        """Give a run whose first step waits for the event, and what ran after it."""
        entered, leaving = threading.Event(), threading.Event()
        after: list[str] = []

        def first() -> None:
            entered.set()
            leaving.wait(self.seconds / 2)

        with self.submitting() as plugin:
            plan = plugin.build([Step("first", first), Step("second", lambda: after.append("second"), ["first"])])
            run = plugin.submit(plan)
            try:
                entered.wait(self.seconds / 2)
                yield run, leaving, after
            finally:
                leaving.set()

    @rule(_SUBMIT)
    def test_submitting_returns_while_the_run_goes_on(self) -> None:
        """``submit`` returns while the run goes on: its state is ``RUNNING`` until the last step has ended."""
        with self._waiting() as (run, leaving, _):
            self.expect(run.state is RunState.RUNNING, f"while a step runs, the state is {shown(run.state)}")
            leaving.set()
            run.result(self.seconds)
            self.expect(run.state is RunState.SUCCEEDED, f"after its end the state is {shown(run.state)}")

    @rule(_SUBMIT)
    def test_a_run_is_waited_for_no_longer_than_asked(self) -> None:
        """``result`` raises ``TimeoutError`` if its ``timeout`` has passed; the run goes on."""
        with self._waiting() as (run, leaving, after):
            with self.raises(TimeoutError, "result(0.05) of a run that goes on"):
                run.result(0.05)
            leaving.set()
            run.result(self.seconds)
            self.expect(after, "after result(0.05) the next step did not run")

    @rule(_SUBMIT)
    def test_no_step_begins_after_a_run_was_cancelled(self) -> None:
        """After ``cancel`` no step begins, ``result`` raises ``CancelledOperationError``, and ``state`` says so."""
        with self._waiting() as (run, leaving, after):
            try:
                run.cancel()
            except UnsupportedOperationError:
                self.skip("the engine cannot cancel a run")
            leaving.set()
            with self.raises(CancelledOperationError, "result() of a run that was cancelled"):
                run.result(self.seconds)
            self.expect(run.state is RunState.CANCELLED, f"the state of a cancelled run is {shown(run.state)}")
            self.expect(not self.eventually(lambda: after, 0.1), "after cancel() the next step ran")

    @rule(_CALL)
    def test_a_step_by_its_import_path_is_run(self) -> None:
        """``Step.run`` may be a ``StepCall``: its function is imported, and called with its arguments."""
        self.since("1.1")
        target = self.scratch / "made"
        call = StepCall("os:mkdir", {"path": str(target)})
        with self.started() as plugin:
            report = plugin.run(plugin.build([Step("one", call)]))
            self.expect(report.ok and target.is_dir(), f"os.mkdir was to be called; the report is {shown(report)}")

    @rule(_CALL)
    def test_a_step_by_its_import_path_can_be_exported(self) -> None:
        """``export`` writes the import path and the arguments of a ``StepCall``."""
        self.since("1.1")
        call = StepCall("os.path:basename", {"p": "conformance-argument"})
        with self.started() as plugin:
            plugin.export(plugin.build([Step("one", call)]), self.scratch)
            files = [path for path in self.scratch.rglob("*") if path.is_file()]
            text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
            lacks = [part for part in ("os.path", "basename", "conformance-argument") if part not in text]
            self.expect(not lacks, f"no file has {shown(lacks)} of the step")
