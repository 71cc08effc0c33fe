from __future__ import annotations

import contextlib
import logging
import multiprocessing
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import process_limits
import pyarrow as pa
import pytest
from catalogs import configured, status_of
from drilling import states, stopped
from floe_reference_catalog_iceberg import IcebergCatalog

from floe_plugins import (
    CatalogPlugin,
    HealthState,
    PluginRegistry,
    PluginState,
    PluginUnavailableError,
    SecretsPlugin,
    StoragePlugin,
)

EVENTS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": ["north", None, "south"],
        "at": pa.array([datetime(2026, 1, 8)] * 3, pa.timestamp("us")),  # noqa: DTZ001 Iceberg's timestamp has no zone
        "tags": [["a"], [], None],
        "place": [{"x": 1.5}] * 3,
    }
)
PASSWORD = "hunter2-Zq8xW0vK"  # noqa: S105


@contextlib.contextmanager
def platform(root: Path, **settings: Any) -> Iterator[PluginRegistry]:
    with PluginRegistry(configured(root, **settings)) as registry:
        yield registry
    assert registry.state(CatalogPlugin, "iceberg") is PluginState.STOPPED
    assert registry.problems == ()


@pytest.fixture
def registry(tmp_path: Path, database: Path) -> Iterator[PluginRegistry]:  # noqa: ARG001 it is to be there
    with platform(tmp_path) as registry:
        assert registry.problems == ()
        yield registry


@pytest.fixture
def catalog(registry: PluginRegistry) -> CatalogPlugin:
    made = registry.get(CatalogPlugin, "iceberg")
    made.ensure_namespace("sales")
    return made


@pytest.fixture
def events(catalog: CatalogPlugin) -> CatalogPlugin:
    catalog.ensure_table("sales.events", EVENTS.schema)
    catalog.append("sales.events", EVENTS)
    return catalog


