from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pyarrow as pa
import pytest
from drilling import states, stopped
from floe_reference_compute_duckdb import DuckDBCompute
from process_limits import no_space

from floe_plugins import (
    ComputePlugin,
    HealthState,
    HealthStatus,
    IngestionPlugin,
    PluginError,
    PluginRegistry,
    PluginState,
    PluginType,
    PluginUnavailableError,
    UnsupportedOperationError,
)
from floe_plugins.hookspecs.ingestion import SchemaChange, Severity

READ = "import duckdb, json, sys; db = duckdb.connect(sys.argv[1]); print(json.dumps(db.sql(sys.argv[2]).fetchall()))"
HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
# A table that dlt would fill, but that refuses numbers from 10 on.
SMALL = """
CREATE TABLE raw.{}(
    id BIGINT CHECK (id < 10), _dlt_load_id VARCHAR NOT NULL, _dlt_id VARCHAR NOT NULL
)"""


class Place:
    """Where the database and the state of the tests lie."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = home / "data" / "warehouse.duckdb"
        self.state = home / "state"

    def config(self, **settings: Any) -> dict[str, Any]:
        return {
            "plugins": {
                "storage": {"local": {"root": str(self.database.parent)}},
                "compute": {"duckdb": {"path": self.database.name}},
                "ingestion": {"dlt": {"state": str(self.state), **settings}},
            }
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What another process reads; it needs a database that nobody holds."""
        done = subprocess.run(
            [sys.executable, "-c", READ, str(self.database), sql],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [tuple(row) for row in json.loads(done.stdout)]

    def ids(self, table: str) -> list[int]:
        return [row[0] for row in self.rows(f"SELECT id FROM raw.{table} ORDER BY id")]  # noqa: S608 tests' own


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def started() -> Iterator[Callable[[dict[str, Any]], PluginRegistry]]:
    registries = []

    def start(config: dict[str, Any]) -> PluginRegistry:
        registry = PluginRegistry(config)
        registries.append(registry)
        registry.startup().raise_for_failures()
        return registry

    yield start
    for registry in registries:
        registry.shutdown()


@pytest.fixture
def registry(place: Place, started: Callable[..., PluginRegistry]) -> PluginRegistry:
    return started(place.config(keys={"orders": ["id"]}))


@pytest.fixture
def dlt(registry: PluginRegistry) -> IngestionPlugin:
    return registry.one(IngestionPlugin)


def health_of_dlt(registry: PluginRegistry) -> HealthStatus:
    [status] = [status for ref, status in registry.health().statuses.items() if ref.type is PluginType.INGESTION]
    return status


def made_small(registry: PluginRegistry, table: str) -> None:
    """Have a table whose next load of large numbers fails while it is written."""
    compute = registry.one(ComputePlugin)
    compute.execute("CREATE SCHEMA IF NOT EXISTS raw")
    compute.execute(SMALL.format(table))


def files(place: Place) -> list[str]:
    return [str(path.relative_to(place.state)) for path in place.state.rglob("*")]


def test_rows_become_a_table_and_lists_within_them_tables_of_their_own(dlt: IngestionPlugin, place: Place) -> None:
    report = dlt.run([{"id": 1, "items": [{"what": "tea"}, {"what": "milk"}]}, {"id": 2}], "orders")

    assert report.rows == {"orders": 2, "orders__items": 2}
    assert set(report.schema_changes) == {
        SchemaChange("orders", "id", "bigint"),
        SchemaChange("orders__items", "what", "text"),
    }
    assert report.load_id
    assert report.seconds > 0
    assert place.ids("orders") == [1, 2]
    assert place.rows("SELECT what FROM raw.orders__items ORDER BY 1") == [("milk",), ("tea",)]


def test_the_compute_plugin_reads_what_was_loaded_and_its_committed_tables_stay(
    registry: PluginRegistry, dlt: IngestionPlugin
) -> None:
    compute = registry.one(ComputePlugin)
    compute.execute("CREATE TABLE own AS SELECT 7 AS id")

    report = dlt.run([{"id": 1}], "orders")

    with compute.connect() as connection:
        loaded = connection.cursor().execute("SELECT o.id, _dlt_load_id, own.id FROM raw.orders o, own").fetchall()
    assert loaded == [(1, report.load_id, 7)]


def test_appending_adds_rows_be_there_keys_or_not(dlt: IngestionPlugin, place: Place) -> None:
    dlt.run([{"id": 1}], "orders", "merge")

    for _ in range(2):
        dlt.run([{"id": 1}, {"id": 2}], "orders")

    assert place.ids("orders") == [1, 1, 1, 2, 2]


def test_replacing_leaves_only_the_new_rows(dlt: IngestionPlugin, place: Place) -> None:
    dlt.run([{"id": 1, "items": [{"a": 1}]}], "orders")

    dlt.run([{"id": 2}], "orders", "replace")

    assert place.ids("orders") == [2]
    assert place.rows("FROM raw.orders__items") == []


def test_replacing_by_nothing_empties_the_table(dlt: IngestionPlugin, place: Place) -> None:
    dlt.run([{"id": 1}], "orders")

    report = dlt.run([], "orders", "replace")

    assert report.rows == {"orders": 0}
    assert place.ids("orders") == []


def test_merging_puts_rows_in_the_place_of_those_with_the_same_key(dlt: IngestionPlugin, place: Place) -> None:
    dlt.run([{"id": 1, "name": "old", "items": [{"a": 1}]}, {"id": 2, "name": "kept"}], "orders", "merge")

    dlt.run([{"id": 1, "name": "new"}, {"id": 3, "name": "added"}], "orders", "merge")

    assert place.rows("SELECT id, name FROM raw.orders ORDER BY id") == [(1, "new"), (2, "kept"), (3, "added")]
    assert place.rows("FROM raw.orders__items") == []


def test_merging_without_keys_is_refused(dlt: IngestionPlugin, place: Place) -> None:
    with pytest.raises(ValueError, match=r"expected them in plugins\.ingestion\.dlt\.keys"):
        dlt.run([{"id": 1}], "customers", "merge")

    assert files(place) == ["raw"]


def test_a_dlt_resource_brings_its_own_keys_and_is_left_as_it_was(dlt: IngestionPlugin, place: Place) -> None:
    import dlt as engine

    resource = engine.resource([{"id": 1}], name="people", primary_key="id")

    for mode in ("merge", "append", "merge"):
        dlt.run(resource, "customers", mode)  # type: ignore[arg-type]
        if mode == "append":
            assert place.ids("customers") == [1, 1]

    assert place.ids("customers") == [1]
    assert resource.name == "people"
    assert resource.write_disposition == "append"


@pytest.mark.parametrize("key", [None, "id"])
def test_an_incremental_resource_goes_on_where_the_last_load_ended_on_any_machine(
    place: Place, started: Callable[..., PluginRegistry], key: str | None
) -> None:
    import dlt as engine

    def numbers(until: int) -> Any:
        @engine.resource(name="numbers", primary_key=key)
        def rows(cursor: Any = engine.sources.incremental("id")) -> Any:  # noqa: B008 that is dlt's way
            assert cursor is not None
            yield [{"id": number} for number in range(1, until + 1)]

        return rows

    first = started(place.config())
    assert first.one(IngestionPlugin).run(numbers(3), "numbers").rows == {"numbers": 3}
    first.shutdown()

    second = started(place.config(state=str(place.home / "another")))
    assert second.one(IngestionPlugin).run(numbers(5), "numbers").rows == {"numbers": 2}
    assert place.ids("numbers") == [1, 2, 3, 4, 5]


def test_a_failed_load_does_not_move_an_incremental_resource_on(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place
) -> None:
    import dlt as engine

    made_small(registry, "numbers")

    def numbers(*ids: int) -> Any:
        @engine.resource(name="numbers")
        def rows(cursor: Any = engine.sources.incremental("id")) -> Any:  # noqa: B008 that is dlt's way
            assert cursor is not None
            yield [{"id": number} for number in ids]

        return rows

    dlt.run(numbers(1), "numbers")
    with pytest.raises(PluginError):
        dlt.run(numbers(1, 2, 99), "numbers")
    dlt.discard_pending()

    assert dlt.run(numbers(1, 2, 3), "numbers").rows == {"numbers": 2}
    assert place.ids("numbers") == [1, 2, 3]


@pytest.mark.parametrize("kind", ["list", "generator", "callable", "generator function"])
def test_rows_come_from_any_iterable_or_a_callable_that_returns_one(
    dlt: IngestionPlugin, place: Place, kind: str
) -> None:
    def function() -> Iterator[dict[str, int]]:
        yield from ({"id": number} for number in range(2500))

    sources = {
        "list": [{"id": number} for number in range(2500)],
        "generator": function(),
        "callable": lambda: [*function()],
        "generator function": function,
    }

    assert dlt.run(sources[kind], "orders").rows == {"orders": 2500}
    assert place.ids("orders") == [*range(2500)]


def write_rows(place: Path) -> Path:
    rows = [{"id": 1, "name": 'Ann, "A"'}, {"id": 2, "name": "Ünal"}]
    text = {
        ".csv": 'id,name\n1,"Ann, ""A"""\n2,Ünal\n',
        ".tsv": 'id\tname\n1\t"Ann, ""A"""\n2\tÜnal\n',
        ".json": json.dumps(rows),
        ".jsonl": "\n".join(map(json.dumps, rows)),
    }
    if place.suffix == ".parquet":
        duckdb.sql("SELECT 1 AS id, 'Ann, \"A\"' AS name UNION ALL SELECT 2, 'Ünal'").write_parquet(str(place))
    elif place.suffix == ".gz":
        place.write_bytes(gzip.compress(text[place.suffixes[-2]].encode()))
    else:
        place.write_text(text[place.suffix], encoding="utf-8")
    return place


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a b.json", "a.jsonl", "a%20.parquet", "a.b.csv.gz"])
@pytest.mark.parametrize("form", [Path, str, "file://{}".format])
def test_files_are_loaded_by_path_and_by_uri(
    dlt: IngestionPlugin, place: Place, name: str, form: Callable[[Path], str | Path]
) -> None:
    file = write_rows(place.home / name.replace("TSV", "tsv")).rename(place.home / name)

    assert dlt.validate(form(file)) == ()
    assert dlt.run(form(file), "people").rows == {"people": 2}

    assert place.rows("SELECT id, name FROM raw.people ORDER BY id") == [(1, 'Ann, "A"'), (2, "Ünal")]


def test_files_elsewhere_are_read_by_fsspec(dlt: IngestionPlugin, place: Place) -> None:
    fsspec.filesystem("memory").pipe("/in/a.csv", b"id\n1\n2\n")

    assert dlt.run("memory://in/a.csv", "orders").rows == {"orders": 2}
    assert place.ids("orders") == [1, 2]


def test_types_of_a_file_stay(dlt: IngestionPlugin, registry: PluginRegistry, place: Place) -> None:
    file = place.home / "a.parquet"
    duckdb.sql(
        "SELECT DATE '2026-01-02' AS day, TIMESTAMPTZ '2026-01-02 03:04:05+00' AS at, 1.5::DECIMAL(9,2) AS price, "
        "true AS paid, [1, 2] AS list, NULL::INT AS nothing"
    ).write_parquet(str(file))

    dlt.run(file, "typed")

    with registry.one(ComputePlugin).connect() as connection:
        columns = connection.cursor().execute("DESCRIBE raw.typed").fetchall()
        price = connection.cursor().execute("SELECT price, paid, day::VARCHAR FROM raw.typed").fetchone()
    types = {column[0]: column[1].split("(")[0] for column in columns}
    assert {name: types[name] for name in ("day", "at", "price", "paid")} == {
        "day": "DATE",
        "at": "TIMESTAMP WITH TIME ZONE",
        "price": "DECIMAL",
        "paid": "BOOLEAN",
    }
    assert [str(value) for value in price] == ["1.500000000", "True", "2026-01-02"]


def test_files_and_streams_are_loaded_as_arrow(dlt: IngestionPlugin, place: Place) -> None:
    file = write_rows(place.home / "a.csv")

    assert dlt.run(file, "people").rows == {"people": 2}
    assert dlt.run(pa.table({"id": [3], "name": ["Zoë"]}), "people").rows == {"people": 1}

    assert place.rows("SELECT id, name FROM raw.people ORDER BY id") == [(1, 'Ann, "A"'), (2, "Ünal"), (3, "Zoë")]
    # dlt gives an id to each row that it takes apart in Python.
    assert place.rows("SELECT column_name FROM (DESCRIBE raw.people)") == [("id",), ("name",)]


def test_a_directory_may_have_an_apostrophe_in_its_name(started: Callable[..., PluginRegistry], tmp_path: Path) -> None:
    (tmp_path / "o'clock").mkdir()
    place = Place(tmp_path / "o'clock")
    dlt = started(place.config()).one(IngestionPlugin)
    rows = [{"id": 1, "name": "it's", "made": datetime(2026, 1, 2, tzinfo=timezone.utc), "parts": [{"size": 2.5}]}]

    assert dlt.run(rows, "orders").rows == {"orders": 1, "orders__parts": 1}
    assert dlt.run(pa.table({"id": [2], "name": ["a\n'b"]}), "orders").rows == {"orders": 1}
    assert dlt.run(write_rows(place.home / "a.csv"), "people").rows == {"people": 2}

    assert place.rows("SELECT id, name, year(made) FROM raw.orders ORDER BY id") == [
        (1, "it's", 2026),
        (2, "a\n'b", None),
    ]
    assert place.rows("SELECT size FROM raw.orders__parts") == [(2.5,)]
    assert len(place.rows("SELECT id FROM raw.people")) == 2


@pytest.mark.parametrize("first", ["rows", "arrow"])
@pytest.mark.parametrize("mode", ["append", "merge", "replace"])
def test_rows_and_arrow_are_loaded_into_one_table_in_any_order(
    place: Place, started: Callable[..., PluginRegistry], first: str, mode: Any
) -> None:
    dlt = started(place.config(keys={"orders": ["id"]})).one(IngestionPlugin)
    rows = [{"id": 1, "price": Decimal("1.5"), "made": datetime(2026, 1, 2), "lines": [{"a": 1}]}]  # noqa: DTZ001
    arrow = pa.table({"id": pa.array([2], pa.int8()), "price": [Decimal("2.25")], "made": [datetime(2026, 1, 2)]})  # noqa: DTZ001

    for source in (rows, arrow, rows) if first == "rows" else (arrow, rows, arrow):
        dlt.run(source, "orders", mode)

    ids = {"append": [1, 1, 2] if first == "rows" else [1, 2, 2], "merge": [1, 2]}
    assert place.ids("orders") == ids.get(mode, [1] if first == "rows" else [2])
    described = place.rows("SELECT column_name, column_type FROM (DESCRIBE raw.orders)")
    types = dict(described)
    assert (types["id"], types["price"], types["made"]) == ("BIGINT", "DECIMAL(38,9)", "TIMESTAMP WITH TIME ZONE")
    assert place.rows("SELECT DISTINCT made::TIMESTAMP::VARCHAR FROM raw.orders") == [("2026-01-02 00:00:00",)]


def test_what_does_not_fit_an_arrow_table_becomes_rows(dlt: IngestionPlugin, place: Place) -> None:
    dlt.run(pa.table({"id": [1], "amount": [5]}), "orders")
    lists = pa.table({"id": [2], "amount": ["five"], "lines": [[{"a": 1}]]})

    assert dlt.run(lists, "orders").rows == {"orders": 1, "orders__lines": 1}

    assert place.rows("SELECT id, amount, amount__v_text FROM raw.orders ORDER BY id") == [
        (1, 5, None),
        (2, None, "five"),
    ]


def test_a_stream_that_breaks_off_leaves_the_table_as_it_was(dlt: IngestionPlugin, place: Place) -> None:
    def pages() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"id": [9]})
        raise OSError("the line is cut")

    dlt.run([{"id": 1}], "orders")

    with pytest.raises(ValueError, match="the line is cut"):
        dlt.run(pa.RecordBatchReader.from_batches(pa.schema([("id", pa.int64())]), pages()), "orders")

    assert place.ids("orders") == [1]
    assert files(place) == ["raw"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere/nothing.csv", "nothing.csv"),
        ("a.xlsx", r"format of a\.xlsx is not known: expected a name that ends in \.csv"),
        ("nonsense://a.csv", "nonsense"),
        ("s3://key:hunter2@bucket/a.csv", "must not hold credentials"),
        ({"id": 1}, "a dict is no source"),
        (b"id", "a bytes is no source"),
        (5, "a int is no source"),
        (None, "a NoneType is no source"),
        ([{"id": 1}, 3], "row 2 is a int"),
        ([{1: 1}], "row 1 has a column called 1"),
        ([{"": 1}], "a column has no name"),
    ],
)
def test_what_is_no_source_is_an_error_before_anything_is_loaded(
    dlt: IngestionPlugin, place: Place, source: Any, message: str
) -> None:
    [issue] = dlt.validate(source)

    assert issue.severity is Severity.ERROR
    with pytest.raises(ValueError, match=message) as caught:
        dlt.run(source, "orders")
    assert str(caught.value) == issue.message
    assert "hunter2" not in str(caught.value)
    assert files(place) == ["raw"]


