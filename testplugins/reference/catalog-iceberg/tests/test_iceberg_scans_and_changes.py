"""What the catalog tells of a table, reads of it, and changes in it beside its rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalogs import catalog_with, ids

from floe_plugins import CatalogPlugin, PluginRegistry, StoragePlugin
from floe_plugins.hookspecs.catalog import Column, RowFilter

ORDERS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int32()),
        "region": ["north", None, "south"],
        "day": pa.array([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)], pa.date32()),
    }
)
NAME = "sales.orders"


@pytest.fixture
def catalog(registry: PluginRegistry) -> CatalogPlugin:
    return catalog_with(registry, NAME, ORDERS.schema)


@pytest.fixture
def storage(registry: PluginRegistry) -> StoragePlugin:
    return registry.get(StoragePlugin, "local")


def stored(storage: StoragePlugin, path: str, table: pa.Table) -> str:
    with storage.open(path, "wb") as file:
        pq.write_table(table, file)
    return storage.uri(path)


def test_a_table_is_described_without_its_rows(catalog: CatalogPlugin) -> None:
    empty = catalog.load_table(NAME)
    first = catalog.append(NAME, ORDERS)
    second = catalog.append(NAME, ORDERS)

    found = catalog.load_table(NAME)

    assert (empty.rows, empty.files, empty.size, empty.snapshots) == (0, 0, 0, ())
    assert found.columns == (Column("id", "int"), Column("region", "string"), Column("day", "date"))
    assert [(each.id, each.operation) for each in found.snapshots] == [(first, "append"), (second, "append")]
    assert found.snapshots[0].committed <= found.snapshots[1].committed
    assert (found.ref.snapshot_id, found.rows, found.files) == (second, 6, 2)
    assert found.size
    assert found.metadata.endswith(".metadata.json")
    assert found.ref.identifier == NAME


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([RowFilter("id", ">", 1)], [2, 3]),
        ([RowFilter("id", ">=", 2), RowFilter("id", "<", 3)], [2]),
        ([RowFilter("region", "=", "north")], [1]),
        ([RowFilter("region", "in", ["north", "south"])], [1, 3]),
        ([RowFilter("id", "in", [])], []),
        ([RowFilter("day", "<=", date(2026, 1, 2))], [1, 2]),
        ([RowFilter("id", "!=", 2)], [1, 3]),
    ],
)
def test_rows_that_meet_all_filters_are_read(
    catalog: CatalogPlugin, filters: list[RowFilter], expected: list[int]
) -> None:
    catalog.append(NAME, ORDERS)

    assert ids(catalog.scan(NAME, filters=filters)) == expected


def test_columns_and_a_limit_hold_for_the_filtered_rows(catalog: CatalogPlugin) -> None:
    catalog.append(NAME, ORDERS)
    catalog.append(NAME, ORDERS)

    found = pa.table(catalog.scan(NAME, columns=["region", "id"], filters=[RowFilter("day", "=", date(2026, 1, 3))]))

    assert found.to_pylist() == [{"region": "south", "id": 3}] * 2
    assert found.column_names == ["region", "id"]
    assert len(ids(catalog.scan(NAME, filters=[RowFilter("id", ">", 1)], limit=3))) == 3
    assert ids(catalog.scan(NAME, limit=0)) == []


def test_an_older_snapshot_is_read_with_its_own_columns(catalog: CatalogPlugin) -> None:
    first = catalog.append(NAME, ORDERS)
    catalog.evolve_schema(NAME, pa.schema([("note", pa.string())]))
    catalog.replace(NAME, ORDERS.slice(0, 1).append_column("note", pa.array(["new"])))

    older = pa.table(catalog.scan(NAME, snapshot_id=first))

    assert (older.column_names, ids(older)) == (["id", "region", "day"], [1, 2, 3])
    assert pa.table(catalog.scan(NAME)).column("note").to_pylist() == ["new"]


@pytest.mark.parametrize(
    "given",
    [
        {"filters": [RowFilter("nothing", "=", 1)]},
        {"filters": [RowFilter("id", "like", 1)]},
        {"filters": [RowFilter("id", "=", "one")]},
        {"filters": [RowFilter("id", "=", None)]},
        {"filters": [RowFilter("region", "in", "north")]},
        {"filters": [RowFilter("day", "=", "yesterday")]},
        {"columns": ["nothing"]},
        {"limit": -1},
    ],
)
def test_a_scan_that_cannot_be_is_refused_before_rows_are_read(catalog: CatalogPlugin, given: dict[str, Any]) -> None:
    catalog.append(NAME, ORDERS)

    with pytest.raises(ValueError, match=r"nothing|invalid|negative"):
        catalog.scan(NAME, **given)


def test_what_is_not_there_cannot_be_scanned_or_changed(catalog: CatalogPlugin, storage: StoragePlugin) -> None:
    uri = stored(storage, "landing/a.parquet", ORDERS)

    with pytest.raises(LookupError, match="no snapshot 5"):
        catalog.scan(NAME, snapshot_id=5)
    for call in (
        lambda: catalog.load_table("sales.none"),
        lambda: catalog.scan("sales.none"),
        lambda: catalog.evolve_schema("sales.none", ORDERS.schema),
        lambda: catalog.commit_files("sales.none", [uri]),
        lambda: catalog.expire_snapshots("sales.none"),
    ):
        with pytest.raises(LookupError, match=r"sales\.none"):
            call()


def test_columns_are_added_and_widened_and_old_rows_stay(catalog: CatalogPlugin) -> None:
    catalog.append(NAME, ORDERS)
    added = pa.schema([pa.field("id", pa.int64()), pa.field("note", pa.string(), nullable=False)])

    assert catalog.evolve_schema(NAME, added).identifier == NAME

    assert catalog.load_table(NAME).columns == (
        Column("id", "long"),
        Column("region", "string"),
        Column("day", "date"),
        Column("note", "string"),
    )
    found = pa.table(catalog.scan(NAME))
    assert (ids(found), found["note"].to_pylist()) == ([1, 2, 3], [None] * 3)
    # Narrower is no reason to change anything.
    catalog.evolve_schema(NAME, ORDERS.schema)
    assert catalog.load_table(NAME).columns[0] == Column("id", "long")


def test_a_type_that_does_not_hold_the_values_changes_nothing(catalog: CatalogPlugin) -> None:
    before = catalog.load_table(NAME)

    with pytest.raises(ValueError, match=r"cannot get this schema"):
        catalog.evolve_schema(NAME, pa.schema([("note", pa.string()), ("region", pa.int64())]))

    assert catalog.load_table(NAME) == before


def test_files_become_rows_in_one_commit_where_they_are(catalog: CatalogPlugin, storage: StoragePlugin) -> None:
    uris = [stored(storage, f"landing/{number}.parquet", ORDERS) for number in range(2)]
    earlier = catalog.append(NAME, ORDERS)

    snapshot = catalog.commit_files(NAME, uris)

    assert ids(catalog.read(NAME)) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [each.id for each in catalog.load_table(NAME).snapshots] == [earlier, snapshot]
    assert [each.path for each in storage.list("landing/")] == ["landing/0.parquet", "landing/1.parquet"]


def test_files_that_cannot_be_rows_are_refused(catalog: CatalogPlugin, storage: StoragePlugin) -> None:
    good = stored(storage, "landing/good.parquet", ORDERS)
    other = stored(storage, "landing/other.parquet", pa.table({"id": ["one"]}))
    with storage.open("landing/text.parquet", "wb") as file:
        file.write(b"id,region\n" * 10)
    snapshot = catalog.commit_files(NAME, [good])

    for uris, told in (
        ([good], "already"),
        ([storage.uri("landing/none.parquet")], "there is no file"),
        ([other], "do not fit"),
        ([storage.uri("landing/text.parquet")], "no Parquet file"),
    ):
        with pytest.raises(ValueError, match=told):
            catalog.commit_files(NAME, uris)
    assert catalog.load_table(NAME).ref.snapshot_id == snapshot


def test_snapshots_are_forgotten_with_the_files_that_only_they_need(
    catalog: CatalogPlugin, storage: StoragePlugin
) -> None:
    uri = stored(storage, "landing/gone.parquet", ORDERS)
    catalog.commit_files(NAME, [uri])
    kept = [catalog.replace(NAME, ORDERS.slice(0, 1)), catalog.append(NAME, ORDERS.slice(1, 1))]
    count = len(catalog.load_table(NAME).snapshots)

    assert catalog.expire_snapshots(NAME, keep=2) == count - 2

    assert [each.id for each in catalog.load_table(NAME).snapshots] == kept
    assert ids(catalog.read(NAME)) == [1, 2]
    assert storage.list("landing/") == ()
    assert catalog.expire_snapshots(NAME, keep=2) == 0
    with pytest.raises(ValueError, match="0 snapshots"):
        catalog.expire_snapshots(NAME, keep=0)