class OnlyRows:
    """A stream as the contract has it at its weakest: read once, nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.readers = [table.to_reader()]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.readers.pop().__arrow_c_stream__(requested_schema)


def rows(stream: Any) -> list[dict[str, Any]]:
    return pa.table(stream).to_pylist()


def test_what_was_replaced_is_gone_and_the_rest_of_the_table_stays(catalog: CatalogPlugin) -> None:
    made = catalog.ensure_table("sales.events", EVENTS.schema)
    first = catalog.replace("sales.events", EVENTS)
    second = catalog.replace("sales.events", OnlyRows(EVENTS.slice(0, 1)))

    assert rows(catalog.read("sales.events")) == rows(EVENTS.slice(0, 1))
    assert len({first, second}) == 2
    assert catalog.ensure_table("sales.events", EVENTS.schema).location == made.location


def test_rows_that_do_not_fit_replace_nothing(events: CatalogPlugin) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        events.replace("sales.events", pa.table({"id": ["text"]}))
    with pytest.raises(LookupError):
        events.replace("sales.nothing", EVENTS)

    assert rows(events.read("sales.events")) == rows(EVENTS)


def test_what_was_appended_is_read(catalog: CatalogPlugin) -> None:
    catalog.ensure_table("sales.events", EVENTS.schema)
    assert rows(catalog.read("sales.events")) == []

    catalog.append("sales.events", EVENTS)
    catalog.append("sales.events", EVENTS)

    assert sorted(rows(catalog.read("sales.events")), key=lambda row: row["id"]) == [
        row for row in EVENTS.to_pylist() for _ in range(2)
    ]


def test_what_was_read_can_be_read_again_and_after_changes(events: CatalogPlugin) -> None:
    found = events.read("sales.events")
    events.append("sales.events", EVENTS)
    events.drop_table("sales.events", purge=True)

    assert rows(found) == EVENTS.to_pylist()
    assert rows(found) == EVENTS.to_pylist()


def test_a_stream_that_can_be_read_once_is_enough(catalog: CatalogPlugin) -> None:
    catalog.ensure_table("sales.events", OnlyRows(EVENTS))

    catalog.append("sales.events", OnlyRows(EVENTS))

    assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()


def test_tables_outlast_the_platform(events: CatalogPlugin, registry: PluginRegistry, tmp_path: Path) -> None:
    before = events.ensure_table("sales.events", EVENTS.schema)
    registry.shutdown()

    with platform(tmp_path) as again:
        catalog = again.get(CatalogPlugin, "iceberg")
        assert catalog.ensure_table("sales.events", EVENTS.schema) == before
        assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()


def test_columns_come_in_the_order_asked_for(events: CatalogPlugin) -> None:
    found = pa.table(events.read("sales.events", columns=["name", "id"]))

    assert found.column_names == ["name", "id"]
    assert found.to_pylist() == [{"name": row["name"], "id": row["id"]} for row in EVENTS.to_pylist()]


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_a_limit_holds_over_all_files(events: CatalogPlugin, limit: int) -> None:
    events.append("sales.events", EVENTS)

    assert len(rows(events.read("sales.events", limit=limit))) == min(limit, 6)


def test_a_negative_limit_and_unknown_columns_are_refused(events: CatalogPlugin) -> None:
    with pytest.raises(ValueError, match="negative"):
        events.read("sales.events", limit=-1)
    with pytest.raises(ValueError, match=r"no columns \['nmae'\]: expected some of \['id', 'name'"):
        events.read("sales.events", columns=["id", "nmae"])


def test_a_namespace_is_made_once(catalog: CatalogPlugin) -> None:
    assert catalog.ensure_namespace("marketing.eu") is True
    assert catalog.ensure_namespace("marketing.eu") is False
    assert catalog.ensure_namespace("sales") is False


def test_a_table_is_made_once_and_lies_in_the_storage(catalog: CatalogPlugin, registry: PluginRegistry) -> None:
    made = catalog.ensure_table("sales.events", EVENTS.schema)

    assert catalog.ensure_table("sales.events", EVENTS.schema) == made
    assert made.identifier == "sales.events"
    assert made.snapshot_id is None
    assert made.location == registry.get(StoragePlugin, "local").uri("sales/events")


def test_a_table_knows_its_current_snapshot(catalog: CatalogPlugin) -> None:
    catalog.ensure_table("sales.events", EVENTS.schema)
    first = catalog.append("sales.events", EVENTS)
    second = catalog.append("sales.events", EVENTS)

    assert first != second
    assert catalog.ensure_table("sales.events", EVENTS.schema).snapshot_id == second


def test_a_table_is_not_taken_for_one_with_another_schema(events: CatalogPlugin) -> None:
    reordered = pa.schema([EVENTS.schema.field(name) for name in ("name", "id", "at", "tags", "place")])
    assert events.ensure_table("sales.events", reordered).identifier == "sales.events"

    for other, said in (
        (EVENTS.schema.append(pa.field("extra", pa.int64())), "extra is missing there, not int64"),
        (EVENTS.schema.remove(1), "name is string there, not missing"),
        (EVENTS.schema.set(0, pa.field("id", pa.string())), "id is long there, not string"),
        (EVENTS.schema.set(0, pa.field("id", pa.int64(), nullable=False)), "id is long there, not long, never null"),
    ):
        with pytest.raises(ValueError, match=said):
            events.ensure_table("sales.events", other)


def test_types_that_iceberg_lacks_are_refused(catalog: CatalogPlugin) -> None:
    for kind in (pa.timestamp("ns"), pa.null(), pa.month_day_nano_interval()):
        with pytest.raises(ValueError, match="cannot have this schema"):
            catalog.ensure_table("sales.strange", pa.schema({"a": kind}))

    assert catalog.list_tables() == ()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (pa.table({"id": ["no number"]}), "id is string, but long in the table"),
        (pa.table({"id": [1], "extra": [1]}), "extra is int64, but missing in the table"),
    ],
)
def test_rows_that_do_not_fit_change_nothing(
    events: CatalogPlugin, other: pa.Table, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=said):
        events.append("sales.events", other)

    assert rows(events.read("sales.events")) == EVENTS.to_pylist()
    assert capsys.readouterr().out == ""


def test_rows_fit_if_their_types_are_narrower_and_columns_are_left_out(events: CatalogPlugin) -> None:
    events.append("sales.events", pa.table({"id": pa.array([4], pa.int32())}))

    found = {row["id"]: row["name"] for row in rows(events.read("sales.events"))}
    assert found == {1: "north", 2: None, 3: "south", 4: None}


def test_columns_are_told_by_their_names_not_by_the_ids_of_another_table(catalog: CatalogPlugin) -> None:
    catalog.ensure_table("sales.numbers", pa.schema({"a": pa.int64(), "b": pa.int64()}))
    ids = {"a": b"2", "b": b"1"}
    foreign = pa.schema([pa.field(name, pa.int64(), metadata={"PARQUET:field_id": ids[name]}) for name in ("a", "b")])

    catalog.append("sales.numbers", pa.table({"a": [1], "b": [2]}, schema=foreign))

    assert catalog.ensure_table("sales.numbers", foreign).identifier == "sales.numbers"
    assert rows(catalog.read("sales.numbers")) == [{"a": 1, "b": 2}]


def test_what_is_not_there_is_said(catalog: CatalogPlugin) -> None:
    for call in (
        lambda: catalog.append("sales.nothing", EVENTS),
        lambda: catalog.read("sales.nothing"),
        lambda: catalog.ensure_table("nowhere.events", EVENTS.schema),
        lambda: catalog.list_tables("nowhere"),
    ):
        with pytest.raises(LookupError, match=r"nothing|nowhere"):
            call()


def many(pieces: int) -> pa.RecordBatchReader:
    """Rows that come a piece at a time, of 16 MB each."""
    piece = pa.record_batch({"id": pa.array(range(100_000)), "text": [f"{n:0150}" for n in range(100_000)]})
    return pa.RecordBatchReader.from_batches(piece.schema, (piece for _ in range(pieces)))


def test_many_rows_are_written_and_read_a_part_at_a_time(catalog: CatalogPlugin) -> None:
    catalog.ensure_table("sales.many", many(0).schema)
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    most = 0
    catalog.replace("sales.many", many(12))

    rows_there = 0
    for batch in pa.RecordBatchReader.from_stream(catalog.read("sales.many", columns=["text", "id"])):
        assert batch.schema.names == ["text", "id"]
        rows_there += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)

    assert rows_there == 1_200_000
    assert most < 12 * 16_000_000 / 2


def test_a_stream_that_breaks_off_changes_nothing_and_leaves_no_files(
    events: CatalogPlugin, registry: PluginRegistry
) -> None:
    storage = registry.get(StoragePlugin, "local")
    before = storage.list()

    def pages() -> Iterator[pa.RecordBatch]:
        yield from [pa.record_batch({"id": [1] * 5_000_000})] * 2
        raise OSError("the line is cut")

    broken = pa.RecordBatchReader.from_batches(pa.schema({"id": pa.int64()}), pages())
    with pytest.raises(OSError, match="the line is cut"):
        events.append("sales.events", broken)

    assert rows(events.read("sales.events")) == EVENTS.to_pylist()
    assert storage.list() == before


def test_files_do_not_become_more_with_each_change(tmp_path: Path, database: Path) -> None:  # noqa: ARG001
    with platform(tmp_path, keep_snapshots=3, orphan_age=0) as registry:
        catalog, storage = registry.get(CatalogPlugin, "iceberg"), registry.get(StoragePlugin, "local")
        catalog.ensure_namespace("sales")
        catalog.ensure_table("sales.events", EVENTS.schema)
        files = []
        with storage.open("sales/events/data/of-a-process-that-died.parquet", "wb") as file:
            file.write(b"PAR1")
        for _ in range(16):
            catalog.replace("sales.events", EVENTS)
            files.append(len(storage.list("sales/events/")))

        assert len(set(files[-4:])) == 1
        assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()
        assert not [file for file in storage.list() if "died" in file.path]


def test_what_an_older_snapshot_shares_with_a_newer_one_stays(tmp_path: Path, database: Path) -> None:  # noqa: ARG001
    with platform(tmp_path, keep_snapshots=1, orphan_age=0) as registry:
        catalog = registry.get(CatalogPlugin, "iceberg")
        catalog.ensure_namespace("sales")
        catalog.ensure_table("sales.events", EVENTS.schema)
        for _ in range(5):
            catalog.append("sales.events", EVENTS)

        assert len(rows(catalog.read("sales.events"))) == 5 * EVENTS.num_rows


def test_further_columns_are_added_where_the_configuration_says_so(tmp_path: Path, database: Path) -> None:  # noqa: ARG001
    wider = EVENTS.append_column("height", pa.array([7, 8, 9]))
    with platform(tmp_path, schema_changes="evolve") as registry:
        catalog = registry.get(CatalogPlugin, "iceberg")
        catalog.ensure_namespace("sales")
        catalog.ensure_table("sales.events", EVENTS.schema)
        catalog.append("sales.events", EVENTS)

        catalog.ensure_table("sales.events", wider.schema)
        catalog.append("sales.events", wider)
        catalog.ensure_table("sales.events", EVENTS.schema)
        catalog.append("sales.events", EVENTS)

        found = [row["height"] for row in rows(catalog.read("sales.events"))]
        assert sorted(found, key=str) == [7, 8, 9, *[None] * 6]
        with pytest.raises(ValueError, match="id is long there, not string"):
            catalog.ensure_table("sales.events", EVENTS.schema.set(0, pa.field("id", pa.string())))


def test_tables_are_listed_by_namespace_or_all(events: CatalogPlugin) -> None:
    events.ensure_namespace("sales.eu")
    events.ensure_namespace("empty")
    for identifier in ("sales.eu.events", "sales.a", "sales.eu.a"):
        events.ensure_table(identifier, EVENTS.schema)

    assert events.list_tables() == ("sales.a", "sales.eu.a", "sales.eu.events", "sales.events")
    assert events.list_tables("sales") == ("sales.a", "sales.events")
    assert events.list_tables("sales.eu") == ("sales.eu.a", "sales.eu.events")
    assert events.list_tables("empty") == ()


def test_a_dropped_table_leaves_its_files(events: CatalogPlugin, registry: PluginRegistry) -> None:
    storage = registry.get(StoragePlugin, "local")

    assert events.drop_table("sales.events") is True
    assert events.drop_table("sales.events") is False
    assert events.drop_table("nowhere.events", purge=True) is False
    assert events.list_tables() == ()
    assert storage.list("sales/events/") != ()


def test_a_purged_table_leaves_nothing(events: CatalogPlugin, registry: PluginRegistry) -> None:
    events.append("sales.events", EVENTS)
    storage = registry.get(StoragePlugin, "local")

    assert events.drop_table("sales.events", purge=True) is True
    assert storage.list() == ()
    assert events.ensure_table("sales.events", EVENTS.schema).snapshot_id is None


@pytest.mark.parametrize(
    "identifier",
    ["events", "", ".", "sales.", "sales..events", "sales/../../x.events", "sales.a/b", "sales.a#b", "a.\0"],
)
def test_no_identifier_leads_out_of_the_storage(catalog: CatalogPlugin, identifier: str) -> None:
    for call in (
        lambda: catalog.ensure_table(identifier, EVENTS.schema),
        lambda: catalog.append(identifier, EVENTS),
        lambda: catalog.read(identifier),
        lambda: catalog.drop_table(identifier),
    ):
        with pytest.raises(ValueError, match="no identifier"):
            call()
    if identifier != "events":
        with pytest.raises(ValueError, match="no identifier"):
            catalog.ensure_namespace(identifier)


def test_two_catalogs_of_one_database_do_not_see_each_other(events: CatalogPlugin, tmp_path: Path) -> None:
    assert events.list_tables() == ("sales.events",)
    with platform(tmp_path, catalog="another") as registry:
        assert registry.get(CatalogPlugin, "iceberg").list_tables() == ()


def test_of_many_threads_none_loses_rows_or_makes_a_table_twice(catalog: CatalogPlugin) -> None:
    together = threading.Barrier(6)
    failures: list[BaseException] = []
    made: list[bool] = []

    def work(number: int) -> None:
        try:
            together.wait()
            made.append(catalog.ensure_namespace("shared"))
            catalog.ensure_table("shared.numbers", pa.schema({"n": pa.int64()}))
            for turn in range(3):
                catalog.append("shared.numbers", pa.table({"n": [number * 10 + turn]}))
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert made.count(True) == 1
    found = sorted(row["n"] for row in rows(catalog.read("shared.numbers")))
    assert found == sorted(number * 10 + turn for number in range(6) for turn in range(3))


def append_numbers(root: str, first: int) -> None:
    with PluginRegistry(configured(Path(root))) as registry:
        catalog = registry.get(CatalogPlugin, "iceberg")
        for number in range(first, first + 5):
            catalog.append("sales.numbers", pa.table({"n": [number]}))


def test_of_two_processes_none_loses_rows(catalog: CatalogPlugin, tmp_path: Path) -> None:
    catalog.ensure_table("sales.numbers", pa.schema({"n": pa.int64()}))
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=append_numbers, args=(str(tmp_path), first)) for first in (0, 100)]
    for other in others:
        other.start()
    for number in range(200, 205):
        catalog.append("sales.numbers", pa.table({"n": [number]}))
    for other in others:
        other.join()

    assert [other.exitcode for other in others] == [0, 0]
    found = sorted(row["n"] for row in rows(catalog.read("sales.numbers")))
    assert found == [*range(5), *range(100, 105), *range(200, 205)]


def test_a_database_that_answers_is_healthy(registry: PluginRegistry, database: Path) -> None:
    status = status_of(registry)

    assert status.state is HealthState.HEALTHY
    assert Path(status.details["database"].removeprefix("sqlite:///").replace("%20", " ")) == database


@contextlib.contextmanager
def locked(database: Path, how: str) -> Iterator[None]:
    """Another process that keeps the database."""
    code = f"""
        import sqlite3
        connection = sqlite3.connect({str(database)!r}, isolation_level=None)
        connection.execute("BEGIN {how}")
        print("locked", flush=True)
        input()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
        other.communicate("\n")


