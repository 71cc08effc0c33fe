from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nanoarrow
import pytest
from drilling import states, stopped
from floe_reference_compute_duckdb import DuckDBCompute

from floe_plugins import (
    ComputePlugin,
    DBTPlugin,
    HealthState,
    HealthStatus,
    PluginError,
    PluginRegistry,
    PluginType,
    PluginUnavailableError,
    UnsupportedOperationError,
)

FILES = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: its-own\n",
    "models/orders.sql": "select 1 as id, 10 as amount union all select 2, 20",
    "models/totals.sql": "{{ config(materialized='table') }}\nselect sum(amount) as total from {{ ref('orders') }}",
    "models/schema.yml": """
version: 2
sources:
  - {name: raw, schema: main, tables: [{name: regions}]}
models:
  - name: orders
    columns: [{name: id, data_tests: [unique, not_null]}]
unit_tests:
  - name: totals_add_up
    model: totals
    given: [{input: ref('orders'), rows: [{amount: 1}, {amount: 2}]}]
    expect: {rows: [{total: 3}]}
""",
    "seeds/colours.csv": "id,name\n1,red\n2,blue\n",
}
BROKEN = "select no_such_column from {{ ref('orders') }}"
READ = "import duckdb, json, sys; db = duckdb.connect(sys.argv[1]); print(json.dumps(db.sql(sys.argv[2]).fetchall()))"
HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


