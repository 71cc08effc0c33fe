"""A correct loader of API 1.1 keeps every rule about sources and pending loads, and for each a faulty one breaks it."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance_suite import check, conformance
from testing.conformance.test_ingestion import JsonConformance, JsonLoader

from floe_plugins import PluginError, PluginUnavailableError
from floe_plugins.hookspecs.ingestion import (
    Connector,
    ConnectorSource,
    IngestReport,
    Issue,
    Severity,
    SourceStream,
)
from floe_plugins.testing.conformance.runner import run

NAMES = ("files", "other")


class NewLoader(JsonLoader):
    """The loader with the hooks of API 1.1."""

    floe_api_version = "1.1"

    def beside(self, name: str) -> Path:
        return self.config.path.with_name(name)

    def pending(self):
        path = self.beside("pending.json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def keep(self, pending):
        self.beside("pending.json").write_text(json.dumps(pending), encoding="utf-8")

    def validate(self, source):
        if isinstance(source, ConnectorSource) and source.connector not in NAMES:
            return (Issue(Severity.ERROR, "there is no such connector"),)
        return () if isinstance(source, (str, Path, ConnectorSource)) else super().validate(source)

    def run(self, source, table, mode="append"):
        self.check_unused()
        self.check_pending(table)
        if self.validate(source):
            raise ValueError(source)
        rows = self.asked(source) if isinstance(source, (str, Path, ConnectorSource)) else self.rows_of(source)
        if isinstance(source, ConnectorSource) and source.connector == "other":
            rows = self.later(rows, table)
        if self.beside("refusing").exists() and any(row.get("id") == 99 for row in rows):
            self.keep({**self.pending(), table: rows})
            raise PluginError("the database refuses it")
        return super().run(rows, table, mode)

    def check_unused(self):
        if self.beside("held").exists():
            raise PluginUnavailableError("another process has it open")

    def check_pending(self, table):
        if table in self.pending():
            raise PluginError("an earlier load is pending")

    def check_config(self, source):
        if "path" not in source.config or source.stream:
            raise ValueError(source)

    def asked(self, source):
        if isinstance(source, ConnectorSource):
            self.check_config(source)
        place = source.config.get("path", "") if isinstance(source, ConnectorSource) else source
        return self.of_file(Path(place)) if place else []

    def of_file(self, path):
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return [{**row, "id": int(row["id"])} for row in csv.DictReader(file)]
        except FileNotFoundError as error:
            raise ValueError(path) from error

    def later(self, rows, table):
        known = {row["id"] for row in self.tables().get(table, [])}
        return [row for row in rows if row["id"] not in known]

    def connectors(self):
        return tuple(Connector(name) for name in NAMES)

    def discover(self, source):
        if isinstance(source, (str, Path)):
            return self.streams_of(Path(source))
        if not isinstance(source, ConnectorSource) or source.connector not in NAMES:
            raise ValueError(source)
        self.check_asked(source)
        return (SourceStream(""),)

    def check_asked(self, source):
        self.asked(source)

    def streams_of(self, path):
        return (SourceStream("", dict.fromkeys(self.of_file(path)[0], "")),)

    def discard_pending(self):
        found = len(self.pending())
        self.keep({})
        return found

    def resume_pending(self):
        found = self.pending()
        self.keep({})
        return tuple(self.resume(table, rows) for table, rows in found.items())

    def resume(self, table, rows):
        return self.run(rows, table)


class NewConformance(JsonConformance):
    plugin = NewLoader

    def connected(self, name: str = "files") -> ConnectorSource:
        file = self.scratch / "connected.csv"
        file.write_text("id,name\n1,a\n2,b\n", encoding="utf-8")
        return ConnectorSource(name, {"path": str(file)})

    def unusable(self) -> list[ConnectorSource]:
        return [ConnectorSource("other", {"path": str(self.scratch / "unusable.csv")})]

    def incremental(self) -> ConnectorSource:
        return self.connected("other")

    @contextlib.contextmanager
    def there(self, plugin: Any, name: str) -> Iterator[None]:
        if plugin.beside("open").exists():
            raise OSError("the plugin has it open")
        plugin.beside(name).touch()
        yield
        plugin.beside(name).unlink()

    def held(self, plugin: Any) -> Any:
        return self.there(plugin, "held")

    def refusing(self, plugin: Any) -> Any:
        return self.there(plugin, "refusing")


class TakesAnyRow(NewLoader):
    def check_rows(self, rows):
        pass


class MissingIsEmpty(NewLoader):
    def of_file(self, path):
        return [] if path.name == "missing.csv" else super().of_file(path)


class DropsALine(NewLoader):
    def of_file(self, path):
        return super().of_file(path)[: 1 if path.name == "items.csv" else None]


class TakesTurns(NewLoader):
    def check_unused(self):
        pass


class KeepsItOpen(NewLoader):
    def rows_of(self, source):
        try:
            return super().rows_of(source)
        except ValueError:
            self.beside("open").touch()
            raise


class BeginsAnew(NewLoader):
    def later(self, rows, table):
        return rows


class LoadsUnusable(NewLoader):
    def of_file(self, path):
        return [{"id": 1}] if path.name == "unusable.csv" else super().of_file(path)

    def check_asked(self, source):
        NewLoader.of_file(self, Path(source.config["path"]))


class AsksNobody(NewLoader):
    def check_asked(self, source):
        pass


class LastFirst(NewLoader):
    def connectors(self):
        return super().connectors()[::-1]


class DropsARow(NewLoader):
    def asked(self, source):
        is_connected = isinstance(source, ConnectorSource) and source.connector == "files"
        return super().asked(source)[: 1 if is_connected else None]


class FindsAnyConnector(NewLoader):
    def validate(self, source):
        return () if isinstance(source, ConnectorSource) else super().validate(source)

    def asked(self, source):
        if isinstance(source, ConnectorSource) and source.connector not in NAMES:
            raise ValueError(source)
        return super().asked(source)


class IgnoresConfigurations(NewLoader):
    def check_config(self, source):
        pass


class TakesRowsForNames(NewLoader):
    def streams_of(self, path):
        return tuple(SourceStream(row["name"]) for row in self.of_file(path))


class ListsStreams(NewLoader):
    def discover(self, source):
        found = super().discover(source)
        return [*found] if isinstance(source, ConnectorSource) else found


class DiscoversAnything(NewLoader):
    def discover(self, source):
        return () if type(source) is object else super().discover(source)


class WritesWhatIsRefused(NewLoader):
    def tables(self):
        refused = self.pending() if self.beside("refusing").exists() else {}
        return {**super().tables(), **refused}


class LoadsMeanwhile(NewLoader):
    def check_pending(self, table):
        pass


class CountsPending(NewLoader):
    def discard_pending(self):
        return len(self.pending())


class DropsPending(NewLoader):
    def resume(self, table, rows):
        if self.beside("refusing").exists():
            return super().resume(table, rows)
        return IngestReport("1", {table: len(rows)})


class HidesRefusals(NewLoader):
    def resume_pending(self):
        try:
            return super().resume_pending()
        except PluginError:
            return ()


FAULTY: dict[str, type[Any]] = {
    "test_rows_are_mappings": TakesAnyRow,
    "test_a_file_that_is_missing_is_refused": MissingIsEmpty,
    "test_files_are_loaded": DropsALine,
    "test_a_database_that_is_in_use_is_unavailable": TakesTurns,
    "test_the_database_is_released": KeepsItOpen,
    "test_an_incremental_source_is_loaded_once": BeginsAnew,
    "test_what_cannot_be_used_is_not_loaded": LoadsUnusable,
    "test_what_cannot_be_used_is_not_discovered": AsksNobody,
    "test_connectors_are_sorted": LastFirst,
    "test_a_connector_is_asked_for_its_rows": DropsARow,
    "test_an_unknown_connector_is_no_source": FindsAnyConnector,
    "test_wrong_configurations_are_no_sources": IgnoresConfigurations,
    "test_files_are_discovered": TakesRowsForNames,
    "test_streams_are_discovered": ListsStreams,
    "test_what_cannot_be_asked_is_not_discovered": DiscoversAnything,
    "test_nothing_of_a_refused_load_is_written": WritesWhatIsRefused,
    "test_no_load_follows_one_that_is_pending": LoadsMeanwhile,
    "test_pending_loads_are_discarded": CountsPending,
    "test_pending_loads_are_resumed": DropsPending,
    "test_a_load_that_is_refused_again_stays_pending": HidesRefusals,
}


def test_a_correct_plugin_keeps_every_rule_and_they_all_apply() -> None:
    result = check(NewConformance)
    assert (dict(result.failed), list(result.skipped)) == ({}, [])


def test_a_plugin_of_the_older_api_is_not_asked_for_what_it_lacks() -> None:
    result = run(JsonConformance, FAULTY)
    applying = {"test_rows_are_mappings", "test_a_file_that_is_missing_is_refused"}
    assert (dict(result.failed), set(result.skipped)) == ({}, FAULTY.keys() - applying)


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(run(conformance(NewConformance, FAULTY[rule]), FAULTY).failed) == [rule]