def kept_by(storage: StoragePlugin, content: bytes) -> bytes:
    """What is read of a file that was written just now."""
    with storage.open("beside", "wb") as file:
        file.write(content)
    with storage.open("beside") as file:
        return file.read()


@pytest.fixture
def required(tmp_path: Path, database: Path) -> Iterator[PluginRegistry]:  # noqa: ARG001 it is to be there
    """A platform that cannot do without its catalog and storage, with a table in it."""
    registry = PluginRegistry(configured(tmp_path, lock_timeout=0.2), required=["catalog:iceberg", "storage:local"])
    with registry:
        catalog = registry.get(CatalogPlugin, "iceberg")
        catalog.ensure_namespace("sales")
        catalog.ensure_table("sales.events", EVENTS.schema)
        catalog.append("sales.events", EVENTS)
        yield registry


# The catalog is stopped first; the two that it needs have no order of their own.
ORDER = ["catalog:iceberg", "secrets:env", "storage:local"]


@pytest.mark.drill("SQLite catalog locked by another process")
@pytest.mark.parametrize(
    ("how", "state", "said"),
    [
        ("EXCLUSIVE", HealthState.UNHEALTHY, "locked by another process"),
        ("IMMEDIATE", HealthState.DEGRADED, "not changed"),
    ],
)
def test_a_locked_database_is_unavailable_and_loses_nothing(
    required: PluginRegistry, database: Path, how: str, state: HealthState, said: str
) -> None:
    catalog = required.get(CatalogPlugin, "iceberg")
    with locked(database, how):
        with pytest.raises(PluginUnavailableError, match="locked by another process"):
            catalog.append("sales.events", EVENTS)
        report = required.health()
        assert kept_by(required.get(StoragePlugin, "local"), b"all the same") == b"all the same"
        assert required.get(SecretsPlugin, "env").secret_names() == ("CATALOG_URI",)

    assert report.state is state
    assert states(report) == {"catalog:iceberg": str(state), "secrets:env": "healthy", "storage:local": "healthy"}
    assert said in next(iter(report.statuses.values())).message
    assert set(states(required.health()).values()) == {"healthy"}
    assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()
    catalog.append("sales.events", EVENTS)
    assert len(rows(catalog.read("sales.events"))) == 6
    first, *others = stopped(required)
    assert [first, *sorted(others)] == ORDER