class Shop:
    """A dbt project, and the database that it is built in."""

    def __init__(self, home: Path) -> None:
        self.project = home / "project"
        self.database = home / "data" / "warehouse.duckdb"
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        place = self.project / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def config(self, **settings: Any) -> Mapping[str, Any]:
        return {
            "plugins": {
                "storage": {"local": {"root": str(self.database.parent)}},
                "compute": {"duckdb": {"path": self.database.name, "schemas": {"prod": "marts"}}},
                "dbt": {"core": settings},
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


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def registry(shop: Shop) -> Iterator[PluginRegistry]:
    with PluginRegistry(shop.config()) as started:
        yield started


@pytest.fixture
def dbt(registry: PluginRegistry) -> DBTPlugin:
    return registry.get(DBTPlugin, "core")


def rows_of(compute: ComputePlugin, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in nanoarrow.ArrayStream(compute.execute(sql)).read_all().to_pylist()]


def health_of_dbt(registry: PluginRegistry) -> HealthStatus:
    [status] = [status for ref, status in registry.health().statuses.items() if ref.type is PluginType.DBT]
    return status


def statuses(report: Any) -> dict[str, str]:
    return {result.unique_id.split(".")[2]: result.status for result in report.results}


def test_parsing_says_what_the_project_consists_of_and_leaves_the_database_alone(dbt: DBTPlugin, shop: Shop) -> None:
    shop.database.unlink()

    manifest = dbt.parse(shop.project)

    assert manifest.models == ("model.shop.orders", "model.shop.totals")
    assert [test.split(".")[2] for test in manifest.tests] == ["not_null_orders_id", "unique_orders_id", "totals"]
    assert manifest.sources == ("source.shop.raw.regions",)
    assert manifest.depends_on["model.shop.totals"] == ("model.shop.orders",)
    assert manifest.depends_on["model.shop.orders"] == ()
    assert manifest.depends_on[manifest.tests[2]] == ("model.shop.totals",)
    assert not shop.database.exists()


def test_a_project_is_parsed_while_the_compute_plugin_holds_its_database(
    registry: PluginRegistry, dbt: DBTPlugin, shop: Shop
) -> None:
    with registry.one(ComputePlugin).connect() as connection:
        connection.cursor().execute("CREATE TABLE t AS SELECT 1 AS a")

        assert dbt.parse(shop.project).models


def test_building_runs_and_tests_every_node(
    registry: PluginRegistry, dbt: DBTPlugin, shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    report = dbt.build(shop.project)

    assert report.ok
    assert statuses(report) == {
        "colours": "success",
        "orders": "success",
        "not_null_orders_id": "pass",
        "unique_orders_id": "pass",
        "totals": "success",
    }
    assert {result.unique_id: result.rows for result in report.results}["seed.shop.colours"] == 2
    assert sum(result.seconds for result in report.results) > 0
    assert 0 < max(result.seconds for result in report.results) < report.seconds
    assert rows_of(registry.one(ComputePlugin), "SELECT total FROM totals") == [(30,)]
    assert capfd.readouterr() == ("", "")


def test_dbt_sees_what_the_compute_plugin_committed_and_frees_the_database_afterwards(
    registry: PluginRegistry, dbt: DBTPlugin, shop: Shop
) -> None:
    registry.one(ComputePlugin).execute("CREATE TABLE regions AS SELECT 'north' AS region")
    shop.write("models/north.sql", "select region from {{ source('raw', 'regions') }}")

    assert dbt.build(shop.project, ["north"]).ok

    assert shop.rows("SELECT region FROM north") == [("north",)]


def test_selected_nodes_are_built_and_excluded_ones_are_not(dbt: DBTPlugin, shop: Shop) -> None:
    report = dbt.build(shop.project, ["orders+", "colours"], ["totals", "resource_type:test"])

    assert statuses(report) == {"orders": "success", "colours": "success"}


def test_an_incremental_model_keeps_its_rows_unless_it_is_refreshed(dbt: DBTPlugin, shop: Shop) -> None:
    shop.write(
        "models/log.sql",
        "{{ config(materialized='incremental') }} select '{{ 1 if is_incremental() else 0 }}' as later",
    )

    def build(**options: bool) -> list[tuple[Any, ...]]:
        assert dbt.build(shop.project, ["log"], **options).ok
        return shop.rows("SELECT later FROM log ORDER BY 1")

    assert build() == [("0",)]
    assert build() == [("0",), ("1",)]
    assert build(full_refresh=True) == [("0",)]


@pytest.mark.drill("dbt model that fails")
def test_a_model_that_fails_is_reported_and_what_needs_it_is_skipped(
    request: pytest.FixtureRequest, shop: Shop, record_property: Callable[[str, object], None]
) -> None:
    registry = PluginRegistry(shop.config(), required=["dbt:core"])
    request.addfinalizer(registry.shutdown)
    registry.startup().raise_for_failures()
    dbt, compute = registry.one(DBTPlugin), registry.one(ComputePlugin)
    assert dbt.build(shop.project).ok
    shop.write("models/totals.sql", BROKEN)
    shop.write("models/after.sql", "select * from {{ ref('totals') }}")

    report = dbt.build(shop.project, ["orders", "totals", "after"], ["resource_type:unit_test"])
    for result in report.results:
        record_property(
            "answer", f"build() reports {result.unique_id} {result.status}: {' '.join(result.message.split())}"
        )
    health = registry.health()

    assert not report.ok
    assert {name: status for name, status in statuses(report).items() if "orders" not in name} == {
        "totals": "error",
        "after": "skipped",
    }
    assert "no_such_column" in {result.unique_id: result.message for result in report.results}["model.shop.totals"]
    assert health.state is HealthState.HEALTHY
    assert states(health) == {"compute:duckdb": "healthy", "dbt:core": "healthy", "storage:local": "healthy"}
    assert rows_of(compute, "SELECT total FROM totals") == [(30,)]
    shop.write("models/totals.sql", FILES["models/totals.sql"])
    assert dbt.build(shop.project).ok
    assert stopped(registry) == ["dbt:core", "compute:duckdb", "storage:local"]
    assert shop.rows("SELECT total FROM after") == [(30,)]


def test_a_test_that_fails_is_reported_with_its_rows(dbt: DBTPlugin, shop: Shop) -> None:
    shop.write("models/orders.sql", "select 1 as id, 10 as amount union all select 1, 20 union all select null, 1")
    dbt.build(shop.project, ["orders"], ["resource_type:test"])

    report = dbt.test(shop.project, ["orders"])

    assert not report.ok
    assert statuses(report) == {"not_null_orders_id": "fail", "unique_orders_id": "fail"}
    assert {result.rows for result in report.results} == {1}


def test_testing_builds_nothing(dbt: DBTPlugin, shop: Shop) -> None:
    assert dbt.build(shop.project, ["orders"]).ok

    report = dbt.test(shop.project, ["orders"])

    assert report.ok
    assert set(statuses(report).values()) == {"pass"}
    assert dbt.test(shop.project, ["colours"]).results == ()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("models/bad.sql", "select * from {{ ref('nowhere') }}", "nowhere"),
        ("models/bad.sql", "select {{ unclosed", "bad.sql"),
        ("models/schema.yml", "models: [", "schema.yml"),
        ("dbt_project.yml", "name: 'not a name'", "not a name"),
    ],
)
def test_a_project_that_does_not_parse_is_refused_in_dbts_words(
    dbt: DBTPlugin, shop: Shop, name: str, text: str, message: str
) -> None:
    shop.write(name, text)

    for command in (dbt.parse, dbt.build, dbt.test):
        with pytest.raises(ValueError, match=message):
            command(shop.project)


def test_a_directory_without_a_project_is_refused(dbt: DBTPlugin, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no dbt project: expected a file dbt_project.yml"):
        dbt.parse(tmp_path)


@pytest.mark.parametrize("wrong", ["typo", "nonsense:orders", "state:modified", "--full-refresh"])
def test_a_selection_that_means_nothing_is_refused_before_anything_runs(dbt: DBTPlugin, shop: Shop, wrong: str) -> None:
    for options in ({"select": ["orders", wrong]}, {"exclude": [wrong]}):
        with pytest.raises(ValueError, match=r"criterion|method|state"):
            dbt.build(shop.project, **options)
    with pytest.raises(ValueError, match=r"criterion|method|state"):
        dbt.test(shop.project, [wrong])

    assert shop.rows("SHOW TABLES") == []


def test_the_artifacts_are_those_of_the_last_commands(dbt: DBTPlugin, shop: Shop) -> None:
    assert dbt.artifacts(shop.project) == {}

    dbt.parse(shop.project)
    parsed = set(dbt.artifacts(shop.project))
    dbt.build(shop.project)
    built = dbt.artifacts(shop.project)

    assert "run_results" not in parsed
    assert {"manifest", "run_results"} <= set(built)
    results = json.loads(built["run_results"].read_text(encoding="utf-8"))
    assert results["args"]["which"] == "build"
    assert built["manifest"].parent == shop.project / "target"


def test_target_vars_and_the_place_of_artifacts_come_from_the_configuration(shop: Shop) -> None:
    shop.write("models/since.sql", "select '{{ var('since') }}' as since, '{{ target.schema }}' as place")
    config = shop.config(target="prod", target_path="../made", vars={"since": 'the "new" ones'}, compute="duckdb")

    with PluginRegistry(config) as registry:
        dbt = registry.one(DBTPlugin)
        assert dbt.build(shop.project, ["since"]).ok
        places = {path.resolve().parent for path in dbt.artifacts(shop.project).values()}

    assert shop.rows("FROM marts.since") == [('the "new" ones', "marts")]
    assert places == {shop.project.parent / "made"}
    assert not (shop.project / "target").exists()
    assert not (shop.project / "logs").exists()


def test_the_working_directory_does_not_matter_nor_change(
    dbt: DBTPlugin, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.project.parent)

    assert dbt.build(Path("project"), ["orders"]).ok

    assert Path.cwd() == shop.project.parent
    assert (shop.project / "target" / "manifest.json").is_file()


def test_commands_of_several_threads_wait_for_each_other(dbt: DBTPlugin, shop: Shop) -> None:
    together = threading.Barrier(3)
    reports: list[bool] = []

    def build() -> None:
        together.wait(60)
        reports.append(dbt.build(shop.project).ok)

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reports == [True, True, True]
    assert shop.rows("SELECT total FROM totals") == [(30,)]


def test_two_platforms_in_one_process_wait_for_each_other(tmp_path: Path) -> None:
    shops = [Shop(tmp_path / str(number)) for number in range(2)]
    together = threading.Barrier(2)
    reports: list[bool] = []

    def build(shop: Shop) -> None:
        with PluginRegistry(shop.config()) as registry:
            together.wait(60)
            reports.append(registry.one(DBTPlugin).build(shop.project).ok)

    threads = [threading.Thread(target=build, args=(shop,)) for shop in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reports == [True, True]
    assert [shop.rows("SELECT total FROM totals") for shop in shops] == [[(30,)], [(30,)]]


def test_a_database_held_by_another_process_is_unavailable_and_loses_nothing(
    registry: PluginRegistry, dbt: DBTPlugin, shop: Shop
) -> None:
    assert dbt.build(shop.project).ok
    registry.one(ComputePlugin).release()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shop.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(PluginUnavailableError, match="another process holds the database") as caught:
            dbt.build(shop.project)
        health = registry.health().state
        holder.communicate("\n")

    assert health is HealthState.HEALTHY
    assert shop.rows("SELECT total FROM totals") == [(30,)]
    assert dbt.build(shop.project).ok
    assert "lock" in str(caught.value)


def test_an_error_of_the_database_keeps_no_file_open(dbt: DBTPlugin, shop: Shop) -> None:
    shop.write(
        "macros/schema.sql", "{% macro duckdb__create_schema(r) %}{{ run_query('select no_such_thing') }}{% endmacro %}"
    )
    shop.write("models/orders.sql", "{{ config(schema='new') }} select 1 as id")

    with pytest.raises(PluginError, match=r"cannot work on the database: .*no_such_thing") as kept:
        dbt.build(shop.project, ["orders"])

    assert shop.rows("SHOW TABLES") == []
    assert kept.value.__cause__ is not None


class EagerCompute(DuckDBCompute):
    """Opens its database again as soon as it was released, as whoever asks for its health at that moment does."""

    name = "eager"
    times = 0

    def release(self) -> None:
        super().release()
        if self.times:
            self.times -= 1
            self.execute("SELECT 1")


@pytest.mark.parametrize("times", [1, 1000])
def test_use_of_the_database_while_dbt_is_to_open_it_is_waited_out_or_reported(shop: Shop, times: int) -> None:
    config = {
        "storage": {"local": {"root": str(shop.database.parent)}},
        "compute": {"eager": {"path": shop.database.name}},
        "dbt": {"core": {}},
    }
    registry = PluginRegistry({"plugins": config})
    registry.register(EagerCompute)
    with registry:
        registry.get(EagerCompute, "eager").times = times
        dbt = registry.one(DBTPlugin)
        if times == 1:
            assert dbt.build(shop.project).ok
        else:
            with pytest.raises(PluginUnavailableError, match="used while dbt was to open it"):
                dbt.build(shop.project)


@pytest.mark.drill("corrupt DuckDB file under dbt")
def test_a_corrupt_database_is_an_error_that_names_the_cause(request: pytest.FixtureRequest, shop: Shop) -> None:
    registry = PluginRegistry(shop.config(), required=["compute:duckdb", "dbt:core"])
    request.addfinalizer(registry.shutdown)
    registry.startup().raise_for_failures()
    dbt, compute = registry.one(DBTPlugin), registry.one(ComputePlugin)
    assert dbt.build(shop.project).ok
    compute.release()
    backup = shop.database.read_bytes()
    damaged = backup[:64] + b"?" * 20_000 + backup[20_064:]
    shop.database.write_bytes(damaged)

    with pytest.raises(PluginError, match=r"cannot work on the database: .*[Cc]orrupt") as caught:
        dbt.build(shop.project)
    with pytest.raises(PluginError, match=r"warehouse\.duckdb cannot be opened"):
        compute.execute("SELECT 1")
    report = registry.health()
    assert dbt.parse(shop.project).models

    assert not isinstance(caught.value, PluginUnavailableError)
    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"compute:duckdb": "unhealthy", "dbt:core": "healthy", "storage:local": "healthy"}
    assert shop.database.read_bytes() == damaged
    shop.database.write_bytes(backup)
    assert rows_of(compute, "SELECT total FROM totals") == [(30,)]
    assert set(states(registry.health()).values()) == {"healthy"}
    assert dbt.build(shop.project).ok
    assert stopped(registry) == ["dbt:core", "compute:duckdb", "storage:local"]


def test_stopping_waits_for_the_command_that_runs_and_lets_no_other_begin(
    registry: PluginRegistry, dbt: DBTPlugin, shop: Shop
) -> None:
    shop.write("models/slow.sql", "select count(*) as n from range(200000000) a(i) where hash(i) % 7 = 1")
    shop.write("models/slow.yml", "models: [{name: slow, config: {materialized: table}}]")
    outcome: list[Any] = []
    builder = threading.Thread(target=lambda: outcome.append(dbt.build(shop.project, ["slow"])))
    builder.start()
    while not health_of_dbt(registry).details["busy"]:
        pass

    stopped = registry.stop(PluginType.DBT, "core")
    builder.join()

    assert stopped.ok
    assert outcome[0].ok
    with pytest.raises(PluginError, match="being stopped"):
        dbt.parse(shop.project)


def test_a_ready_dbt_is_healthy_and_names_its_engine(registry: PluginRegistry) -> None:
    status = health_of_dbt(registry)

    assert status.state is HealthState.HEALTHY
    assert not status.default
    assert status.details["engine"]
    assert str(status.details["adapter"]).startswith("duckdb ")


def test_a_database_in_memory_cannot_be_reached_and_health_says_so(shop: Shop) -> None:
    with PluginRegistry(
        {"plugins": {"storage": {"local": {"root": str(shop.project)}}, "compute": {"duckdb": {}}, "dbt": {"core": {}}}}
    ) as registry:
        status = health_of_dbt(registry)

        assert status.state is HealthState.UNHEALTHY
        assert "in-memory" in status.message
        with pytest.raises(UnsupportedOperationError, match="in-memory"):
            registry.one(DBTPlugin).build(shop.project)


def test_nothing_is_sent_or_left_behind_and_dbt_is_imported_at_its_first_use(shop: Shop, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "temporary").mkdir(parents=True)
    code = """
import json, sys

asked = []
sys.addaudithook(lambda event, args: asked.append(event) if event in {"socket.connect", "socket.getaddrinfo"} else None)
from pathlib import Path
from floe_plugins import DBTPlugin, PluginRegistry

with PluginRegistry(json.loads(sys.argv[1])) as registry:
    health = registry.health().state.value
    before = [name for name in ("dbt", "duckdb") if name in sys.modules and name != "duckdb"]
    ok = registry.one(DBTPlugin).build(Path(sys.argv[2])).ok
import logging
print(json.dumps([health, before, ok, asked, len(logging.getLogger().handlers)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(shop.config()), str(shop.project)],
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home / "temporary")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["healthy", [], True, [], 0]
    assert [path.name for path in home.rglob("*")] == ["temporary"]
