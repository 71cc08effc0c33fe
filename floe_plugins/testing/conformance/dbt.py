"""The rules for dbt runners."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from floe_plugins.errors import PluginUnavailableError
from floe_plugins.hookspecs.dbt import DbtNodeResult, DbtReport
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.dbt_projects import MODELS, TESTS, ArtifactRules, DbtCase, NodeRules, names
from floe_plugins.testing.conformance.rule import rule, shown

_BUILD = """
def build(self, project, select=(), exclude=(), full_refresh=False):
    with self._process_wide_lock:
        nodes = self._selected(self._read(project), select, exclude)  # raises ValueError before a node runs
        with self.registry.one(ComputePlugin).lease():  # or release(), and again if another thread comes between
            try:
                results = self._run(nodes)  # raises PluginUnavailableError if another process has the database
            finally:
                self._close_the_database()
    ok = all(result.status in {"success", "pass"} for result in results)
    return DbtReport(ok, tuple(results), seconds)
"""
_TEST = """
def test(self, project, select=()):
    return self._report("test", project, select)  # the tests of the selected nodes, and no model
"""
_WRONG_SELECTIONS = (["conformance_unknown"], ["orders", "conformance_unknown"])
_FAILING = "select 1 as id, -10 as amount union all select 2 as id, -20 as amount"
_BROKEN = "select no_such_column from {{ ref('orders') }}"


def _statuses(report: DbtReport) -> dict[str, str]:
    return {names([result.unique_id])[0]: result.status for result in report.results}


class BuildRules(DbtCase):
    """The rules for ``build``."""

    def _refused(self, plugin: Any, project: Path) -> None:
        """Expect that no node was run."""
        found = sorted(plugin.artifacts(project))
        self.expect("run_results" not in found, f"a command that was refused ran nodes: there are {found}")

    @rule(_BUILD)
    def test_a_report_is_a_record(self) -> None:
        """``build`` returns a ``DbtReport`` with a tuple of ``DbtNodeResult``, and how long all of it took."""
        with self.started() as plugin:
            found = plugin.build(self.project())
            self.expect(isinstance(found, DbtReport), f"build returned {shown(found)}")
            right = type(found.results) is tuple and all(isinstance(one, DbtNodeResult) for one in found.results)
            self.expect(right, f"its results are {shown(found.results)}")
            right = type(found.ok) is bool and found.seconds >= max(one.seconds for one in found.results) >= 0
            self.expect(right, f"ok is {shown(found.ok)}, and it took {shown(found.seconds)}")

    @rule(_BUILD)
    def test_all_nodes_are_run_by_default(self) -> None:
        """``build`` runs and tests all nodes by default, and reports one result per node."""
        with self.started() as plugin:
            found = names(result.unique_id for result in plugin.build(self.project()).results)
            self.expect(found == sorted(MODELS | TESTS), f"of {sorted(MODELS | TESTS)} it ran {found}")

    @rule(_BUILD)
    def test_a_result_has_the_id_of_the_manifest(self) -> None:
        """``DbtNodeResult.unique_id`` is that of the node in the manifest."""
        with self.started() as plugin:
            project = self.project()
            manifest = plugin.parse(project)
            found = {result.unique_id for result in plugin.build(project).results}
            others = sorted(found - {*manifest.models, *manifest.tests, *manifest.depends_on})
            self.expect(not others, f"these are not in the manifest: {others}")

    @rule(_BUILD)
    def test_success_is_reported(self) -> None:
        """``DbtReport.ok`` says that dbt reports success; models that were built have ``success``, tests ``pass``."""
        with self.started() as plugin:
            report = plugin.build(self.project())
            found = _statuses(report)
            wanted = dict.fromkeys(MODELS, "success") | dict.fromkeys(TESTS, "pass")
            wrong = {name: status for name, status in found.items() if status != wanted.get(name, status)}
            self.expect(
                report.ok and not wrong, f"ok is {report.ok}, and of all nodes, which are right, {shown(found)}"
            )

    @rule(_BUILD)
    def test_what_was_built_is_in_the_database(self) -> None:
        """``build`` builds the models in the database of the compute plugin."""
        with self.started() as plugin:
            plugin.build(self.project())
            found = self.built(plugin, "totals")
            values = [list(row.values()) for row in found or ()]
            self.expect(values == [[30]], f"the model 'totals', which is 30, has the rows {shown(found)}")

    @rule(_BUILD)
    def test_selected_nodes_alone_are_run(self) -> None:
        """``build`` runs the selected nodes, and no others."""
        with self.started() as plugin:
            report = plugin.build(self.project(), ["colours", "orders"])
            found = sorted(set(_statuses(report)) & MODELS)
            self.expect(found == ["colours", "orders"], f"of the models 'colours' and 'orders' it ran {found}")

    @rule(_BUILD)
    def test_a_plus_selects_what_depends_on_a_node(self) -> None:
        """A selection is dbt's own: ``orders+`` also selects what depends on ``orders``, ``+totals`` what it needs."""
        with self.started() as plugin:
            for selected in ("orders+", "+totals"):
                found = sorted(set(_statuses(plugin.build(self.project(), [selected]))) & MODELS)
                self.expect(found == ["orders", "totals"], f"{selected!r} selected the models {found}")

    @rule(_BUILD)
    def test_excluded_nodes_are_not_run(self) -> None:
        """``build`` does not run the excluded nodes."""
        with self.started() as plugin:
            found = sorted(set(_statuses(plugin.build(self.project(), exclude=["colours"]))) & MODELS)
            self.expect(found == ["orders", "totals"], f"without 'colours' it ran the models {found}")

    @rule(_BUILD)
    def test_a_failing_model_is_reported(self) -> None:
        """A model that fails is reported with dbt's message, not raised, and ``ok`` is false."""
        with self.started() as plugin:
            report = plugin.build(self.project(totals=_BROKEN), exclude=["colours"])
            self.expect(report.ok is False, "a model failed, and ok is true")
            [result] = [one for one in report.results if names([one.unique_id]) == ["totals"]]
            right = result.status == "error" and "no_such_column" in result.message
            self.expect(right, f"of a model without the column no_such_column it has {shown(result)}")

    @rule(_BUILD)
    def test_what_depends_on_a_failure_is_skipped(self) -> None:
        """What depends on a node that failed is not run: its status is ``skipped``."""
        with self.started() as plugin:
            report = plugin.build(self.project(totals=_BROKEN, after="select * from {{ ref('totals') }}"))
            found = _statuses(report)
            right = found.get("after") == found.get("totals_are_large") == "skipped"
            self.expect(right, f"the model 'totals' failed, and what needs it has {shown(found)}")

    @rule(_BUILD)
    def test_a_failing_test_is_reported(self) -> None:
        """A test that fails is reported, not raised: its status is ``fail``, and ``ok`` is false."""
        with self.started() as plugin:
            report = plugin.build(self.project(orders=_FAILING), ["orders"])
            found = _statuses(report)
            right = found.get("orders_are_positive") == "fail" and report.ok is False
            self.expect(right, f"a test failed; ok is {report.ok}, and the nodes have {shown(found)}")

    @rule(_BUILD)
    def test_rows_that_fail_a_test_are_counted(self) -> None:
        """``DbtNodeResult.rows`` of a test is the number of rows that fail it."""
        with self.started() as plugin:
            results = plugin.build(self.project(orders=_FAILING), ["orders"]).results
            found = [result.rows for result in results if names([result.unique_id]) == ["orders_are_positive"]]
            self.expect(found == [2], f"of a test that 2 rows fail, rows is {found}")

    @rule(_BUILD)
    def test_what_cannot_be_parsed_is_not_built(self) -> None:
        """``build`` raises ``ValueError`` if the project cannot be parsed."""
        self.refuses("build")

    @rule(_BUILD)
    def test_an_invalid_selection_is_not_built(self) -> None:
        """``build`` raises ``ValueError`` if a part of the selection selects nothing. No node was run."""
        with self.started() as plugin:
            project = self.project()
            for wrong in _WRONG_SELECTIONS:
                with self.raises(ValueError, f"build(..., select={wrong})"):
                    plugin.build(project, wrong)
            self._refused(plugin, project)

    @rule(_BUILD)
    def test_an_invalid_exclusion_is_refused(self) -> None:
        """``build`` raises ``ValueError`` if a part of ``exclude`` selects nothing. No node was run."""
        with self.started() as plugin:
            project = self.project()
            for wrong in _WRONG_SELECTIONS:
                with self.raises(ValueError, f"build(..., exclude={wrong})"):
                    plugin.build(project, exclude=wrong)
            self._refused(plugin, project)

    @rule(_BUILD)
    def test_a_full_refresh_builds_anew(self) -> None:
        """With ``full_refresh``, an incremental model is built anew; without, it keeps its rows."""
        if "incremental" in self.unsupported:
            self.skip("incremental models are not supported")
        log = "{{ config(materialized='incremental') }} select 1 as id"
        with self.started() as plugin:
            project = self.project(log=log)
            found: list[int | None] = []
            for refresh in (False, False, True):
                plugin.build(project, ["log"], full_refresh=refresh)
                rows = self.built(plugin, "log")
                found.append(None if rows is None else len(rows))
            self.expect(found == [1, 2, 1], f"built twice and refreshed, an incremental model had {found} rows")

    @rule(_BUILD)
    def test_a_database_in_use_is_unavailable(self) -> None:
        """``build`` raises ``PluginUnavailableError`` if another process has the database open. No node was run."""
        with self.started() as plugin, self._held(plugin):
            project = self.project()
            with self.raises(PluginUnavailableError, "build while another process holds the database"):
                plugin.build(project)
            self._refused(plugin, project)

    @rule(_BUILD)
    def test_the_database_is_released(self) -> None:
        """The database is released after ``build`` and ``test``: another process can open it, also if a node failed."""
        with self.started() as plugin:
            with self._held(plugin):
                pass  # else what it raises below would not be the plugin's fault
            for project in (self.project(), self.project("failing", totals=_BROKEN)):
                for command in (plugin.build, plugin.test):
                    command(project)
                    try:
                        with self._held(plugin):
                            pass
                    except Exception as error:  # noqa: BLE001 an engine has errors of its own
                        self.broken(f"another process cannot open the database afterwards: {error}", error)

    @rule(_BUILD)
    def test_what_other_threads_ask_fails_no_command(self) -> None:
        """``build`` does not fail because another thread uses the compute plugin once just as it begins."""
        with self.started() as plugin, self.disturbed(plugin):
            found = plugin.build(self.project(), ["colours"])
            self.expect(found.ok, f"after another thread's query it reported {shown(found)}")

    @rule(_BUILD)
    def test_commands_of_several_threads_wait(self) -> None:
        """Hooks may be called from several threads: callers wait for a process-wide lock."""
        with self.started() as plugin:
            projects = [self.project(f"project_{number}") for number in range(3)]
            wanted = _statuses(plugin.build(self.project()))
            reports = self.together([functools.partial(plugin.build, project) for project in projects])
            wrong = [report for report in reports if _statuses(report) != wanted]
            self.expect(not wrong, f"3 threads built the same at once, and one got {shown(wrong[:1])}")


