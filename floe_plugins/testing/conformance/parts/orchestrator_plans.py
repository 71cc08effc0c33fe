"""What the rules for orchestrators share, and the rules for building and exporting plans."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from floe_plugins.hookspecs.orchestrator import Plan, Schedule, Step
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.steps import Notes, importable

_BUILD = """
def build(self, steps):
    self._check(steps)  # raises ValueError for names that are taken, needs that are missing, and cycles
    return Plan(tuple(steps), native=self._engine.job(steps))
"""
_EXPORT = """
def export(self, plan, directory, schedules=()):
    text = self._source_of(plan.steps, schedules)  # raises ValueError for a function without a name
    main = directory / "definitions.py"
    main.write_text(text, encoding="utf-8")
    return main
"""


class PlanCase(Case):
    """What all rules for orchestrators work with."""

    schedule: Schedule = Schedule("conformance_nightly", "17 3 * * *", "Europe/Berlin")

    def use(self, plugin: Any) -> None:
        """Run plans, also one that fails, in each way that the orchestrator has, and export one."""
        for fails in (0, 9):
            self.run_steps(plugin, Notes().step("one", fails=fails))
            with contextlib.suppress(Exception):
                plugin.submit(plugin.build([Notes().step("one", fails=fails)])).result(self.seconds)
        plugin.export(plugin.build(importable()), self.scratch)

    @staticmethod
    def run_steps(plugin: Any, *steps: Step, select: Sequence[str] = ()) -> Any:
        """Build a plan of these steps, and run it."""
        return plugin.run(plugin.build(steps), select)


class PlanRules(PlanCase):
    """The rules for ``build`` and ``export``."""

    def _refuses(self, what: str, *steps: Step) -> None:
        with self.started() as plugin, self.raises(ValueError, f"build with {what}"):
            plugin.build(steps)

    @rule(_BUILD)
    def test_building_returns_a_plan(self) -> None:
        """``build`` returns a ``Plan``."""
        with self.started() as plugin:
            plan = plugin.build([Notes().step("one")])
            self.expect(isinstance(plan, Plan), f"build returned {shown(plan)}")

    @rule(_BUILD)
    def test_a_plan_has_its_steps(self) -> None:
        """``Plan.steps`` is a tuple of the steps."""
        notes = Notes()
        steps = [notes.step("two", ["one"]), notes.step("one")]
        with self.started() as plugin:
            found = plugin.build(steps).steps
            right = isinstance(found, tuple) and sorted(found, key=_name) == sorted(steps, key=_name)
            self.expect(right, f"the steps of the plan are {shown(found)}")

    @rule(_BUILD)
    def test_building_runs_nothing(self) -> None:
        """``build`` runs nothing."""
        notes = Notes()
        with self.started() as plugin:
            plugin.build([notes.step("one"), notes.step("two", ["one"])])
            self.expect(not notes.ran, f"build ran {shown(notes.ran)}")

    @rule(_BUILD)
    def test_names_are_unique(self) -> None:
        """``build`` raises ``ValueError`` if two steps have the same name."""
        notes = Notes()
        self._refuses("two steps of one name", notes.step("one"), notes.step("two"), notes.step("one"))

    @rule(_BUILD)
    def test_a_step_that_is_needed_has_to_be_there(self) -> None:
        """``build`` raises ``ValueError`` if a step that another one needs is missing."""
        notes = Notes()
        self._refuses("a step whose need is missing", notes.step("one"), notes.step("two", ["one", "three"]))

    @rule(_BUILD)
    def test_a_cycle_is_no_plan(self) -> None:
        """``build`` raises ``ValueError`` if steps need each other in a cycle."""
        notes = Notes()
        self._refuses("a step that needs itself", notes.step("one", ["one"]))
        around = [notes.step("one", ["three"]), notes.step("two", ["one"]), notes.step("three", ["two"])]
        self._refuses("three steps in a cycle", notes.step("zero"), *around)

    def _exported(self, plugin: Any, *schedules: Schedule) -> dict[str, str]:
        """The content of what is exported, by name."""
        directory = self.scratch / f"exported-{len(schedules)}"
        directory.mkdir()
        plugin.export(plugin.build(importable()), directory, schedules)
        files = [path for path in directory.rglob("*") if path.is_file()]
        return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in files}

    @rule(_EXPORT)
    def test_exporting_returns_the_main_file(self) -> None:
        """``export`` returns the main file: a ``Path`` in the directory."""
        with self.started() as plugin:
            found = plugin.export(plugin.build(importable()), self.scratch)
            right = isinstance(found, Path) and found.is_file() and self.scratch in found.parents
            self.expect(right, f"export returned {shown(found)}")

    @rule(_EXPORT)
    def test_an_exported_plan_has_all_steps(self) -> None:
        """``export`` writes the files from which the server of the engine loads the plan, so with all its steps."""
        with self.started() as plugin:
            text = "\n".join(self._exported(plugin).values())
            lacks = [step.name for step in importable() if step.name not in text]
            self.expect(not lacks, f"no file names {shown(lacks)}")

    @rule(_EXPORT)
    def test_schedules_are_exported(self) -> None:
        """``export`` writes the schedules: their cron expressions and time zones."""
        with self.started() as plugin:
            text = "\n".join(self._exported(plugin, self.schedule).values())
            lacks = [part for part in (self.schedule.cron, self.schedule.timezone) if part not in text]
            self.expect(not lacks, f"no file has {shown(lacks)} of the schedule")

    @rule(_EXPORT)
    def test_a_step_that_cannot_be_imported_is_not_exported(self) -> None:
        """``export`` raises ``ValueError`` if the function of a step cannot be imported by name."""
        with self.started() as plugin:
            plan = plugin.build([*importable(), Notes().step("here")])
            with self.raises(ValueError, "export with a function that is defined in another"):
                plugin.export(plan, self.scratch)


def _name(step: Step) -> str:
    return step.name
