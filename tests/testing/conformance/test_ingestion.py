"""A correct loader keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pydantic
import pytest
from conformance_suite import broken, conformance

from floe_plugins import IngestionPlugin, PluginError
from floe_plugins.hookspecs.ingestion import IngestReport, Issue, SchemaChange, Severity
from floe_plugins.testing import IngestionConformance

LOCK = threading.Lock()


class Settings(pydantic.BaseModel):
    path: Path


class JsonLoader(IngestionPlugin):
    """Keeps all tables in a JSON file."""

    name = "json"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Settings
    config: Settings

    def validate(self, source):
        if callable(source) or (isinstance(source, Iterable) and not isinstance(source, str)):
            return ()
        return (Issue(Severity.ERROR, "it cannot be loaded"),)

    def run(self, source, table, mode="append"):
        if mode not in {"append", "replace"}:
            raise ValueError(mode)
        if self.validate(source):
            raise ValueError(source)
        rows = self.rows_of(source)
        with LOCK:
            tables = self.tables()
            old = tables.get(table, [])
            known = {name for row in old for name in row}
            self.save({**tables, table: [*(old if mode == "append" else ()), *rows]})
        new = {name: None for row in rows for name in row if name not in known}
        return IngestReport("1", {table: len(rows)}, tuple(SchemaChange(table, name, "any") for name in new))

    def rows_of(self, source):
        rows = list(source() if callable(source) else source)
        self.check_rows(rows)
        return rows

    def check_rows(self, rows):
        if not all(isinstance(row, Mapping) for row in rows):
            raise ValueError(rows)

    def discard_pending(self):
        return 0

    def tables(self):
        path = self.config.path
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def save(self, tables):
        self.config.path.write_text(json.dumps(tables), encoding="utf-8")


class JsonConformance(IngestionConformance):
    plugin = JsonLoader

    def settings(self) -> Mapping[str, Any]:
        return {"path": str(self.scratch / "tables.json")}

    def loaded(self, plugin: Any, table: str) -> list[dict[str, Any]]:
        return plugin.tables().get(table, [])


class ListsIssues(JsonLoader):
    def validate(self, source):
        return list(super().validate(source))


class FindsErrors(JsonLoader):
    def validate(self, source):
        return super().validate(source) or ((Issue(Severity.ERROR, "no"),) if source == ROWS else ())

    def run(self, source, table, mode="append"):
        return super().run(iter(source) if isinstance(source, list) else source, table, mode)


ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


class FindsNothing(JsonLoader):
    def validate(self, source):
        return () if type(source) is object else super().validate(source)

    def run(self, source, table, mode="append"):
        if JsonLoader.validate(self, source):
            raise ValueError(source)
        return super().run(source, table, mode)


class Calls(JsonLoader):
    def validate(self, source):
        if callable(source):
            source()
        return super().validate(source)


class Advances(JsonLoader):
    def validate(self, source):
        if hasattr(source, "__next__"):
            next(source)
        return super().validate(source)

    def run(self, source, table, mode="append"):
        return super().run((lambda: source) if hasattr(source, "__next__") else source, table, mode)


class ReturnsACount(JsonLoader):
    def run(self, source, table, mode="append"):
        return sum(super().run(source, table, mode).rows.values())


class CountsTwice(JsonLoader):
    def run(self, source, table, mode="append"):
        report = super().run(source, table, mode)
        return attrs.evolve(report, rows={name: count * 2 for name, count in report.rows.items()})


class ReportsNoChange(JsonLoader):
    def run(self, source, table, mode="append"):
        return attrs.evolve(super().run(source, table, mode), schema_changes=())


class FirstOfACallable(JsonLoader):
    def run(self, source, table, mode="append"):
        return super().run([next(iter(source()))] if callable(source) else source, table, mode)


class AlwaysReplaces(JsonLoader):
    def run(self, source, table, mode="append"):
        with LOCK:
            known = table in self.tables() and source == [{"id": 2}]
        return super().run(source, table, "replace" if known else mode)


class NeverReplaces(JsonLoader):
    def run(self, source, table, mode="append"):
        return super().run(source, table, "append" if mode == "replace" else mode)


class AnyMode(JsonLoader):
    def run(self, source, table, mode="append"):
        return super().run(source, table, "append" if mode == "upsert" else mode)


class MergesAnyway(JsonLoader):
    def run(self, source, table, mode="append"):
        return super().run(source, table, "append" if mode == "merge" else mode)


class LoadsAnything(JsonLoader):
    def run(self, source, table, mode="append"):
        return super().run([] if type(source) is object else source, table, mode)


class LeavesTypesToTheDatabase(JsonLoader):
    def run(self, source, table, mode="append"):
        if self.tables().get(table) and isinstance(source, list) and source[0]["id"] == "conformance":
            raise PluginError("the database refuses a text for a number")
        return super().run(source, table, mode)


class LoadsInPart(JsonLoader):
    def run(self, source, table, mode="append"):
        if getattr(source, "__name__", "") != "failing":
            return super().run(source, table, mode)
        for row in source:
            super().run([row], table, mode)
        return None


class LosesTables(JsonLoader):
    def run(self, source, table, mode="append"):
        if not threading.current_thread().name.startswith("conformance-"):
            return super().run(source, table, mode)
        tables = self.tables()
        time.sleep(0.02)
        with LOCK:
            self.save({**tables, table: source})
        return None


class DiscardsOne(JsonLoader):
    def discard_pending(self):
        return None


class Forgets(JsonLoader):
    def shutdown(self):
        if [{"id": 7}] in self.tables().values():
            self.save({})


FAULTY: dict[str, type[Any]] = {
    "test_issues_are_a_tuple_of_records": ListsIssues,
    "test_a_good_source_has_no_errors": FindsErrors,
    "test_what_is_no_source_is_an_error": FindsNothing,
    "test_validating_calls_nothing": Calls,
    "test_validating_advances_nothing": Advances,
    "test_loading_returns_a_report": ReturnsACount,
    "test_rows_are_counted": CountsTwice,
    "test_changes_of_the_schema_are_reported": ReportsNoChange,
    "test_the_whole_source_is_loaded": FirstOfACallable,
    "test_rows_are_appended": AlwaysReplaces,
    "test_rows_are_replaced": NeverReplaces,
    "test_unknown_modes_are_refused": AnyMode,
    "test_merging_without_a_key_is_refused": MergesAnyway,
    "test_a_source_that_cannot_be_read_is_refused": LoadsAnything,
    "test_what_does_not_match_the_table_is_refused": LeavesTypesToTheDatabase,
    "test_a_source_that_fails_is_not_loaded_in_part": LoadsInPart,
    "test_several_threads_load_tables": LosesTables,
    "test_nothing_is_pending_after_a_load": DiscardsOne,
    "test_what_was_loaded_survives_a_restart": Forgets,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(JsonConformance) == {}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(JsonConformance, FAULTY[rule]))) == [rule]