def test_a_source_of_several_resources_is_an_error(dlt: IngestionPlugin) -> None:
    import dlt as engine

    @engine.source(name="both")
    def both() -> Any:
        return engine.resource([{"id": 1}], name="one"), engine.resource([{"id": 2}], name="two")

    [issue] = dlt.validate(both())
    assert issue.severity is Severity.ERROR
    assert "one, two" in issue.message
    assert dlt.validate(both().with_resources("two")) == ()
    assert dlt.run(both().with_resources("two"), "twos").rows == {"twos": 1}


def test_columns_that_become_one_and_values_of_several_types_are_warned_about(
    dlt: IngestionPlugin, place: Place
) -> None:
    file = place.home / "a.csv"
    file.write_text("Order ID,order_id\n1,2\n", encoding="utf-8")

    [collision] = dlt.validate(file)
    [types] = dlt.validate([{"amount": 1}, {"amount": None}, {"amount": "two"}])

    assert (collision.severity, collision.field) == (Severity.WARNING, "order_id")
    assert "'Order ID'" in collision.message
    assert (types.severity, types.field) == (Severity.WARNING, "amount")
    assert "int, str" in types.message


def test_validating_consumes_and_calls_nothing(dlt: IngestionPlugin) -> None:
    rows = iter([{"id": 1}])

    assert dlt.validate(rows) == ()
    assert dlt.validate(lambda: pytest.fail("called")) == ()
    assert next(rows) == {"id": 1}


