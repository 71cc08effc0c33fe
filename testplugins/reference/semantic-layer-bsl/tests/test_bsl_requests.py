"""What goes beyond a query: who asks, conditions on measures, and grains of time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from floe_plugins import ComputePlugin, PluginError, PluginRegistry, SemanticLayerPlugin
from floe_plugins.hookspecs.identity import Principal
from floe_plugins.hookspecs.semantic_layer import SemanticFilter, SemanticQuery, SemanticRequest

MODELS = """
customers:
  table: customers
  dimensions:
    region: _.region
  measures:
    count: _.count()
orders:
  table: orders
  dimensions:
    id: _.id
    day: _.day
    moment: _.moment
  measures:
    revenue: _.amount.sum()
    count: _.count()
  joins:
    customers: {model: customers, type: one, left_on: customer_id, right_on: id}
"""
TABLES = (
    """
    CREATE TABLE orders AS SELECT i AS id, i % 4 AS customer_id, i::BIGINT AS amount,
        DATE '2026-01-01' + (i * 10)::INT AS day, TIMESTAMP '2026-01-01' + INTERVAL 1 HOUR * i AS moment
    FROM range(20) r(i)
    """,
    "CREATE TABLE customers AS SELECT i AS id, ['north', 'south'][i % 2 + 1] AS region FROM range(3) r(i)",
)
RULES = {
    "orders": {"dimension": "customers.region", "claim": "data.regions"},
    "customers": {"dimension": "customers.region", "claim": "data.regions"},
}
TOTAL = SemanticQuery(["orders.revenue", "orders.count"])


def platform(root: Path, **settings: Any) -> PluginRegistry:
    (root / "models.yaml").write_text(MODELS, encoding="utf-8")
    plugins = {
        "semantic_layer": {"bsl": {"models": str(root / "models.yaml")} | settings},
        "compute": {"duckdb": {}},
        "storage": {"local": {"root": str(root / "data")}},
    }
    return PluginRegistry({"plugins": plugins})


@pytest.fixture
def registry(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PluginRegistry]:
    with platform(tmp_path, row_rules=getattr(request, "param", {})) as registry:
        for statement in TABLES:
            registry.one(ComputePlugin).execute(statement)
        yield registry


@pytest.fixture
def layer(registry: PluginRegistry) -> SemanticLayerPlugin:
    return registry.one(SemanticLayerPlugin)


def rows(stream: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in pa.table(stream).to_pylist()]


def by_sql(registry: PluginRegistry, sql: str) -> list[tuple[Any, ...]]:
    return rows(registry.one(ComputePlugin).execute(sql))


def seeing(*regions: str) -> Principal:
    return Principal("ada", "https://issuer.example", {"data": {"regions": [*regions]}} if regions else {})


@pytest.mark.parametrize("registry", [RULES], indirect=True)
def test_a_principal_gets_answers_from_the_rows_that_they_may_see(
    registry: PluginRegistry, layer: SemanticLayerPlugin
) -> None:
    joined = "FROM orders o LEFT JOIN customers c ON o.customer_id = c.id"
    by_region = SemanticQuery(["orders.count"], ["customers.region"], order_by=["customers.region"])
    customers = SemanticQuery(["customers.count"])

    north = rows(layer.answer(SemanticRequest(TOTAL, seeing("north"))))
    assert north == by_sql(registry, f"SELECT sum(amount), count(*) {joined} WHERE region = 'north'")
    assert rows(layer.answer(SemanticRequest(by_region, seeing("south")))) == [("south", 5)]
    assert rows(layer.answer(SemanticRequest(by_region, seeing("north", "south")))) == [("north", 10), ("south", 5)]
    assert rows(layer.answer(SemanticRequest(customers, seeing("north")))) == [(2,)]
    assert rows(layer.answer(SemanticRequest(TOTAL, seeing("*")))) == by_sql(
        registry, "SELECT sum(amount), count(*) FROM orders"
    )
    assert rows(layer.answer(SemanticRequest(TOTAL, seeing("'; --")))) == [(None, 0)]


@pytest.mark.parametrize("registry", [{"customers": RULES["customers"]}], indirect=True)
def test_rows_of_a_joined_model_that_may_not_be_seen_are_as_if_they_were_not_there(layer: SemanticLayerPlugin) -> None:
    by_region = SemanticQuery(["orders.count"], ["customers.region"], order_by=["customers.region"])

    assert sorted(rows(layer.answer(SemanticRequest(by_region, seeing("north")))), key=str) == [
        ("north", 10),
        (None, 10),
    ]
    assert rows(layer.query(TOTAL)) == [(190, 20)]


@pytest.mark.parametrize("registry", [RULES], indirect=True)
def test_nobody_and_who_has_no_right_get_no_answer(layer: SemanticLayerPlugin) -> None:
    for call in (
        lambda: layer.query(TOTAL),
        lambda: layer.compile(TOTAL),
        lambda: layer.answer(SemanticRequest(TOTAL)),
        lambda: layer.answer(SemanticRequest(TOTAL, seeing())),
    ):
        with pytest.raises(PermissionError):
            call()


def test_a_rule_that_names_no_dimension_of_its_model_is_found(tmp_path: Path) -> None:
    rules = {"customers": {"dimension": "orders.day", "claim": "days"}}
    with platform(tmp_path, row_rules=rules) as registry:
        for statement in TABLES:
            registry.one(ComputePlugin).execute(statement)
        with pytest.raises(PluginError, match="no dimension of it"):
            registry.one(SemanticLayerPlugin).describe()


def test_groups_are_left_out_by_their_measures(registry: PluginRegistry, layer: SemanticLayerPlugin) -> None:
    query = SemanticQuery(["orders.revenue", "orders.count"], ["customers.region"], order_by=["orders.revenue"])
    having = [SemanticFilter("orders.revenue", ">", 50), SemanticFilter("orders.count", "in", [5, 10])]

    assert rows(layer.answer(SemanticRequest(query, having=having))) == by_sql(
        registry,
        """
        SELECT region, sum(amount), count(*) FROM orders o LEFT JOIN customers c ON o.customer_id = c.id
        GROUP BY ALL HAVING sum(amount) > 50 AND count(*) IN (5, 10) ORDER BY 2
        """,
    )


@pytest.mark.parametrize(
    ("field", "grain"), [("day", "month"), ("day", "quarter"), ("moment", "hour"), ("moment", "day")]
)
def test_times_are_cut_off_before_rows_are_grouped(
    registry: PluginRegistry, layer: SemanticLayerPlugin, field: str, grain: Any
) -> None:
    name = f"orders.{field}"
    query = SemanticQuery(
        ["orders.count"], [name], [SemanticFilter("orders.day", ">", "2026-01-15")], order_by=["-" + name]
    )

    assert rows(layer.answer(SemanticRequest(query, grains={name: grain}))) == by_sql(
        registry,
        f"""
        SELECT date_trunc('{grain}', {field})::{"DATE" if field == "day" else "TIMESTAMP"} AS d, count(*)
        FROM orders WHERE day > DATE '2026-01-15' GROUP BY ALL ORDER BY d DESC
        """,  # noqa: S608 of the tests' own
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"having": [SemanticFilter("customers.count", ">", 1)]}, "no measure of the query"),
        ({"having": [SemanticFilter("orders.day", ">", 1)]}, "no measure of the query"),
        ({"grains": {"orders.moment": "month"}}, "no dimension of the query"),
        ({"grains": {"orders.id": "month"}}, "cut off to a month"),
        ({"grains": {"orders.day": "hour"}}, "cut off to a hour"),
        ({"grains": {"orders.day": "aeon"}}, "'aeon' is not known"),
    ],
)
def test_what_does_not_fit_the_query_is_refused(layer: SemanticLayerPlugin, more: dict[str, Any], said: str) -> None:
    query = SemanticQuery(["orders.count"], ["orders.day", "orders.id"])
    with pytest.raises(ValueError, match=said):
        layer.answer(SemanticRequest(query, **more))