class NodeTestRules(DbtCase):
    """The rules for ``test``."""

    @rule(_TEST)
    def test_tests_alone_are_run(self) -> None:
        """``test`` returns a ``DbtReport`` of the tests of all nodes by default, and builds nothing."""
        with self.started() as plugin:
            plugin.build(self.project())
            report = plugin.test(self.project())
            self.expect(isinstance(report, DbtReport), f"test returned {shown(report)}")
            found = names(result.unique_id for result in report.results)
            self.expect(found == sorted(TESTS), f"of the tests {sorted(TESTS)} it ran {found}")

    @rule(_TEST)
    def test_selected_tests_alone_are_run(self) -> None:
        """``test`` runs the tests of the selected nodes, and no others."""
        with self.started() as plugin:
            plugin.build(self.project())
            found = names(result.unique_id for result in plugin.test(self.project(), ["orders"]).results)
            self.expect(found == ["orders_are_positive"], f"of the tests of 'orders' it ran {found}")

    @rule(_TEST)
    def test_tests_that_fail_are_reported(self) -> None:
        """Tests that fail are reported by ``test``, not raised, and ``ok`` is false."""
        with self.started() as plugin:
            plugin.build(self.project(orders=_FAILING), exclude=["orders_are_positive"])
            report = plugin.test(self.project(orders=_FAILING), ["orders"])
            found = _statuses(report)
            right = found == {"orders_are_positive": "fail"} and report.ok is False
            self.expect(right, f"a test failed; ok is {report.ok}, and the tests have {shown(found)}")

    @rule(_TEST)
    def test_what_cannot_be_parsed_is_not_tested(self) -> None:
        """``test`` raises ``ValueError`` if the project cannot be parsed."""
        self.refuses("test")

    @rule(_TEST)
    def test_an_invalid_selection_is_not_tested(self) -> None:
        """``test`` raises ``ValueError`` if a part of the selection selects nothing. No node was run."""
        with self.started() as plugin:
            project = self.project()
            for wrong in _WRONG_SELECTIONS:
                with self.raises(ValueError, f"test(..., select={wrong})"):
                    plugin.test(project, wrong)
            found = sorted(plugin.artifacts(project))
            self.expect("run_results" not in found, f"a command that was refused ran nodes: there are {found}")

    @rule(_TEST)
    def test_a_database_in_use_cannot_be_tested(self) -> None:
        """``test`` raises ``PluginUnavailableError`` if another process has the database open. No node was run."""
        with self.started() as plugin:
            project = self.project()
            with self._held(plugin), self.raises(PluginUnavailableError, "test while another process holds it"):
                plugin.test(project)


class DbtConformance(NodeRules, BuildRules, NodeTestRules, ArtifactRules, PluginConformance):
    """The rules for ``DBTPlugin``.

    >>> from floe_plugins.testing import DbtConformance
    >>> class TestAcme(DbtConformance):
    ...     plugin = ...  # your class
    ...     plugins = ...  # its compute plugin, with the settings of a database
    """
