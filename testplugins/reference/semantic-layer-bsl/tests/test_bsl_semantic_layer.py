from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from floe_reference_semantic_layer_bsl import BSLSemanticLayer

from floe_plugins import (
    ComputePlugin,
    HealthState,
    PluginConfigurationError,
    PluginError,
    PluginRegistry,
    PluginState,
    SemanticLayerPlugin,
)
from floe_plugins.hookspecs.semantic_layer import FieldKind, SemanticFilter, SemanticQuery

MODELS = """
customers:
  table: customers
  dimensions:
    id: _.id
    region: {expr: _.region, description: Where the customer lives}
  measures:
    count: _.count()
orders:
  table: main.orders
  dimensions:
    id: _.id
    status: _.status
    day: _.day
    moment: _.moment
    month: _.day.truncate("M")
    gift: _.gift
    amount: _.amount
  measures:
    revenue: {expr: _.amount.sum(), description: What was paid}
    pieces: _.pieces.sum()
    count: _.count()
  calculated_measures:
    average: _.revenue / _.count
  joins:
    customers: {model: customers, type: one, left_on: customer_id, right_on: id}
"""

TABLES = (
    """
    CREATE TABLE orders AS SELECT
        i AS id, i % 4 AS customer_id, (i * 1.25)::DECIMAL(9, 2) AS amount, i AS pieces,
        DATE '2026-01-01' + (i * 10)::INT AS day, TIMESTAMP '2026-01-01' + INTERVAL 1 HOUR * i AS moment,
        CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN 'it''s open' ELSE 'paid' END AS status, i % 2 = 0 AS gift
    FROM range(20) r(i)
    """,
    "CREATE TABLE customers AS SELECT i AS id, 'region ' || i % 2 AS region FROM range(3) r(i)",
)


def configured(root: Path, **settings: Any) -> dict[str, Any]:
    return {
        "plugins": {
            "semantic_layer": {"bsl": {"models": str(root / "models.yaml")} | settings},
            "compute": {"duckdb": {"path": "warehouse.duckdb"}},
            "storage": {"local": {"root": str(root / "data")}},
        }
    }


@contextlib.contextmanager
def platform(root: Path, models: str = MODELS, **settings: Any) -> Iterator[PluginRegistry]:
    (root / "models.yaml").write_text(models, encoding="utf-8")
    with PluginRegistry(configured(root, **settings)) as registry:
        assert registry.problems == ()
        yield registry
    assert registry.state(SemanticLayerPlugin, "bsl") is PluginState.STOPPED


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    with platform(tmp_path) as registry:
        compute = registry.get(ComputePlugin, "duckdb")
        for statement in TABLES:
            compute.execute(statement)
        yield registry


@pytest.fixture
def layer(registry: PluginRegistry) -> SemanticLayerPlugin:
    return registry.get(SemanticLayerPlugin, "bsl")


def rows(stream: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in pa.table(stream).to_pylist()]


def by_sql(registry: PluginRegistry, sql: str) -> list[tuple[Any, ...]]:
    return rows(registry.get(ComputePlugin, "duckdb").execute(sql))


def test_an_answer_is_that_of_the_sql_one_would_write(registry: PluginRegistry, layer: SemanticLayerPlugin) -> None:
    answer = layer.query(
        SemanticQuery(
            measures=("orders.revenue", "orders.count", "orders.average"),
            dimensions=("customers.region", "orders.month"),
            filters=(SemanticFilter("orders.status", "=", "paid"), SemanticFilter("orders.day", ">=", "2026-02-01")),
            order_by=("-orders.revenue", "orders.month"),
            limit=4,
        )
    )

    assert rows(answer) == by_sql(
        registry,
        """
        SELECT region, date_trunc('month', day)::DATE, sum(amount), count(*), sum(amount) / count(*)
        FROM orders o LEFT JOIN customers c ON o.customer_id = c.id
        WHERE status = 'paid' AND day >= DATE '2026-02-01' GROUP BY ALL ORDER BY 3 DESC, 2 LIMIT 4
        """,
    )
    assert len(rows(answer)) == 4