@pytest.mark.parametrize("table", ["", "Orders", "a b", "a__b", "_dlt_loads", "1a", "a;drop", "a\n"])
def test_a_name_that_dlt_would_change_is_refused(dlt: IngestionPlugin, table: str) -> None:
    with pytest.raises(ValueError, match="cannot name a table"):
        dlt.run([{"id": 1}], table)


def test_an_unknown_mode_is_refused(dlt: IngestionPlugin) -> None:
    with pytest.raises(ValueError, match="'upsert' is not known: expected append, replace, merge"):
        dlt.run([{"id": 1}], "orders", "upsert")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_source_that_breaks_off_leaves_the_table_as_it_was_and_nothing_pending(
    dlt: IngestionPlugin, place: Place, mode: Any
) -> None:
    dlt.run([{"id": 1}], "orders")

    def rows() -> Iterator[dict[str, int]]:
        yield from ({"id": number} for number in range(3000))
        raise ConnectionResetError("the source went away")

    with pytest.raises(ValueError, match="ConnectionResetError: the source went away"):
        dlt.run(rows(), "orders", mode)

    assert place.ids("orders") == [1]
    assert dlt.discard_pending() == 0
    assert dlt.run([{"id": 2}], "orders").rows == {"orders": 1}
    assert place.ids("orders") == [1, 2]