@pytest.mark.drill("SQLite catalog locked while the platform starts and stops")
def test_a_platform_starts_and_stops_without_a_database_that_stays_locked(
    request: pytest.FixtureRequest, required: PluginRegistry, tmp_path: Path, database: Path
) -> None:
    # It ends in the pause after the sixth try: one that was under way then would be told as too slow.
    limits = {"startup": 6}
    later = PluginRegistry(configured(tmp_path, lock_timeout=0.01), required=["catalog:iceberg"], timeouts=limits)
    request.addfinalizer(later.shutdown)
    with locked(database, "EXCLUSIVE"):
        first, *others = stopped(required)
        assert [first, *sorted(others)] == ORDER

        started = later.startup()
        report = later.health()
        assert kept_by(later.get(StoragePlugin, "local"), b"all the same") == b"all the same"

    [failed] = started.failed
    assert str(failed.ref) == "catalog:iceberg"
    assert "locked by another process" in failed.message
    assert failed.attempts > 1
    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"catalog:iceberg": "unhealthy", "secrets:env": "healthy", "storage:local": "healthy"}
    assert later.start(CatalogPlugin, "iceberg").ok
    assert rows(later.get(CatalogPlugin, "iceberg").read("sales.events")) == EVENTS.to_pylist()
    assert later.health().state is HealthState.HEALTHY
    first, *others = stopped(later)
    assert [first, *sorted(others)] == ORDER