def test_columns_are_called_as_they_were_asked_for_dimensions_first(layer: SemanticLayerPlugin) -> None:
    joined = SemanticQuery(measures=("orders.count",), dimensions=("orders.status", "customers.region"))
    alone = SemanticQuery(measures=("customers.count",), dimensions=("customers.region",))

    assert pa.table(layer.query(joined)).column_names == ["orders.status", "customers.region", "orders.count"]
    assert pa.table(layer.query(alone)).column_names == ["customers.region", "customers.count"]


def test_the_fields_that_may_be_asked_for_are_described(layer: SemanticLayerPlugin) -> None:
    model = layer.describe()

    assert {field.name: field.type for field in model.dimensions} == {
        "customers.id": "int64",
        "customers.region": "string",
        "orders.id": "int64",
        "orders.status": "string",
        "orders.day": "date",
        "orders.moment": "timestamp(6)",
        "orders.month": "date",
        "orders.gift": "boolean",
        "orders.amount": "decimal(9, 2)",
    }
    assert {field.name: field.type for field in model.measures} == {
        "customers.count": "int64",
        "orders.revenue": "decimal(38, 2)",
        "orders.pieces": "int64",
        "orders.count": "int64",
        "orders.average": "float64",
    }
    described = {field.name: field.description for field in model.fields if field.description}
    assert described == {"customers.region": "Where the customer lives", "orders.revenue": "What was paid"}
    assert {field.kind for field in model.fields} == {FieldKind.DIMENSION, FieldKind.MEASURE}


def test_every_described_field_can_be_asked_for_and_has_the_type_described(layer: SemanticLayerPlugin) -> None:
    arrow = {
        "int64": pa.int64(), "string": pa.string(), "date": pa.date32(), "timestamp(6)": pa.timestamp("us"),
        "boolean": pa.bool_(), "decimal(9, 2)": pa.decimal128(9, 2), "decimal(38, 2)": pa.decimal128(38, 2),
        "float64": pa.float64(),
    }  # fmt: skip
    for field in layer.describe().fields:
        asked = {"measures" if field.kind is FieldKind.MEASURE else "dimensions": (field.name,)}
        [column] = pa.table(layer.query(SemanticQuery(**asked))).schema
        assert (column.name, column.type) == (field.name, arrow[field.type])


def test_dimensions_alone_give_each_combination_once(layer: SemanticLayerPlugin) -> None:
    answer = layer.query(SemanticQuery(dimensions=("orders.status", "orders.gift"), order_by=("orders.gift",)))

    assert len(rows(answer)) == len(set(rows(answer))) == 6


def test_measures_of_what_is_joined_are_not_multiplied(registry: PluginRegistry, layer: SemanticLayerPlugin) -> None:
    answer = layer.query(SemanticQuery(measures=("customers.count", "orders.revenue")))

    assert rows(answer) == [(3, by_sql(registry, "SELECT sum(amount) FROM orders")[0][0])]


JOINED = "FROM orders o LEFT JOIN customers c ON o.customer_id = c.id"


@pytest.mark.parametrize(
    ("query", "sql"),
    [
        (
            SemanticQuery(measures=("orders.revenue", "orders.average"), dimensions=("customers.region",)),
            "SELECT region, sum(amount), sum(amount) / count(*) {JOINED} GROUP BY 1",
        ),
        (
            SemanticQuery(measures=("customers.count", "orders.count"), dimensions=("orders.status",)),
            "SELECT status, count(DISTINCT c.id), count(*) {JOINED} GROUP BY 1",
        ),
        (
            SemanticQuery(measures=("customers.count", "orders.count"), dimensions=("customers.region", "orders.gift")),
            "SELECT region, gift, count(DISTINCT c.id), count(*) {JOINED} GROUP BY 1, 2",
        ),
        (
            SemanticQuery(
                measures=("customers.count",),
                dimensions=("orders.gift",),
                filters=(SemanticFilter("orders.id", "=", 3),),
            ),
            "SELECT false, 0",
        ),
        (
            SemanticQuery(
                measures=("orders.pieces", "customers.count"),
                filters=(SemanticFilter("orders.status", "=", "paid"), SemanticFilter("customers.region", "!=", None)),
            ),
            "SELECT sum(pieces), count(DISTINCT c.id) {JOINED} WHERE status = 'paid' AND region IS NOT NULL",
        ),
        (
            SemanticQuery(dimensions=("orders.gift", "customers.region")),
            "SELECT DISTINCT gift, region {JOINED}",
        ),
    ],
)
def test_rows_of_joined_models_count_once_in_each_group(
    registry: PluginRegistry, layer: SemanticLayerPlugin, query: SemanticQuery, sql: str
) -> None:
    assert sorted(rows(layer.query(query)), key=repr) == sorted(by_sql(registry, sql.format(JOINED=JOINED)), key=repr)


