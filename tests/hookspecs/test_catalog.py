"""Catalog: one catalog is asked, and nothing is limited or purged unless the caller says so."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import CatalogPlugin
from floe_plugins.hookspecs.catalog import TableRef

HOOKS = ["ensure_namespace", "ensure_table", "append", "replace", "read", "list_tables", "drop_table"]


@pytest.mark.parametrize("hook", HOOKS)
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
