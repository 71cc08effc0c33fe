"""Where the files of a table lie, and how many they are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest
from catalogs import catalog_with, ids

from floe_plugins import CatalogPlugin, PluginError, PluginRegistry, StoragePlugin
from floe_plugins.hookspecs.catalog import RowFilter

NAME = "sales.orders"
ORDERS = pa.table(
    {
        "id": pa.array(range(4), pa.int64()),
        "region": ["north", "north", "south", None],
        "day": [date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 1), date(2026, 2, 1)],
        "at": [datetime(2026, 1, number) for number in (1, 2, 3, 4)],  # noqa: DTZ001 Iceberg's own
    }
)


@pytest.fixture
def catalog(registry: PluginRegistry) -> CatalogPlugin:
    return catalog_with(registry, NAME, ORDERS.schema)


@pytest.mark.parametrize(
    ("by", "files"),
    [
        (["region"], 3),
        (["month(day)"], 2),
        (["day(at)", "region"], 4),
        (["bucket[2](id)"], 2),
        (["truncate[1](region)"], 3),
        ([], 1),
    ],
    ids=str,
)
def test_rows_that_are_written_from_then_on_lie_apart(catalog: CatalogPlugin, by: list[str], files: int) -> None:
    if any("(" in each for each in by):
        pytest.importorskip("pyiceberg_core")
    catalog.append(NAME, ORDERS)

    catalog.partition(NAME, by)
    catalog.append(NAME, ORDERS)

    found = catalog.load_table(NAME)
    assert (found.partitions, found.files) == (tuple(by), 1 + files)
    assert ids(catalog.scan(NAME)) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert ids(catalog.scan(NAME, filters=[RowFilter("region", "=", "south")])) == [2, 2]


def test_a_partitioning_takes_the_place_of_another(catalog: CatalogPlugin) -> None:
    pytest.importorskip("pyiceberg_core")
    for by in (["region"], ["region", "day(at)"], ["day(at)"], ["region"], []):
        catalog.partition(NAME, by)
        catalog.partition(NAME, by)
        assert catalog.load_table(NAME).partitions == tuple(by)
        catalog.append(NAME, ORDERS)
    assert len(ids(catalog.read(NAME))) == 20


@pytest.mark.parametrize("by", ["none", "day(id)", "month(none)", "fortnight(day)", "bucket(day)"])
def test_what_a_table_cannot_be_partitioned_by_changes_nothing(catalog: CatalogPlugin, by: str) -> None:
    catalog.partition(NAME, ["region"])
    with pytest.raises(ValueError, match="cannot be partitioned by"):
        catalog.partition(NAME, ["day(at)", by])
    assert catalog.load_table(NAME).partitions == ("region",)
    with pytest.raises(LookupError):
        catalog.partition("sales.none", ["region"])


@pytest.mark.parametrize("by", [[], ["region"]], ids=str)
def test_many_small_files_become_few_with_the_same_rows(catalog: CatalogPlugin, by: list[str]) -> None:
    catalog.partition(NAME, by)
    for _ in range(3):
        catalog.append(NAME, ORDERS)
    wider = ORDERS.append_column("note", pa.array(["x"] * 4))
    catalog.evolve_schema(NAME, wider.schema)
    before = catalog.append(NAME, wider)

    after = catalog.compact(NAME)

    found = catalog.load_table(NAME)
    assert found.ref.snapshot_id == after != before
    assert (found.files, found.rows, found.partitions) == (3 if by else 1, 16, tuple(by))
    assert ids(catalog.read(NAME)) == sorted([0, 1, 2, 3] * 4)
    assert pa.table(catalog.read(NAME))["note"].null_count == 12
    assert len(ids(catalog.scan(NAME, snapshot_id=before))) == 16
    assert catalog.compact(NAME) == after


def test_nothing_is_compacted_where_nothing_is(catalog: CatalogPlugin) -> None:
    assert catalog.compact(NAME) == 0
    snapshot = catalog.append(NAME, ORDERS)
    assert catalog.compact(NAME) == snapshot
    with pytest.raises(LookupError):
        catalog.compact("sales.none")


def test_rows_that_come_while_a_table_is_compacted_are_not_lost(
    catalog: CatalogPlugin, registry: PluginRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.append(NAME, ORDERS)
    catalog.append(NAME, ORDERS)
    files = {each.path for each in registry.get(StoragePlugin, "local").list() if each.path.endswith(".parquet")}
    import floe_reference_catalog_iceberg._tables as tables

    def read_meanwhile(*arguments: Any, rows_of: Any = tables.rows_of) -> Any:
        found = rows_of(*arguments)
        monkeypatch.undo()
        catalog.append(NAME, ORDERS)
        return found

    monkeypatch.setattr(tables, "rows_of", read_meanwhile)

    with pytest.raises(PluginError, match="changed by others while it was compacted"):
        catalog.compact(NAME)

    assert len(ids(catalog.read(NAME))) == 12
    now = {each.path for each in registry.get(StoragePlugin, "local").list() if each.path.endswith(".parquet")}
    assert len(now - files) == 1