def ask(root: Path, models: str, query: SemanticQuery) -> list[tuple[Any, ...]]:
    with platform(root, models) as registry:
        for statement in TABLES:
            registry.get(ComputePlugin, "duckdb").execute(statement)
        return sorted(rows(registry.get(SemanticLayerPlugin, "bsl").query(query)), key=repr)


def test_many_rows_may_be_joined_to_one(tmp_path: Path) -> None:
    models = """
orders:
  table: orders
  dimensions: {gift: _.gift}
  measures: {pieces: _.pieces.sum(), count: _.count()}
customers:
  table: customers
  dimensions: {region: _.region}
  measures: {count: _.count(), ids: _.id.sum()}
  joins:
    orders: {model: orders, type: many, left_on: id, right_on: customer_id}
"""
    measures = ("customers.count", "customers.ids", "orders.count", "orders.pieces")

    assert ask(tmp_path, models, SemanticQuery(measures, ("customers.region",))) == [
        ("region 0", 2, 2, 10, 90),
        ("region 1", 1, 1, 5, 45),
    ]


def test_joins_may_have_names_and_bring_along_those_of_models_defined_before(tmp_path: Path) -> None:
    models = """
regions: {table: customers, dimensions: {name: _.region}}
customers:
  table: customers
  measures: {count: _.count()}
  joins:
    near: {model: regions, left_on: id, right_on: id}
    peers: {model: customers, type: many, left_on: region, right_on: region}
orders:
  table: orders
  measures: {count: _.count()}
  joins:
    buyers: {model: customers, left_on: customer_id, right_on: id}
"""
    query = SemanticQuery(("orders.count", "buyers.count", "peers.count"), ("near.name",))

    assert ask(tmp_path, models, query) == [("region 0", 10, 2, 2), ("region 1", 5, 1, 1), (None, 5, 0, 0)]


def test_a_name_that_is_joined_twice_is_refused(tmp_path: Path) -> None:
    models = """
customers:
  table: customers
  joins:
    customers: {model: customers, left_on: id, right_on: id}
"""
    with pytest.raises(PluginError, match="customers joins customers twice"):
        ask(tmp_path, models, SemanticQuery(("customers.count",)))


def test_all_rows_may_be_joined_to_each_other(tmp_path: Path) -> None:
    models = """
regions: {table: customers, dimensions: {name: _.region}, measures: {count: _.count()}}
orders: {table: orders, measures: {count: _.count()}, joins: {regions: {model: regions, type: cross}}}
"""
    query = SemanticQuery(("orders.count", "regions.count"), ("regions.name",))

    assert ask(tmp_path, models, query) == [("region 0", 20, 2), ("region 1", 20, 1)]


def test_the_filter_of_a_model_holds_for_its_own_rows(tmp_path: Path) -> None:
    models = """
customers: {table: customers, dimensions: {region: _.region}, filter: _.region == "region 0"}
orders:
  table: orders
  dimensions: {late: _.id >= 10}
  measures: {count: _.count()}
  filter: _.late
  joins: {customers: {model: customers, left_on: customer_id, right_on: id}}
"""
    query = SemanticQuery(("orders.count",), ("customers.region",))

    assert ask(tmp_path, models, query) == [("region 0", 5), (None, 5)]


