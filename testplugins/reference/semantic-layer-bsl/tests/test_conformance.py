from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from floe_reference_compute_duckdb import DuckDBCompute
from floe_reference_semantic_layer_bsl import BSLSemanticLayer
from floe_reference_storage_local import LocalStorage

from floe_plugins.hookspecs.semantic_layer import SemanticFilter, SemanticQuery
from floe_plugins.testing import SemanticLayerConformance

MODELS = """
orders:
  table: orders
  dimensions: {region: _.region, size: _.size, level: _.level, day: _.day}
  measures:
    total: _.amount.sum()
    count: _.count()
stock:
  table: stock
  dimensions: {place: _.place}
  measures: {pieces: _.pieces.sum()}
"""
TABLES = (
    """CREATE TABLE orders AS SELECT *, amount::TINYINT AS level FROM (VALUES
        ('north', 'small', 1, DATE '2024-01-01'), ('south', 'large', 2, DATE '2024-05-02'),
        ('north', 'large', 3, DATE '2025-05-02'), ('west', 'small', 4, DATE '2025-05-02'), (NULL, 'small', 5, NULL)
    ) rows(region, size, amount, day)""",
    "CREATE TABLE stock AS SELECT 'hall' AS place, 7 AS pieces",
)


class TestBSLSemanticLayer(SemanticLayerConformance):
    plugin = BSLSemanticLayer
    measures = ("orders.total", "orders.count")
    dimensions = ("orders.region", "orders.size")
    answers = (
        (SemanticQuery(["orders.total", "orders.count"]), [(15, 5)]),
        (
            SemanticQuery(["orders.total"], ["orders.region"], order_by=["-orders.total", "orders.region"], limit=3),
            [(None, 5), ("north", 4), ("west", 4)],
        ),
        (
            SemanticQuery(
                ["orders.count"],
                ["orders.size"],
                filters=[SemanticFilter("orders.region", "in", ["north", "south"])],
                order_by=["orders.size"],
            ),
            [("large", 2), ("small", 1)],
        ),
        (SemanticQuery((), ["stock.place"]), [("hall",)]),
    )
    unjoinable = ("orders.total", "stock.place")
    # More than a TINYINT holds, no number, and no days.
    misfits = (
        SemanticFilter("orders.level", "=", 1000),
        SemanticFilter("orders.level", "=", "1"),
        SemanticFilter("orders.level", "=", value=True),
        SemanticFilter("orders.day", "=", "2024-02-30"),
        SemanticFilter("orders.day", "in", [2024]),
    )
    times = "orders.day"

    @pytest.fixture(autouse=True)
    def _compute(self, tmp_path: Path) -> None:
        self.plugins = {LocalStorage: {"root": str(tmp_path), "min_free": 0}, DuckDBCompute: {"threads": 1}}

    def settings(self) -> Mapping[str, Any]:
        models = self.scratch / "models.yaml"
        models.write_text(MODELS, encoding="utf-8")
        return {"models": str(models)}

    def prepare(self, plugin: Any) -> None:
        compute = plugin.registry.get("compute", "duckdb")
        for statement in TABLES:
            compute.execute(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