def test_starting_waits_for_a_locked_database(tmp_path: Path, database: Path) -> None:
    with platform(tmp_path):
        pass
    registry = PluginRegistry(configured(tmp_path, lock_timeout=0.1), timeouts={"startup": 60})
    reports = []
    starting = threading.Thread(target=lambda: reports.append(registry.startup()))
    with locked(database, "EXCLUSIVE"):
        starting.start()
        while registry.state(StoragePlugin, "local") is not PluginState.STARTED:
            pass
    starting.join()

    assert reports[0].ok
    assert registry.shutdown().ok


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path, database: Path) -> None:
    database.parent.mkdir()
    database.write_bytes(b"no database" * 1000)
    registry = PluginRegistry(configured(tmp_path))

    [failed] = registry.startup().failed

    assert "file is not a database" in failed.message
    assert database.read_bytes() == b"no database" * 1000
    assert registry.shutdown().ok


MANY = pa.table({"id": pa.array([number * 7919 % 1000003 for number in range(300_000)], pa.int64())})


@pytest.mark.drill("Iceberg tables on a full disk")
def test_a_full_storage_loses_nothing_that_was_committed(required: PluginRegistry) -> None:
    catalog = required.get(CatalogPlugin, "iceberg")
    # Room for the database to work on, but not for the rows.
    with process_limits.no_space(200_000):
        with pytest.raises(OSError, match="File too large"):
            catalog.append("sales.events", MANY)
        report = required.health()
        assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()
    with process_limits.no_space(0):
        without_any = required.health()

    # Small things still have room: the catalog's own database, and what the storage tries.
    assert report.state is HealthState.HEALTHY
    assert without_any.state is HealthState.UNHEALTHY
    assert states(without_any)["storage:local"] == "unhealthy"
    assert set(states(required.health()).values()) == {"healthy"}
    catalog.append("sales.events", MANY)
    assert len(rows(catalog.read("sales.events"))) == EVENTS.num_rows + MANY.num_rows
    first, *others = stopped(required)
    assert [first, *sorted(others)] == ORDER