def test_dimensions_may_be_made_of_others_and_hide_columns(tmp_path: Path) -> None:
    models = """
orders:
  table: orders
  dimensions:
    quarter: (_.number - 1) // 3 + 1
    number: _.day.month()
    status: _.status.upper()
  measures: {count: _.count()}
"""
    paid = SemanticFilter("orders.status", "=", "PAID")

    assert ask(tmp_path, models, SemanticQuery(("orders.count",), ("orders.quarter", "orders.status"), (paid,))) == [
        (1, "PAID", 3),
        (2, "PAID", 3),
    ]


def test_an_answer_can_be_read_again(layer: SemanticLayerPlugin) -> None:
    answer = layer.query(SemanticQuery(measures=("orders.count",)))

    assert rows(answer) == [(20,)]
    assert rows(answer) == [(20,)]


@pytest.mark.parametrize(
    ("field", "operator", "value", "where"),
    [
        ("orders.status", "=", "it's open", "status = 'it''s open'"),
        ("orders.status", "!=", "paid", "status != 'paid'"),
        ("orders.status", "in", ["paid", "it's open"], "status IS NOT NULL"),
        ("orders.status", "in", [], "false"),
        ("orders.status", "=", None, "status IS NULL"),
        ("orders.status", "!=", None, "status IS NOT NULL"),
        ("orders.status", "=", "x' OR 1 = 1 --", "false"),
        ("orders.status", "=", "2026-01-01", "false"),
        ("orders.id", "<", 3, "id < 3"),
        ("orders.id", "in", {1, 2}, "id IN (1, 2)"),
        ("orders.amount", "<=", 2.5, "amount <= 2.5"),
        ("orders.amount", ">", Decimal("2.50"), "amount > 2.5"),
        ("orders.amount", "=", 5, "amount = 5"),
        ("orders.day", ">", date(2026, 3, 1), "day > DATE '2026-03-01'"),
        ("orders.day", ">=", "2026-03-01", "day >= DATE '2026-03-01'"),
        ("orders.moment", "<", datetime(2026, 1, 1, 5), "moment < TIMESTAMP '2026-01-01 05:00'"),  # noqa: DTZ001 it has no zone
        ("orders.moment", "<", "2026-01-01T05:00:00", "moment < TIMESTAMP '2026-01-01 05:00'"),
        ("orders.month", "=", "2026-02-01", "date_trunc('month', day) = DATE '2026-02-01'"),
        ("orders.gift", "=", True, "gift"),
        ("customers.region", "=", "region 1", "customer_id = 1"),
        ("customers.region", "=", None, "customer_id = 3"),
    ],
)
def test_a_filter_holds_for_the_rows(
    registry: PluginRegistry, field: str, operator: str, value: object, where: str
) -> None:
    query = SemanticQuery(measures=("orders.count",), filters=(SemanticFilter(field, operator, value),))

    answer = registry.get(SemanticLayerPlugin, "bsl").query(query)

    assert rows(answer) == by_sql(registry, f"SELECT count(*) FROM orders WHERE {where}")  # noqa: S608 from above


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("orders.status", "=", 1),
        ("orders.status", "in", "paid"),
        ("orders.status", "in", ["paid", 1]),
        ("orders.status", "~", "paid"),
        ("orders.status", "<", None),
        ("orders.id", "=", "1"),
        ("orders.id", "=", 1.5),
        ("orders.id", "=", True),
        ("orders.amount", "=", "1"),
        ("orders.day", "=", "2026"),
        ("orders.day", "=", "yesterday"),
        ("orders.day", "=", 20260101),
        ("orders.gift", "=", 1),
    ],
)
def test_a_filter_that_does_not_fit_is_refused(
    layer: SemanticLayerPlugin, field: str, operator: str, value: object
) -> None:
    query = SemanticQuery(measures=("orders.count",), filters=(SemanticFilter(field, operator, value),))

    for ask in (layer.query, layer.compile):
        with pytest.raises(ValueError, match=rf"filter on {field} does not fit"):
            ask(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (SemanticQuery(measures=("orders.revnue",)), "no field 'orders.revnue': did you mean 'orders.revenue'"),
        (SemanticQuery(dimensions=("region",)), "no field 'region'"),
        (
            SemanticQuery(measures=("orders.count",), filters=(SemanticFilter("orders.x", "=", 1),)),
            "no field 'orders.x'",
        ),
        (SemanticQuery(), "asks for nothing"),
        (SemanticQuery(measures=("orders.status",)), "'orders.status' is a dimension, not a measure"),
        (SemanticQuery(dimensions=("orders.count",)), "'orders.count' is a measure, not a dimension"),
        (
            SemanticQuery(measures=("orders.count",), filters=(SemanticFilter("orders.count", ">", 1),)),
            "'orders.count' is a measure, not a dimension",
        ),
        (SemanticQuery(measures=("orders.count",), order_by=("orders.day",)), "cannot order by 'orders.day'"),
        (SemanticQuery(measures=("orders.count", "orders.count")), "orders.count is asked for twice"),
        (SemanticQuery(measures=("orders.count",), limit=-1), "limit -1 is negative"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(layer: SemanticLayerPlugin, query: SemanticQuery, said: str) -> None:
    for ask in (layer.query, layer.compile):
        with pytest.raises(ValueError, match=said):
            ask(query)


def test_fields_that_no_model_has_together_are_refused(tmp_path: Path) -> None:
    models = MODELS.replace(
        "  joins:\n    customers: {model: customers, type: one, left_on: customer_id, right_on: id}\n", ""
    )
    with platform(tmp_path, models) as registry:
        for statement in TABLES:
            registry.get(ComputePlugin, "duckdb").execute(statement)
        with pytest.raises(ValueError, match=r"no model has all of orders\.count, customers\.region"):
            registry.get(SemanticLayerPlugin, "bsl").query(
                SemanticQuery(measures=("orders.count",), dimensions=("customers.region",))
            )


def test_a_limit_holds_and_no_rows_still_have_columns(layer: SemanticLayerPlugin) -> None:
    query = SemanticQuery(measures=("orders.count",), dimensions=("orders.day",), limit=0)

    assert pa.table(layer.query(query)).column_names == ["orders.day", "orders.count"]
    assert rows(layer.query(query)) == []


def test_compiled_sql_is_what_the_compute_plugin_runs(registry: PluginRegistry, layer: SemanticLayerPlugin) -> None:
    query = SemanticQuery(
        measures=("orders.revenue",), dimensions=("orders.status",), order_by=("orders.revenue",), limit=2
    )

    assert by_sql(registry, layer.compile(query)) == rows(layer.query(query))


def test_sql_is_written_in_the_dialect_configured(tmp_path: Path) -> None:
    query = SemanticQuery(measures=("orders.count",), dimensions=("orders.month",))
    written = {}
    for dialect in ("duckdb", "sqlite", "datafusion"):
        with platform(tmp_path, dialect=dialect) as registry:
            compute = registry.get(ComputePlugin, "duckdb")
            for statement in TABLES:
                compute.execute(statement.replace("CREATE TABLE", "CREATE OR REPLACE TABLE"))
            written[dialect] = registry.get(SemanticLayerPlugin, "bsl").compile(query)

    assert "DATE_TRUNC('MONTH'" in written["duckdb"]
    assert "'start of month'" in written["sqlite"]
    assert len(set(written.values())) == 3


def test_a_dialect_that_nobody_speaks_is_refused_when_starting(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(MODELS, encoding="utf-8")
    registry = PluginRegistry(configured(tmp_path, dialect="klingon"))

    [failed] = registry.startup().failed

    assert "ibis cannot write SQL for 'klingon'" in failed.message
    assert registry.shutdown().ok


def test_tables_may_be_made_and_changed_after_the_start(tmp_path: Path) -> None:
    count = SemanticQuery(measures=("orders.count",))
    with platform(tmp_path) as registry:
        layer, compute = registry.get(SemanticLayerPlugin, "bsl"), registry.get(ComputePlugin, "duckdb")
        with pytest.raises(PluginError, match=r"table customers of the models .* cannot be read"):
            layer.query(count)
        assert health(registry).state is HealthState.DEGRADED
        assert "table customers" in health(registry).message

        for statement in TABLES:
            compute.execute(statement)
        assert rows(layer.query(count)) == [(20,)]
        assert health(registry).state is HealthState.HEALTHY
        compute.execute("ALTER TABLE orders ALTER pieces TYPE DOUBLE")

        assert {field.name: field.type for field in layer.describe().measures}["orders.pieces"] == "float64"


def health(registry: PluginRegistry) -> Any:
    return next(status for ref, status in registry.health().statuses.items() if str(ref) == "semantic_layer:bsl")


def test_checking_health_does_not_take_a_released_database_back(registry: PluginRegistry, tmp_path: Path) -> None:
    registry.get(ComputePlugin, "duckdb").release()

    assert health(registry).state is HealthState.HEALTHY
    code = f"import duckdb; duckdb.connect({str(tmp_path / 'data' / 'warehouse.duckdb')!r}); print('open')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.stdout == "open\n"


def test_a_column_that_is_not_there_is_named(registry: PluginRegistry, layer: SemanticLayerPlugin) -> None:
    registry.get(ComputePlugin, "duckdb").execute("ALTER TABLE orders DROP status")

    with pytest.raises(PluginError, match=r"models do not fit their tables: .*status"):
        layer.describe()


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (None, "cannot be read: No such file"),
        ("a: [", "are no YAML"),
        ("", "has no models"),
        ("- a", "has no models"),
        ("orders: {dimensions: {}}", "model 'orders' has no table"),
        ("a.b: {table: t}", "'a.b' is no name of a model"),
        ("orders: {table: a..b}", "names no table"),
        ("orders: {table: t, profile: prod}", "profile; tables are the compute plugin's"),
        ("orders: {table: t, dimension: {}}", "the model has dimension: expected table, description, dimensions"),
        ("orders: {table: t, measures: [count]}", "measures are no mapping"),
        ("orders: {table: t, measures: {1: _.count()}}", "1 is no name of a field"),
        ("orders: {table: t, measures: {count: 1}}", "count has no expression"),
        ("orders: {table: t, measures: {count: {description: all}}}", "count has no expression"),
        ("orders: {table: t, measures: {count: _.count(}}", "count: '_.count(' is no expression"),
        ("orders: {table: t, dimensions: {a: _.a}, measures: {a: _.a.sum()}}", "a is defined twice"),
        ("orders: {table: t, joins: {customers: {model: customers}}}", "the join customers has no model of this file"),
        ("orders: {table: t, joins: {a.b: {model: orders}}}", "'a.b' is no join"),
        ("orders: {table: t, joins: {peers: {model: orders}}}", "the join peers lacks left_on or right_on"),
        ("orders: {table: t, joins: {peers: {model: orders, type: some}}}", "the join peers is of no known type"),
        ("orders: {table: t, joins: {peers: {model: orders, how: inner}}}", "the join peers is of no known type"),
        ("orders: {table: t, joins: {peers: {model: orders, keys: id}}}", "the join peers has keys: expected model"),
    ],
)
def test_a_file_without_good_models_stops_the_start(tmp_path: Path, models: str | None, said: str) -> None:
    if models is not None:
        (tmp_path / "models.yaml").write_text(models, encoding="utf-8")
    registry = PluginRegistry(configured(tmp_path))

    [failed] = registry.startup().failed

    assert said in failed.message
    assert registry.state(ComputePlugin, "duckdb") is PluginState.STARTED
    assert health(registry).state is HealthState.UNHEALTHY
    assert registry.shutdown().ok


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("__import__('pathlib').Path(MARKER).touch()", ".touch() is not allowed"),
        ("__import__", "the name __import__ is not allowed"),
        ("open(MARKER, 'w')", "open() is not allowed"),
        ("_.__class__.__init__.__globals__['__builtins__']['open'](MARKER, 'w')", "() is not allowed"),
        ("().__class__.__mro__[1]", "__mro__ is private"),
        ("(lambda made: made(MARKER, 'w'))(_.open)", "() is not allowed"),
        ("_.id.isin(lambda column: column)", "Lambda is not allowed"),
        ("[column for column in _]", "ListComp is not allowed"),
        ("(made := _.id)", "NamedExpr is not allowed"),
        ("f'{_.__class__}'", "JoinedStr is not allowed"),
        ("'{0.__class__}'.format(_)", ".format() is not allowed"),
        ("_.id.sum(**{'where': _})", "the argument ** is not allowed"),
        ("_.id.pipe(_.id)", "_.id.pipe() is not allowed"),
        ("_.to_csv(MARKER)", "_.to_csv() is not allowed"),
        ("_.id.sum(where=_.visualize)", "the method visualize is not allowed; a column of that name is _['visualize']"),
        ("_.sql('SELECT 1')", "_.sql() is not allowed"),
        ("_.id); __import__('os').system('exit'", "is no expression"),
    ],
)
def test_expressions_of_models_run_no_code(tmp_path: Path, expression: str, said: str) -> None:
    marker = tmp_path / "was run"
    written = json.dumps(expression.replace("MARKER", repr(str(marker))))
    for place in (f"dimensions: {{bad: {written}}}", f"measures: {{bad: {{expr: {written}}}}}",
                  f"calculated_measures: {{bad: {written}}}", f"filter: {written}"):  # fmt: skip
        (tmp_path / "models.yaml").write_text(f"orders: {{table: orders, {place}}}", encoding="utf-8")
        registry = PluginRegistry(configured(tmp_path))

        [failed] = registry.startup().failed

        assert "startup raised PluginError" in failed.message
        assert said in failed.message
        assert registry.shutdown().ok
        assert not marker.exists()


