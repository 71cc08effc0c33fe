"""A correct engine of API 1.1 keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import contextlib
import queue
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import duckdb
import faulty_runs
from conformance_suite import RulesOfNewerApi
from testing.conformance.test_compute import Duck, DuckConformance, collected

from floe_plugins import ComputePlugin, PluginTimeoutError, UnsupportedOperationError
from floe_plugins.hookspecs import ComputeCapabilities, Files, InThread, RunState, WriteReport
from floe_plugins.testing.conformance.samples.arrow import table


def local(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))


def rows_of(cursor: Any, result: Any) -> Any:
    return collected(cursor.sql("SELECT 0 AS n WHERE false") if result is None else result)


class NewDuck(Duck):
    """The engine with the hooks of API 1.1."""

    floe_api_version = "1.1"
    query_class: type[InThread[Any]] = InThread
    holder: int | None = None

    @contextlib.contextmanager
    def cursor(self):
        self.wait_for_leaseholder()
        with super().cursor() as cursor:
            yield cursor

    def wait_for_leaseholder(self) -> None:
        with self.changed:
            if self.holder == threading.get_ident():
                raise RuntimeError("within a lease")
            self.changed.wait_for(lambda: self.holder is None)

    def submit(self, sql, parameters=None, timeout=None):
        cursors: queue.SimpleQueue[Any] = queue.SimpleQueue()
        done = threading.Event()

        def run() -> Any:
            try:
                with self.cursor() as cursor:
                    self.make_views(cursor)
                    cursors.put(cursor)
                    return rows_of(cursor, cursor.sql(sql, params=parameters))
            finally:
                done.set()

        def interrupt() -> None:
            cursor = cursors.get(timeout=10)
            # What was interrupted before it began runs on.
            while not done.wait(0.002):
                with contextlib.suppress(duckdb.ConnectionException):  # it has just been closed
                    cursor.interrupt()

        return self.query_class(run, "a query", interrupt, timeout)

    def make_views(self, cursor: Any) -> None:
        for name, source in self.attached().items():
            place = local(source.uri)
            pattern = place / "*.csv" if place.is_dir() else place
            sign = source.options.get("delim", ",")
            rows = f"SELECT * FROM read_csv('{pattern}', header=true, delim='{sign}')"  # noqa: S608 a file of the suite
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")

    def execute(self, sql, parameters=None):
        with self.cursor() as cursor:
            self.make_views(cursor)
            return rows_of(cursor, cursor.sql(sql, params=parameters))

    views: Any = None

    def attached(self) -> dict[str, Files]:
        if self.views is None:
            self.views = {}
        return self.views

    def close(self):
        super().close()
        self.views = {}

    def attach(self, name, source):
        if source.format not in {"csv", "parquet"}:
            raise UnsupportedOperationError(source.format)
        self.check_files(source)
        self.attached()[name] = source

    def check_files(self, source: Files) -> None:
        self.check_place(source)
        place = local(source.uri)
        if not list(place.parent.glob(place.name)) or source.format != "csv":
            raise ValueError(source.uri)

    def check_place(self, files: Files) -> None:
        if urlsplit(files.uri).scheme not in {"", "file"}:
            raise ValueError(files.uri)

    def write(self, sql, target, mode="error"):
        self.check_place(target)
        if target.format != "csv":
            raise UnsupportedOperationError(target.format)
        place = self.target(local(target.uri), mode)
        with self.cursor() as cursor:
            sign = target.options.get("delim", ",")
            [[count]] = cursor.execute(f"COPY ({sql}) TO '{place}' (HEADER, DELIM '{sign}')").fetchall()
        return WriteReport(target.uri, count)

    def target(self, place: Path, mode: str) -> Path:
        if mode == "append":
            place.mkdir(exist_ok=True)
            return place / f"{len(list(place.iterdir()))}.csv"
        if mode == "error" and place.exists():
            raise FileExistsError(place)
        return place

    def capabilities(self):
        return ComputeCapabilities(cancel=True, transactions=True, formats=("csv", "parquet"), targets=("csv",))

    @contextlib.contextmanager
    def lease(self):
        self.close()
        self.holder = threading.get_ident()
        try:
            yield
        finally:
            with self.changed:
                self.holder = None
                self.changed.notify_all()


class NewDuckConformance(DuckConformance):
    plugin = NewDuck
    semicolons = {"delim": ";"}  # noqa: RUF012 as an author writes it
    endless = "SELECT max(a.i + b.i * c.i) FROM range(100000) a(i), range(100000) b(i), range(100000) c(i)"


class Lookalike(NewDuck):
    def submit(self, sql, parameters=None, timeout=None):
        return faulty_runs.Lookalike(super().submit(sql, parameters, timeout))


class EmptiesItsResult(NewDuck):
    class query_class(InThread[Any]):  # noqa: N801
        is_read = False

        def result(self, timeout=None):
            found = super().result(timeout)
            if self.is_read:
                return table({"n": []})
            self.is_read = True
            return found


class ReadsTheFirstBatch(NewDuck):
    def submit(self, sql, parameters=None, timeout=None):
        return super().submit(f"{sql} LIMIT 2048" if "t3" in sql else sql, parameters, timeout)


class OneId(NewDuck):
    query_class = faulty_runs.OneId


class SubmitsUnbound(NewDuck):
    def submit(self, sql, parameters=None, timeout=None):
        return super().submit(sql, None, timeout)


class ForgetsTables(NewDuck):
    def submit(self, sql, parameters=None, timeout=None):
        return super().submit(sql.replace("conformance_data", "other_data"), parameters, timeout)


class ChecksFirst(NewDuck):
    def submit(self, sql, parameters=None, timeout=None):
        self.execute(f"EXPLAIN {sql}", parameters)
        return super().submit(sql, parameters, timeout)


class AlwaysSucceeds(NewDuck):
    class query_class(InThread[Any]):  # noqa: N801
        @property
        def state(self):
            found = super().state
            return RunState.SUCCEEDED if found is RunState.FAILED else found


class CancelsWhatEnded(NewDuck):
    class query_class(InThread[Any]):  # noqa: N801
        def cancel(self):
            super().cancel()
            self._state = RunState.CANCELLED


class NeverRuns(NewDuck):
    query_class = faulty_runs.NeverRuns


class EndsWithPatience(NewDuck):
    query_class = faulty_runs.EndsWithPatience


class CancelledIsBroken(NewDuck):
    class query_class(InThread[Any]):  # noqa: N801
        def cancel(self):
            self._stop(RunState.CANCELLED, RuntimeError("interrupted"))


class TimeoutIsBroken(NewDuck):
    class query_class(InThread[Any]):  # noqa: N801
        def result(self, timeout=None):
            try:
                return super().result(timeout)
            except PluginTimeoutError as error:
                raise RuntimeError("interrupted") from error


class ListsFormats(NewDuck):
    def capabilities(self):
        return ComputeCapabilities(cancel=True, formats=["csv"], targets=("csv",))  # type: ignore[arg-type]


class WritesNothing(NewDuck):
    write = ComputePlugin.write


class UsesItsLease(NewDuck):
    def wait_for_leaseholder(self):
        if self.holder != threading.get_ident():
            super().wait_for_leaseholder()


class LeasesInABlock(NewDuck):
    @contextlib.contextmanager
    def lease(self):
        if threading.get_ident() in self.users:
            yield
        else:
            with super().lease():
                yield


class LetsOthersIn(NewDuck):
    def wait_for_leaseholder(self):
        if self.holder == threading.get_ident():
            raise RuntimeError("within a lease")


class LosesDataOfALease(NewDuck):
    @contextlib.contextmanager
    def lease(self):
        with super().lease():
            yield
        Path(self.config.path).unlink(missing_ok=True)


class SubmitsQueriesAlone(NewDuck):
    def submit(self, sql, parameters=None, timeout=None):
        return None if sql.startswith("CREATE") else super().submit(sql, parameters, timeout)


class ReadsCommas(NewDuck):
    def attach(self, name, source):
        super().attach(name, source if name.endswith("written") else attrs.evolve(source, options={}))


class LooksAtThePath(NewDuck):
    def check_place(self, files):
        pass


class ReadsOneOfAPattern(NewDuck):
    def attach(self, name, source):
        super().attach(name, attrs.evolve(source, uri=source.uri.replace("*", "1")))


class WritesCommas(NewDuck):
    def write(self, sql, target, mode="error"):
        return super().write(sql, attrs.evolve(target, options={}), mode)


class SaysWhatItAttached(NewDuck):
    def attach(self, name, source):
        super().attach(name, source)
        return name


class AttachesOnce(NewDuck):
    def attach(self, name, source):
        if name not in self.attached() or name.endswith("written"):
            super().attach(name, source)


class AttachesAnything(NewDuck):
    def check_files(self, source):
        if source.format != "csv":
            super().check_files(source)
        else:
            self.check_place(source)


class AttachesAnyFormat(NewDuck):
    def check_files(self, source):
        if source.format == "csv":
            super().check_files(source)


class FormatIsAValue(NewDuck):
    def attach(self, name, source):
        if source.format == "conformance":
            raise ValueError(source.format)
        super().attach(name, source)


class KeepsFiles(NewDuck):
    def release(self):
        kept = self.attached()
        super().release()
        self.views = kept


class SaysWhere(NewDuck):
    def write(self, sql, target, mode="error"):
        return super().write(sql, target, mode).uri


class WritesOver(NewDuck):
    def target(self, place, mode):
        return super().target(place, "replace" if mode == "error" else mode)


class ReplacesNothing(NewDuck):
    def write(self, sql, target, mode="error"):
        if mode == "replace":
            old = f"SELECT n FROM read_csv('{local(target.uri)}', header=true)"  # noqa: S608 a file of the suite
            sql = f"{sql} UNION ALL {old}"
        return super().write(sql, target, mode)


class AppendsNothing(NewDuck):
    def target(self, place, mode):
        return super().target(place, "replace" if mode == "append" else mode)


class TargetIsAValue(NewDuck):
    def write(self, sql, target, mode="error"):
        if target.format == "conformance":
            raise ValueError(target.format)
        return super().write(sql, target, mode)


FAULTY: dict[str, type[Any]] = {
    "test_a_submitted_query_gives_its_rows": Lookalike,
    "test_a_result_that_was_read_has_all_rows_again": EmptiesItsResult,
    "test_a_submitted_query_may_have_many_rows": ReadsTheFirstBatch,
    "test_a_statement_that_is_no_query_is_submitted": SubmitsQueriesAlone,
    "test_files_are_read_with_their_options": ReadsCommas,
    "test_files_of_unknown_places_are_refused": LooksAtThePath,
    "test_a_pattern_is_that_of_files": ReadsOneOfAPattern,
    "test_files_are_written_with_their_options": WritesCommas,
    "test_a_query_has_an_id_of_its_own": OneId,
    "test_parameters_of_a_submitted_query_are_bound": SubmitsUnbound,
    "test_a_submitted_query_knows_registered_tables": ForgetsTables,
    "test_an_error_of_a_query_is_raised_by_its_result": ChecksFirst,
    "test_the_state_says_how_a_query_ended": AlwaysSucceeds,
    "test_cancelling_a_query_that_ended_does_nothing": CancelsWhatEnded,
    "test_submitting_returns_while_the_query_runs": NeverRuns,
    "test_a_result_is_waited_for_no_longer_than_asked": EndsWithPatience,
    "test_a_query_is_cancelled": CancelledIsBroken,
    "test_a_query_keeps_its_timeout": TimeoutIsBroken,
    "test_capabilities_are_a_record": ListsFormats,
    "test_formats_are_those_of_its_hooks": WritesNothing,
    "test_the_leaseholder_does_not_use_the_plugin": UsesItsLease,
    "test_leasing_within_a_block_is_refused": LeasesInABlock,
    "test_others_wait_for_the_leaseholder": LetsOthersIn,
    "test_committed_data_are_kept_by_a_lease": LosesDataOfALease,
    "test_attached_files_are_queried_by_their_name": SaysWhatItAttached,
    "test_an_attached_table_is_replaced": AttachesOnce,
    "test_files_that_are_missing_are_not_attached": AttachesAnything,
    "test_files_of_another_format_are_not_attached": AttachesAnyFormat,
    "test_unknown_formats_are_not_attached": FormatIsAValue,
    "test_attached_tables_are_not_kept": KeepsFiles,
    "test_rows_are_written_to_files": SaysWhere,
    "test_files_that_are_there_are_not_written": WritesOver,
    "test_files_are_replaced": ReplacesNothing,
    "test_files_are_appended": AppendsNothing,
    "test_unknown_formats_are_not_written": TargetIsAValue,
}


class TestQueriesAndFiles(RulesOfNewerApi):
    new = NewDuckConformance
    old = DuckConformance
    faulty = FAULTY
    # The thread that is not to be let in may be slow to come.
    attributes = {"test_others_wait_for_the_leaseholder": {"lease_seconds": 10.0}}  # noqa: RUF012 not changed