@pytest.fixture
def without_privileges() -> Iterator[None]:
    # A fixture, so that the threads of the platform have none either.
    with process_limits.without_privileges():
        yield


@pytest.mark.drill("Iceberg tables in a directory without permission")
@pytest.mark.usefixtures("without_privileges")
def test_a_storage_without_permission_loses_nothing_that_was_committed(
    required: PluginRegistry, tmp_path: Path
) -> None:
    catalog = required.get(CatalogPlugin, "iceberg")
    root = tmp_path / "it's a root"
    folders = [root, *(place for place in root.rglob("*") if place.is_dir())]
    for folder in folders:
        folder.chmod(0o500)

    try:
        with pytest.raises(PermissionError):
            catalog.append("sales.events", EVENTS)
        report = required.health()
        assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()
    finally:
        for folder in folders:
            folder.chmod(0o700)

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"catalog:iceberg": "healthy", "secrets:env": "healthy", "storage:local": "unhealthy"}
    assert set(states(required.health()).values()) == {"healthy"}
    assert rows(catalog.read("sales.events")) == EVENTS.to_pylist()
    catalog.append("sales.events", EVENTS)
    assert len(rows(catalog.read("sales.events"))) == 6
    first, *others = stopped(required)
    assert [first, *sorted(others)] == ORDER