def test_expressions_may_go_over_lines_and_compute_what_columns_can(tmp_path: Path) -> None:
    models = """
orders:
  table: orders
  dimensions:
    size: |
      _.pieces
      .cast("float64")  # without it, ten is an eleventh of a hundred
      .round(-1)
  measures:
    view: _.pieces.sum(where=(_.status == "paid") & ~_.gift | _["id"].isin([0, -1]))
  calculated_measures:
    share: _["view"] / _.all(_["view"])
"""
    query = SemanticQuery(("orders.view", "orders.share"), ("orders.size",))

    assert ask(tmp_path, models, query) == [(0, 0, 0), (10, 16, 16 / 33), (20, 17, 17 / 33)]


def test_models_must_be_configured(tmp_path: Path) -> None:
    config = configured(tmp_path)
    config["plugins"]["semantic_layer"]["bsl"] = {}

    with pytest.raises(PluginConfigurationError, match=r"plugins\.semantic_layer\.bsl\.models"):
        PluginRegistry(config).startup()


def test_many_threads_ask_at_once(layer: SemanticLayerPlugin) -> None:
    together = threading.Barrier(6)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            query = SemanticQuery(measures=("orders.count",), filters=(SemanticFilter("orders.id", "<", number),))
            together.wait()
            for _ in range(3):
                assert rows(layer.query(query)) == [(number,)]
                assert len(layer.describe().measures) == 5
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_the_compute_plugin_can_be_named_and_starts_first(tmp_path: Path) -> None:
    with platform(tmp_path, compute="duckdb") as registry:
        order = [str(ref) for ref in registry.resolve()]

    assert order.index("compute:duckdb") < order.index("semantic_layer:bsl")


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_semantic_layer_bsl;"
        "engines = {'ibis', 'boring_semantic_layer', 'pandas', 'numpy', 'pyarrow', 'duckdb', 'yaml', 'sqlglot'};"
        "print(engines & {*sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout == "set()\n"
    assert BSLSemanticLayer.name == "bsl"
