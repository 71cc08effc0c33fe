"""A correct runner keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pydantic
import pytest
from conformance_suite import broken, conformance

from floe_plugins import ComputePlugin, DBTPlugin, PluginUnavailableError
from floe_plugins.hookspecs.dbt import DbtManifest, DbtNodeResult, DbtReport
from floe_plugins.testing import DbtConformance

LOCK = threading.RLock()
CALL = re.compile(r"{{\s*(ref|source|config)\((.*?)\)\s*}}")


class Node(NamedTuple):
    unique_id: str
    sql: str
    needs: tuple[str, ...]
    incremental: bool

    @property
    def name(self) -> str:
        return self.unique_id.rpartition(".")[2]

    @property
    def is_test(self) -> bool:
        return self.unique_id.startswith("test.")


class Settings(pydantic.BaseModel):
    database: Path


class Compute(ComputePlugin):
    """Has the database as long as somebody has asked for something and nobody has released it."""

    name = "any"
    version = "1.0"
    floe_api_version = "1.0"
    is_open = False

    def execute(self, sql, parameters=None):
        self.is_open = True

    def release(self):
        self.is_open = False

    def connect(self):
        raise NotImplementedError

    def register_table(self, name, data):
        raise NotImplementedError

    def dbt_profile(self, target):
        raise NotImplementedError


class SqliteRunner(DBTPlugin):
    """Runs projects that use no macro but ``ref``, ``source`` and ``config``."""

    name = "sqlite"
    version = "1.0"
    floe_api_version = "1.0"
    dependencies = ("compute",)
    config_schema = Settings
    config: Settings

    def parse(self, project):
        with LOCK:
            nodes = self.read(project)
            self.write(project, "manifest", sorted(nodes))
            return self.manifest(nodes)

    def manifest(self, nodes):
        models = tuple(sorted(each for each, node in nodes.items() if not node.is_test))
        tests = tuple(sorted(set(nodes) - set(models)))
        needs = {each: node.needs for each, node in nodes.items()}
        sources = {each for each in sum(needs.values(), ()) if each.startswith("source.")}
        return DbtManifest(models, tests, tuple(sources), needs)

    def build(self, project, select=(), exclude=(), full_refresh=False):
        with self.turn():
            nodes = self.read(project)
            chosen = self.selected(nodes, select) - self.excluded(nodes, exclude)
            return self.run(project, nodes, chosen, full_refresh=full_refresh)

    def test(self, project, select=()):
        with self.turn():
            nodes = self.read_to_test(project)
            chosen = self.selected_to_test(nodes, select)
            return self.run(project, nodes, {each for each in chosen if nodes[each].is_test}, full_refresh=False)

    def artifacts(self, project):
        places = {name: project / "target" / f"{name}.json" for name in ("manifest", "run_results")}
        return {name: place for name, place in places.items() if place.is_file()}

    def turn(self) -> Any:
        return LOCK

    def read(self, project):
        if not (project / "dbt_project.yml").is_file():
            raise ValueError("no project is there")
        nodes = {}
        for kind in ("model", "test"):
            for path in sorted(project.glob(f"{kind}s/*.sql")):
                node = self.node(kind, path, path.read_text(encoding="utf-8"))
                nodes[node.unique_id] = node
        for node in nodes.values():
            self.check_needs(node, nodes)
        return nodes

    def read_to_test(self, project):
        return self.read(project)

    def check_needs(self, node, nodes):
        for each in node.needs:
            if each not in nodes and not each.startswith("source."):
                raise ValueError(self.unknown(node, each))

    def unknown(self, node, needed):
        return f"{node.name} needs {needed}"

    def node(self, kind, path, text):
        needs: list[str] = []

        def put(call: re.Match[str]) -> str:
            names = re.findall(r"'(\w+)'", call[2])
            if call[1] == "config":
                return ""
            needs.append(
                f"model.conformance.{names[0]}" if call[1] == "ref" else f"source.conformance.{'.'.join(names)}"
            )
            return f'"{names[-1]}"'

        sql = CALL.sub(put, text)
        if "{{" in sql:
            raise ValueError(f"{path.name} is unclosed")
        return Node(f"{kind}.conformance.{path.stem}", sql, tuple(needs), "incremental" in text)

    def selected(self, nodes, select):
        found = set() if select else set(nodes)
        for text in select:
            found |= self.part(nodes, text)
        return found | {each for each, node in nodes.items() if node.is_test and found.intersection(node.needs)}

    def selected_to_test(self, nodes, select):
        return self.selected(nodes, select)

    def excluded(self, nodes, exclude):
        return self.selected(nodes, exclude) if exclude else set()

    def part(self, nodes, text):
        names = {each for each, node in nodes.items() if node.name == text.strip("+")}
        if not names:
            raise ValueError(f"{text!r} selects nothing")
        if text.endswith("+"):
            names |= {each for each, node in nodes.items() if names.intersection(node.needs)}
        if text.startswith("+"):
            names |= {need for each in names for need in nodes[each].needs}
        return names

    def run(self, project, nodes, chosen, *, full_refresh):
        begun, results, failed = time.perf_counter(), [], set[str]()
        self.write(project, "manifest", sorted(nodes))
        with self.opened() as database:
            waiting = [nodes[each] for each in sorted(chosen)]
            while waiting:
                node = next(one for one in waiting if not {other.unique_id for other in waiting} & set(one.needs))
                waiting.remove(node)
                result = self.skipped(node) if failed & set(node.needs) else None
                result = result or self.result(database, node, full_refresh=full_refresh)
                if result.status in {"error", "fail", "skipped"}:
                    failed.add(result.unique_id)
                results.append(result)
        self.write(project, "run_results", [result.unique_id for result in results])
        return DbtReport(not failed, tuple(results), time.perf_counter() - begun)

    def skipped(self, node):
        return DbtNodeResult(node.unique_id, "skipped", 0.0)

    def result(self, database, node, *, full_refresh):
        try:
            rows = self.execute(database, node, full_refresh=full_refresh)
        except sqlite3.Error as error:
            return DbtNodeResult(node.unique_id, "error", 0.0, str(error))
        status = ("fail" if rows else "pass") if node.is_test else "success"
        return DbtNodeResult(node.unique_id, status, 0.0, "", rows)

    def execute(self, database, node, *, full_refresh):
        if node.is_test:
            return len(database.execute(node.sql).fetchall())
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if node.incremental and node.name in tables and not full_refresh:
            database.execute(f'INSERT INTO "{node.name}" {node.sql}')
        else:
            database.execute(f'DROP TABLE IF EXISTS "{node.name}"')
            database.execute(f'CREATE TABLE "{node.name}" AS {node.sql}')
        return None

    @contextlib.contextmanager
    def opened(self) -> Generator[sqlite3.Connection, None, None]:
        self.let_go(self.registry.one(Compute))
        with contextlib.closing(sqlite3.connect(self.config.database, timeout=0)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise PluginUnavailableError(str(error)) from error
            yield database
            database.commit()

    def let_go(self, compute: Compute) -> None:
        compute.release()
        while compute.is_open:
            compute.release()

    def write(self, project, name, content):
        (project / "target").mkdir(exist_ok=True)
        (project / "target" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


class SqliteConformance(DbtConformance):
    plugin = SqliteRunner
    plugins: Mapping[type[Any], Mapping[str, Any]] = {Compute: {}}

    def settings(self) -> Mapping[str, Any]:
        return {"database": str(self.scratch / "database")}

    def built(self, plugin: Any, table: str) -> list[dict[str, Any]] | None:
        with contextlib.closing(sqlite3.connect(plugin.config.database)) as database:
            try:
                found = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 a name of the suite
            except sqlite3.OperationalError:
                return None
            return [dict(zip([column[0] for column in found.description], row, strict=True)) for row in found]

    @contextlib.contextmanager
    def held(self, plugin: Any) -> Generator[None, None, None]:
        with contextlib.closing(sqlite3.connect(plugin.config.database, timeout=0)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield


class ParsesIntoLists(SqliteRunner):
    def manifest(self, nodes):
        found = super().manifest(nodes)
        return attrs.evolve(found, models=list(found.models))


class MixesTestsIntoModels(SqliteRunner):
    def manifest(self, nodes):
        found = super().manifest(nodes)
        return attrs.evolve(found, models=(*found.models, *found.tests))


class KnowsOneTest(SqliteRunner):
    def manifest(self, nodes):
        found = super().manifest(nodes)
        return attrs.evolve(found, tests=(*found.tests[:1], *found.tests[:1]))


class KnowsNoSources(SqliteRunner):
    def manifest(self, nodes):
        return attrs.evolve(super().manifest(nodes), sources=())


class TurnsDependenciesRound(SqliteRunner):
    def manifest(self, nodes):
        found = super().manifest(nodes)
        users = {each: tuple(user for user in nodes if each in nodes[user].needs) for each in nodes}
        return attrs.evolve(found, depends_on=users)


class ParsesAnything(SqliteRunner):
    def parse(self, project):
        try:
            return super().parse(project)
        except ValueError:
            return DbtManifest((), (), (), {})


class NamesNothing(SqliteRunner):
    def unknown(self, node, needed):
        return "something is missing"


class ParsesInTheDatabase(SqliteRunner):
    def parse(self, project):
        if threading.current_thread().name.startswith("conformance-"):
            return super().parse(project)
        with self.opened():
            return super().parse(project)


class ParsesOnce(SqliteRunner):
    """Each project once, so that threads which have one each notice nothing."""

    @property
    def known(self) -> Any:
        return vars(self).setdefault("known_projects", {})

    def parse(self, project):
        if project not in self.known or "bad" in project.name or not project.joinpath("models").exists():
            self.known[project] = super().parse(project)
        return self.known[project]

    def write(self, project, name, content):
        if project not in self.known or not project.joinpath("models/sources.yml").exists():
            super().write(project, name, content)


class ParsesTheLast(SqliteRunner):
    """One project at a time, that of whoever came last."""

    last: Any = None

    def parse(self, project):
        self.last = project
        if threading.current_thread().name.startswith("conformance-"):
            time.sleep(0.005)
        return super().parse(self.last)


class NamesWhatMayCome(SqliteRunner):
    def artifacts(self, project):
        found = super().artifacts(project)
        return found or {"manifest": project / "target" / "manifest.json"}


class ArtifactsAreTexts(SqliteRunner):
    def artifacts(self, project):
        return {name: self.made(place) for name, place in super().artifacts(project).items()}

    def made(self, place):
        class Text(str):
            __slots__ = ()

            def read_text(self, encoding):
                return Path(self).read_text(encoding=encoding)

        return Text(place)


class ParseWritesResults(SqliteRunner):
    def parse(self, project):
        found = super().parse(project)
        self.write(project, "run_results", [])
        return found


class KeepsTheFirstResults(SqliteRunner):
    def write(self, project, name, content):
        if name not in self.artifacts(project):
            super().write(project, name, content)


class Reports(SqliteRunner):
    """What ``build`` reports is changed."""

    def build(self, project, select=(), exclude=(), full_refresh=False):
        return self.changed(super().build(project, select, exclude, full_refresh))

    def changed(self, report):
        return report

    def results(self, report, **changed):
        return attrs.evolve(report, results=tuple(attrs.evolve(one, **changed) for one in report.results))


class ReportsAList(Reports):
    def changed(self, report):
        return attrs.evolve(report, results=list(report.results))


class ForgetsANode(Reports):
    def changed(self, report):
        kept = [one for one in report.results if not one.unique_id.endswith("totals_are_large")]
        failed = any(one.status == "error" for one in report.results)
        return report if failed else attrs.evolve(report, results=tuple(kept))


class OtherIds(Reports):
    def changed(self, report):
        results = [attrs.evolve(one, unique_id=one.unique_id.replace("test.", "node.")) for one in report.results]
        return attrs.evolve(report, results=tuple(results))


class SaysOk(Reports):
    def changed(self, report):
        results = [attrs.evolve(one, status="ok") if one.status == "success" else one for one in report.results]
        return attrs.evolve(report, results=tuple(results))


class BuildsElsewhere(SqliteRunner):
    def execute(self, database, node, *, full_refresh):
        rows = super().execute(database, node, full_refresh=full_refresh)
        if node.name == "totals_are_large":
            database.execute("UPDATE totals SET total = total + 1")
        return rows


class RunsAll(SqliteRunner):
    def selected(self, nodes, select):
        found = super().selected(nodes, select)
        return set(nodes) if len(select) == 2 and "model.conformance.colours" in found else found


class KnowsNoPlus(SqliteRunner):
    def part(self, nodes, text):
        return super().part(nodes, text.strip("+"))


class ExcludesNothing(SqliteRunner):
    def excluded(self, nodes, exclude):
        found = super().excluded(nodes, exclude)
        return set() if len(nodes) == 5 and exclude == ["colours"] and not self.fails(nodes) else found

    def fails(self, nodes):
        return "no_such_column" in nodes["model.conformance.totals"].sql


class SaysNoMore(Reports):
    def changed(self, report):
        return self.results(report, message="")


class RunsWhatCannotRun(SqliteRunner):
    def skipped(self, node):
        return DbtNodeResult(node.unique_id, "error", 0.0, "it was not run")


class FailingTestsAreErrors(Reports):
    def changed(self, report):
        results = [attrs.evolve(one, status="error") if one.status == "fail" else one for one in report.results]
        return attrs.evolve(report, results=tuple(results))


class CountsNoRows(Reports):
    def changed(self, report):
        return self.results(report, rows=None)


class BuildsAnything(SqliteRunner):
    def build(self, project, select=(), exclude=(), full_refresh=False):
        try:
            self.read(project)
        except ValueError:
            return DbtReport(False, (), 0.0)
        return super().build(project, select, exclude, full_refresh)


class Lenient(SqliteRunner):
    """Runs what a selection has beside the part that selects nothing."""

    def known(self, nodes, select):
        return [text for text in select if any(node.name == text.strip("+") for node in nodes.values())]


class BuildsWhatIsThere(Lenient):
    def build(self, project, select=(), exclude=(), full_refresh=False):
        if len(select) < 2:
            return super().build(project, select, exclude, full_refresh)
        return super().build(project, self.known(self.read(project), select), exclude, full_refresh)


class ExcludesWhatIsThere(Lenient):
    def excluded(self, nodes, exclude):
        return super().excluded(nodes, self.known(nodes, exclude))


class NeverRefreshes(SqliteRunner):
    def execute(self, database, node, *, full_refresh):
        return super().execute(database, node, full_refresh=False)


class OpensLate(SqliteRunner):
    """Says of a database in use that it failed."""

    def build(self, project, select=(), exclude=(), full_refresh=False):
        try:
            return super().build(project, select, exclude, full_refresh)
        except PluginUnavailableError as error:
            raise ValueError(str(error)) from error


class KeepsItOpen(SqliteRunner):
    opening: Any = None

    def build(self, project, select=(), exclude=(), full_refresh=False):
        self.shutdown()
        report = super().build(project, select, exclude, full_refresh)
        if any(one.status == "error" for one in report.results) and project.name == "failing":
            self.opening = sqlite3.connect(self.config.database, check_same_thread=False)
            self.opening.execute("BEGIN IMMEDIATE")
        return report

    def test(self, project, select=()):
        if self.opening is not None:
            return DbtReport(True, (), 0.0)
        return super().test(project, select)

    def shutdown(self):
        if self.opening is not None:
            self.opening.close()
            self.opening = None


class GivesUp(SqliteRunner):
    def let_go(self, compute):
        compute.release()
        if compute.is_open:
            raise PluginUnavailableError("this process has it open")


class DoesNotWait(SqliteRunner):
    def turn(self):
        return contextlib.nullcontext()

    def run(self, project, nodes, chosen, *, full_refresh):
        if not threading.current_thread().name.startswith("conformance-"):
            return super().run(project, nodes, chosen, full_refresh=full_refresh)
        with self.opened() as database:
            database.execute("SELECT 1")
            time.sleep(0.05)
        return super().run(project, nodes, chosen, full_refresh=full_refresh)


class BuildsInTest(SqliteRunner):
    def test(self, project, select=()):
        return super().test(project, select) if select else self.build(project)


class RunsMoreTests(SqliteRunner):
    def selected_to_test(self, nodes, select):
        found = super().selected_to_test(nodes, select)
        return found if "-10" in nodes["model.conformance.orders"].sql else set(nodes)


class FailingTestsPass(SqliteRunner):
    def test(self, project, select=()):
        return attrs.evolve(super().test(project, select), ok=True)


class ChecksAnything(SqliteRunner):
    def test(self, project, select=()):
        try:
            self.read(project)
        except ValueError:
            return DbtReport(False, (), 0.0)
        return super().test(project, select)


class ChecksWhatIsThere(Lenient):
    def selected_to_test(self, nodes, select):
        return super().selected_to_test(nodes, self.known(nodes, select) if len(select) > 1 else select)


class ChecksWhatItHas(SqliteRunner):
    def test(self, project, select=()):
        try:
            return super().test(project, select)
        except PluginUnavailableError:
            return DbtReport(False, (), 0.0)


FAULTY: dict[str, type[Any]] = {
    "test_several_threads_parse": ParsesTheLast,
    "test_a_manifest_is_a_record_of_tuples": ParsesIntoLists,
    "test_models_are_those_of_the_project": MixesTestsIntoModels,
    "test_tests_are_those_of_the_project": KnowsOneTest,
    "test_sources_are_those_of_the_project": KnowsNoSources,
    "test_each_node_has_those_on_which_it_depends": TurnsDependenciesRound,
    "test_what_cannot_be_parsed_is_refused": ParsesAnything,
    "test_the_message_is_dbts_own": NamesNothing,
    "test_parsing_does_not_use_the_database": ParsesInTheDatabase,
    "test_a_project_is_read_anew": ParsesOnce,
    "test_without_a_command_there_are_no_artifacts": NamesWhatMayCome,
    "test_artifacts_are_files": ArtifactsAreTexts,
    "test_parsing_writes_no_results": ParseWritesResults,
    "test_results_are_those_of_the_last_command": KeepsTheFirstResults,
    "test_a_report_is_a_record": ReportsAList,
    "test_all_nodes_are_run_by_default": ForgetsANode,
    "test_a_result_has_the_id_of_the_manifest": OtherIds,
    "test_success_is_reported": SaysOk,
    "test_what_was_built_is_in_the_database": BuildsElsewhere,
    "test_selected_nodes_alone_are_run": RunsAll,
    "test_a_plus_selects_what_depends_on_a_node": KnowsNoPlus,
    "test_excluded_nodes_are_not_run": ExcludesNothing,
    "test_a_failing_model_is_reported": SaysNoMore,
    "test_what_depends_on_a_failure_is_skipped": RunsWhatCannotRun,
    "test_a_failing_test_is_reported": FailingTestsAreErrors,
    "test_rows_that_fail_a_test_are_counted": CountsNoRows,
    "test_what_cannot_be_parsed_is_not_built": BuildsAnything,
    "test_an_invalid_selection_is_not_built": BuildsWhatIsThere,
    "test_an_invalid_exclusion_is_refused": ExcludesWhatIsThere,
    "test_a_full_refresh_builds_anew": NeverRefreshes,
    "test_a_database_in_use_is_unavailable": OpensLate,
    "test_the_database_is_released": KeepsItOpen,
    "test_what_other_threads_ask_fails_no_command": GivesUp,
    "test_commands_of_several_threads_wait": DoesNotWait,
    "test_tests_alone_are_run": BuildsInTest,
    "test_selected_tests_alone_are_run": RunsMoreTests,
    "test_tests_that_fail_are_reported": FailingTestsPass,
    "test_what_cannot_be_parsed_is_not_tested": ChecksAnything,
    "test_an_invalid_selection_is_not_tested": ChecksWhatIsThere,
    "test_a_database_in_use_cannot_be_tested": ChecksWhatItHas,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(SqliteConformance) == {}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(SqliteConformance, FAULTY[rule]))) == [rule]


class BuildsViews(SqliteRunner):
    """Builds views, at which SQLite does not look, where the project does not ask for tables."""

    def run(self, project, *arguments, **options):
        self.are_tables = "+materialized: table" in (project / "dbt_project.yml").read_text(encoding="utf-8")
        return super().run(project, *arguments, **options)

    def execute(self, database, node, *, full_refresh):
        if node.is_test or node.incremental or self.are_tables:
            return super().execute(database, node, full_refresh=full_refresh)
        database.execute(f'CREATE VIEW "{node.name}" AS {node.sql}')
        return 0


def test_models_are_tables_so_that_a_broken_one_fails_on_each_engine() -> None:
    names = ["test_a_failing_model_is_reported", "test_what_depends_on_a_failure_is_skipped"]
    assert broken(conformance(SqliteConformance, BuildsViews), names) == {}