@pytest.mark.parametrize(
    "uri",
    [
        PASSWORD,
        f"{PASSWORD}://x/y",
        f"postgresql+nodriver://floe:{PASSWORD}@db/catalog",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:memory?mode=memory&uri=true",
        "",
    ],
)
def test_a_secret_that_is_no_uri_of_a_usable_database_is_not_shown(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", uri)
    registry = PluginRegistry(configured(tmp_path))

    report = registry.startup()

    [failed] = report.failed
    assert "the secret CATALOG_URI" in failed.message
    chain = [str(report), caplog.text, *(str(status) for status in registry.health().statuses.values())]
    cause = failed.cause
    while cause is not None:
        chain.append(f"{cause!r} {cause}")
        cause = cause.__cause__ or cause.__context__
    assert PASSWORD not in "\n".join(chain)
    assert registry.shutdown().ok


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    registry = PluginRegistry(configured(tmp_path, uri_name="NOT_THERE"))

    [failed] = registry.startup().failed

    assert "the secrets plugin 'env' has no NOT_THERE" in failed.message
    registry.shutdown()


def test_the_password_of_a_database_is_in_no_error_and_no_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, database: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    # SQLite has no passwords; what a URI says beside its place is hidden all the same.
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", f"sqlite:///file:{database.name}?uri=true&cache={PASSWORD}")
    monkeypatch.chdir(tmp_path)
    registry = PluginRegistry(configured(tmp_path))

    [failed] = registry.startup().failed

    assert "CATALOG" in failed.message.upper()
    assert PASSWORD not in str(failed.message) + caplog.text + str(status_of(registry))
    registry.shutdown()


def test_a_root_that_pyiceberg_would_cut_off_is_refused(tmp_path: Path, database: Path) -> None:
    config = configured(tmp_path)
    config["plugins"]["storage"]["local"]["root"] = str(tmp_path / "no #1")
    registry = PluginRegistry(config)

    [failed] = registry.startup().failed

    assert "cannot write below" in failed.message
    assert not database.exists()
    registry.shutdown()


def test_the_plugins_it_needs_can_be_named_and_start_first(tmp_path: Path, database: Path) -> None:
    with platform(tmp_path, storage="local", uri_from="env") as registry:
        order = [str(ref) for ref in registry.resolve()]
        assert registry.get(SecretsPlugin, "env").secret_names() == ("CATALOG_URI",)

    assert order[-1] == "catalog:iceberg"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM iceberg_tables").fetchone() == (0,)


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_catalog_iceberg;"
        "print({'pyiceberg', 'pyarrow', 'sqlalchemy', 'numpy', 'pandas', 'fsspec'} & {*sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout == "set()\n"
    assert IcebergCatalog.name == "iceberg"