def test_a_row_that_is_none_is_found_wherever_it_comes(dlt: IngestionPlugin, place: Place) -> None:
    with pytest.raises(ValueError, match="row 1501 is a str"):
        dlt.run(({"id": n} if n < 1500 else "x" for n in range(1600)), "orders")

    assert files(place) == ["raw"]


def test_a_changed_source_adds_columns_and_loses_nothing(dlt: IngestionPlugin, place: Place) -> None:
    dlt.run([{"id": 1, "amount": 5}], "orders")

    report = dlt.run([{"id": 2, "amount": "five", "note": "new"}], "orders")

    assert set(report.schema_changes) == {
        SchemaChange("orders", "amount__v_text", "text"),
        SchemaChange("orders", "note", "text"),
    }
    assert place.rows("SELECT id, amount, amount__v_text, note FROM raw.orders ORDER BY id") == [
        (1, 5, None, None),
        (2, None, "five", "new"),
    ]
    assert dlt.run([{"id": 3}], "orders").schema_changes == ()


@pytest.mark.drill("dlt source with a changed schema")
@pytest.mark.parametrize("changed", [{"id": 2, "note": "new"}, {"id": "two"}], ids=["a new column", "another type"])
def test_a_frozen_table_refuses_a_changed_source_and_stays_as_it_was(
    request: pytest.FixtureRequest, place: Place, changed: dict[str, Any]
) -> None:
    registry = PluginRegistry(place.config(schema_changes="freeze"), required=["ingestion:dlt"])
    request.addfinalizer(registry.shutdown)
    registry.startup().raise_for_failures()
    dlt, compute = registry.one(IngestionPlugin), registry.one(ComputePlugin)
    dlt.run([{"id": 1}], "orders")

    with pytest.raises(ValueError, match=r"freeze"):
        dlt.run([{"id": 9}, changed], "orders")
    report = registry.health()
    compute.execute("CREATE TABLE other AS SELECT 7 AS id")

    assert report.state is HealthState.HEALTHY
    assert states(report) == {"compute:duckdb": "healthy", "ingestion:dlt": "healthy", "storage:local": "healthy"}
    status = next(status for ref, status in report.statuses.items() if ref.type is PluginType.INGESTION)
    assert status.details["pending"] == 0
    # Nothing has to be cleared away: the next load that fits is taken, and another table, too.
    assert dlt.run([changed], "changed").rows == {"changed": 1}
    assert dlt.run([{"id": 2}], "orders").rows == {"orders": 1}
    assert stopped(registry) == ["ingestion:dlt", "compute:duckdb", "storage:local"]
    assert place.ids("orders") == [1, 2]
    assert place.rows("SELECT id FROM other") == [(7,)]


