"""Catalog: one catalog is asked, and nothing is limited or purged unless the caller says so."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import CatalogPlugin, UnsupportedOperationError
from floe_plugins.hookspecs.catalog import RowFilter, TableRef

HOOKS = ["ensure_namespace", "ensure_table", "append", "replace", "read", "list_tables", "drop_table"]
ADDED = ["load_table", "scan", "evolve_schema", "commit_files", "expire_snapshots", "partition", "compact"]


@pytest.mark.parametrize("hook", HOOKS + ADDED)
def test_one_catalog_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(CatalogPlugin, hook) == ("second", ["second"])


def test_all_is_read_all_is_listed_and_no_file_is_deleted_unless_the_caller_says_so(calling: Any) -> None:
    hook = calling(
        CatalogPlugin,
        echo={
            "read": lambda _self, identifier, columns, limit: (identifier, columns, limit),
            "list_tables": lambda _self, namespace: ("in", namespace),
            "drop_table": lambda _self, purge: purge,
        },
    )
    assert hook.read(identifier="shop.orders") == ("shop.orders", None, None)
    assert hook.list_tables() == ("in", None)
    assert hook.drop_table(identifier="shop.orders") is False
    assert hook.drop_table(identifier="shop.orders", purge=True) is True


def test_a_table_that_was_never_written_has_no_snapshot_and_properties_of_its_own() -> None:
    one, other = TableRef("shop.orders", "file:/orders"), TableRef("shop.items", "file:/items")
    assert one.snapshot_id is None
    assert one.properties == {}
    assert one.properties is not other.properties


def test_a_catalog_that_cannot_scan_reads_the_whole_table(calling: Any) -> None:
    hook = calling(
        CatalogPlugin, plain={"read": lambda _self, identifier, columns, limit: (identifier, columns, limit)}
    )
    assert hook.scan(identifier="shop.orders", columns=["id"], limit=3) == ("shop.orders", ["id"], 3)


@pytest.mark.parametrize("wanted", [{"filters": [RowFilter("id", "=", 1)]}, {"snapshot_id": 1}])
def test_rows_are_never_left_unfiltered_and_never_of_another_snapshot(calling: Any, wanted: dict[str, Any]) -> None:
    hook = calling(CatalogPlugin, plain={"read": lambda _self, identifier: identifier})
    with pytest.raises(UnsupportedOperationError, match="catalog:plain reads whole tables"):
        hook.scan(identifier="shop.orders", **wanted)


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [("load_table", {}), ("evolve_schema", {"schema": None}), ("commit_files", {"uris": []}), ("expire_snapshots", {})],
)
def test_what_a_catalog_does_not_offer_is_said(calling: Any, hook: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"catalog:plain .*'shop\.orders'"):
        getattr(calling(CatalogPlugin, plain={}), hook)(identifier="shop.orders", **arguments)


@pytest.mark.parametrize(("hook", "arguments"), [("partition", {"by": ["day(at)"]}), ("compact", {})])
def test_a_catalog_that_keeps_files_as_they_are_says_so(calling: Any, hook: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"catalog:old cannot .*'s\.t'"):
        getattr(calling(CatalogPlugin, old={}), hook)(identifier="s.t", **arguments)