@pytest.mark.drill("dlt source with a changed schema, where tables may grow")
def test_a_changed_source_is_taken_beside_what_was_there_and_the_change_is_reported(
    request: pytest.FixtureRequest, place: Place, record_property: Callable[[str, object], None]
) -> None:
    registry = PluginRegistry(place.config(), required=["ingestion:dlt"])
    request.addfinalizer(registry.shutdown)
    registry.startup().raise_for_failures()
    dlt = registry.one(IngestionPlugin)
    dlt.run([{"id": 1, "amount": 5}], "orders")

    changes = dlt.run([{"id": 2, "amount": "five"}], "orders").schema_changes
    record_property("answer", f"run() reports {changes}")
    report = registry.health()

    assert changes == (SchemaChange("orders", "amount__v_text", "text"),)
    assert states(report) == {"compute:duckdb": "healthy", "ingestion:dlt": "healthy", "storage:local": "healthy"}
    assert stopped(registry) == ["ingestion:dlt", "compute:duckdb", "storage:local"]
    found = place.rows("SELECT id, amount, amount__v_text FROM raw.orders ORDER BY id")
    assert found == [(1, 5, None), (2, None, "five")]


@pytest.mark.drill("dlt load that the database refuses")
def test_a_load_that_fails_while_it_is_written_is_pending_until_it_is_discarded(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place
) -> None:
    made_small(registry, "small")
    dlt.run([{"id": 1}], "small")

    with pytest.raises(PluginError, match="CHECK constraint"):
        dlt.run([{"id": 2}, {"id": 99}], "small")
    report = registry.health()

    assert report.state is HealthState.DEGRADED
    assert states(report) == {"compute:duckdb": "healthy", "ingestion:dlt": "degraded", "storage:local": "healthy"}
    assert health_of_dlt(registry).details["pending"] == 1
    with pytest.raises(PluginError, match=r"an earlier load of table 'small' failed and is pending.*discard_pending"):
        dlt.run([{"id": 3}], "small")
    dlt.run([{"id": 3}], "orders")
    assert dlt.discard_pending() == 1
    assert dlt.discard_pending() == 0
    assert set(states(registry.health()).values()) == {"healthy"}
    dlt.run([{"id": 4}], "small")
    assert stopped(registry) == ["ingestion:dlt", "compute:duckdb", "storage:local"]
    assert place.ids("small") == [1, 4]


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_load_is_written_whole_or_not_at_all_lists_within_rows_too(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place, mode: Any
) -> None:
    dlt.run([{"id": 1, "items": [{"a": 1}]}], "orders")
    # The rows themselves go in, what is within them does not.
    compute = registry.one(ComputePlugin)
    compute.execute("CREATE TABLE raw.kept AS FROM raw.orders__items")
    compute.execute("DROP TABLE raw.orders__items")
    compute.execute(
        "CREATE TABLE raw.orders__items(a BIGINT CHECK (a < 10), _dlt_root_id VARCHAR, _dlt_parent_id VARCHAR NOT NULL,"
        "_dlt_list_idx BIGINT NOT NULL, _dlt_id VARCHAR NOT NULL)"
    )
    compute.execute("INSERT INTO raw.orders__items BY NAME FROM raw.kept")

    with pytest.raises(PluginError, match="CHECK constraint"):
        dlt.run([{"id": 1, "items": [{"a": 2}]}, {"id": 2, "items": [{"a": 99}]}], "orders", mode)

    assert place.ids("orders") == [1]
    assert place.rows("SELECT a FROM raw.orders__items") == [(1,)]


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_load_of_several_files_is_written_whole_or_not_at_all(
    place: Place, started: Callable[..., PluginRegistry], mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_WRITER__FILE_MAX_ITEMS", "1")
    monkeypatch.setenv("DATA_WRITER__BUFFER_MAX_ITEMS", "1")
    registry = started(place.config(keys={"small": ["id"]}))
    dlt = registry.one(IngestionPlugin)
    made_small(registry, "small")
    dlt.run([{"id": 1}, {"id": 2}], "small")

    with pytest.raises(PluginError, match="CHECK constraint"):
        dlt.run([{"id": number} for number in (2, *[3] * 20, 99)], "small", mode)

    assert place.ids("small") == [1, 2]


def test_a_load_whose_process_died_is_pending_and_was_not_written(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place
) -> None:
    dlt.run([{"id": 1}], "orders")
    registry.shutdown()
    code = """
import json, sys
from floe_plugins import IngestionPlugin, PluginRegistry

with PluginRegistry(json.loads(sys.argv[1])) as registry:
    registry.one(IngestionPlugin).run(({"id": n, "text": "x" * 50} for n in range(150_000)), "orders")
"""
    with subprocess.Popen([sys.executable, "-c", code, json.dumps(place.config())]) as loader:
        normalized = place.state / "raw" / "raw_orders" / "load" / "normalized"
        while not (normalized.is_dir() and any(normalized.iterdir())):
            assert loader.poll() is None
        loader.kill()

    assert place.ids("orders") == [1]
    registry.startup()
    with pytest.raises(PluginError, match="is pending"):
        dlt.run([{"id": 2}], "orders")
    assert dlt.discard_pending() == 1
    dlt.run([{"id": 2}], "orders")
    assert place.ids("orders") == [1, 2]


def test_a_database_held_by_another_process_is_unavailable_and_loses_nothing(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place
) -> None:
    dlt.run([{"id": 1}], "orders")
    registry.one(ComputePlugin).release()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(PluginUnavailableError, match="another process holds the database"):
            dlt.run([{"id": 2}], "orders")
        holder.communicate("\n")

    assert place.ids("orders") == [1]
    assert files(place) == ["raw"]
    dlt.run([{"id": 2}], "orders")
    assert registry.shutdown().ok
    assert registry.state(PluginType.INGESTION, "dlt") is PluginState.STOPPED


def test_a_corrupt_database_is_an_error_and_nobody_is_said_to_hold_it(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place
) -> None:
    dlt.run([{"id": 1}], "orders")
    registry.one(ComputePlugin).release()
    backup = place.database.read_bytes()
    place.database.write_bytes(backup[:64] + b"?" * 20_000 + backup[20_064:])

    with pytest.raises(PluginError, match=r"the database refuses the load: .*[Cc]orrupt") as caught:
        dlt.run([{"id": 2}], "orders")

    assert not isinstance(caught.value, PluginUnavailableError)
    place.database.write_bytes(backup)
    dlt.run([{"id": 2}], "orders")
    assert registry.shutdown().ok
    assert place.ids("orders") == [1, 2]


@pytest.mark.drill("dlt load on a full disk")
def test_a_disk_that_is_full_loses_nothing_that_was_there(
    registry: PluginRegistry,
    dlt: IngestionPlugin,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Small files on the way, so that it is the database that does not fit.
    monkeypatch.setenv("DATA_WRITER__FILE_MAX_ITEMS", "100")
    dlt.run(({"id": number, "text": os.urandom(1000).hex()} for number in range(200)), "orders")

    with no_space(place.database.stat().st_size):
        with pytest.raises(PluginError, match="the database refuses the load"):
            dlt.run(({"id": -number, "text": os.urandom(1000).hex()} for number in range(3000)), "orders")
        report = registry.health()
        assert dlt.discard_pending() == 1

    assert states(report) == {"compute:duckdb": "healthy", "ingestion:dlt": "degraded", "storage:local": "healthy"}
    assert set(states(registry.health()).values()) == {"healthy"}
    dlt.run([{"id": 200}], "orders")
    assert stopped(registry) == ["ingestion:dlt", "compute:duckdb", "storage:local"]
    assert place.ids("orders") == [*range(201)]


class EagerCompute(DuckDBCompute):
    """Has no leases, and opens its database again as soon as it was released, as whoever asks for its health does."""

    name = "eager"
    times = 0

    def lease(self) -> Any:
        raise UnsupportedOperationError("others cannot be kept away")

    def release(self) -> None:
        super().release()
        if self.times:
            self.times -= 1
            self.execute("SELECT 1")


@pytest.mark.parametrize("times", [1, 1000])
def test_use_of_the_database_while_dlt_is_to_open_it_is_waited_out_or_reported(place: Place, times: int) -> None:
    config = place.config(compute="eager")
    config["plugins"]["compute"] = {"eager": {"path": place.database.name}}
    registry = PluginRegistry(config)
    registry.register(EagerCompute)
    with registry:
        dlt = registry.one(IngestionPlugin)
        registry.get(EagerCompute, "eager").times = times
        if times == 1:
            assert dlt.run([{"id": 1}], "orders").rows == {"orders": 1}
        else:
            with pytest.raises(PluginUnavailableError, match="used while dlt was to open it"):
                dlt.run([{"id": 1}], "orders")


def test_sources_of_several_threads_are_read_at_once_and_all_loaded(dlt: IngestionPlugin, place: Place) -> None:
    together = threading.Barrier(4)
    reports = {}

    def load(number: int) -> None:
        def rows() -> Iterator[dict[str, int]]:
            together.wait(60)
            yield {"id": number}

        reports[number] = dlt.run(rows(), f"table_{number}").rows

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reports == {number: {f"table_{number}": 1} for number in range(4)}
    assert [place.ids(f"table_{number}") for number in range(4)] == [[0], [1], [2], [3]]


def test_loads_of_one_table_in_several_threads_wait_for_each_other(dlt: IngestionPlugin, place: Place) -> None:
    threads = [threading.Thread(target=dlt.run, args=([{"id": number}], "orders")) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert place.ids("orders") == [0, 1, 2]


def test_stopping_ends_a_load_that_reads_its_source_and_writes_nothing(
    registry: PluginRegistry, dlt: IngestionPlugin, place: Place
) -> None:
    begun, stopping = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def rows() -> Iterator[dict[str, int]]:
        for number in range(10_000):
            yield {"id": number}
            if number == 5000:
                begun.set()
                assert stopping.wait(60)

    def load() -> None:
        try:
            dlt.run(rows(), "orders")
        except PluginError as error:
            errors.append(error)

    loader = threading.Thread(target=load)
    loader.start()
    assert begun.wait(60)
    assert health_of_dlt(registry).details["running"] == 1
    stopper = threading.Thread(target=registry.stop, args=(PluginType.INGESTION, "dlt"))
    stopper.start()
    while True:  # until it is being stopped
        try:
            dlt.run([], "other")
        except PluginError:
            break
    stopping.set()
    stopper.join()
    loader.join()

    assert ["being stopped" in str(error) for error in errors] == [True]
    registry.one(ComputePlugin).release()
    assert place.rows("SELECT table_name FROM duckdb_tables() WHERE table_name = 'orders'") == []
    assert files(place) == ["raw"]


def test_a_database_in_memory_cannot_be_loaded_into_and_health_says_so(
    place: Place, started: Callable[..., PluginRegistry]
) -> None:
    config = place.config()
    config["plugins"]["compute"]["duckdb"] = {}
    registry = started(config)

    assert health_of_dlt(registry).state is HealthState.UNHEALTHY
    assert "in-memory" in health_of_dlt(registry).message
    with pytest.raises(UnsupportedOperationError, match="in-memory"):
        registry.one(IngestionPlugin).run([{"id": 1}], "orders")


def test_a_ready_dlt_is_healthy_and_names_its_engine(registry: PluginRegistry, place: Place) -> None:
    status = health_of_dlt(registry)

    assert status.state is HealthState.HEALTHY
    assert not status.default
    assert status.details["engine"]
    assert status.details["database"] == str(place.database)


def test_a_state_directory_that_cannot_be_made_fails_the_start_and_names_it(place: Place) -> None:
    place.state.write_text("a file", encoding="utf-8")
    registry = PluginRegistry(place.config())

    report = registry.startup()
    registry.shutdown()

    [failed] = report.failed
    assert str(failed.ref) == "ingestion:dlt"
    assert str(place.state) in failed.message


def test_nothing_is_sent_or_left_behind_and_dlt_is_imported_at_its_first_use(place: Place) -> None:
    home = place.home / "home"
    home.mkdir()
    code = """
import json, os, sys

asked = []
sys.addaudithook(lambda event, args: asked.append(event) if event in {"socket.connect", "socket.getaddrinfo"} else None)
looked = lambda event, args: event == "open" and ".anonymous_id" in str(args[0])
sys.addaudithook(lambda event, args: asked.append(str(args[0])) if looked(event, args) else None)
from floe_plugins import IngestionPlugin, PluginRegistry

with PluginRegistry(json.loads(sys.argv[1])) as registry:
    health = registry.health().state.value
    before = "dlt" in sys.modules
    rows = registry.one(IngestionPlugin).run([{"id": 1}], "orders").rows
    switches = [os.environ["RUNTIME__DLTHUB_TELEMETRY"], os.environ["DO_NOT_TRACK"]]
print(json.dumps([health, before, rows, asked, switches]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(place.config())],
        env={**os.environ, "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["healthy", False, {"orders": 1}, [], ["false", "1"]]
    assert done.stderr == ""
    assert [*home.iterdir()] == []
    assert files(place) == ["raw"]
