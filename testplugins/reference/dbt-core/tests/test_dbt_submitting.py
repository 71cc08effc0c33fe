"""Commands in processes of their own: with an environment, events, a retry, and an end at any time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nanoarrow
import pytest
from pydantic import SecretStr

from floe_plugins import CancelledOperationError, ComputePlugin, DBTPlugin, PluginError, PluginRegistry
from floe_plugins.hookspecs.dbt import DbtCommand, DbtEvent
from floe_plugins.hookspecs.running import RunState

FILES = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: its-own\n",
    "models/orders.sql": "select 1 as id, '{{ env_var('DBT_CITY', 'nowhere') }}' as city",
    "models/totals.sql": "{{ config(materialized='table') }}\nselect count(*) as total from {{ ref('orders') }}",
}
ENDLESS = """
{{ config(materialized='table') }}
select count(*) as n from range(1000000000000) a(i), range(1000000) b(j) where i * j % 7 = 3
"""


def made(home: Path) -> Path:
    for name, text in FILES.items():
        place = home / "project" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return home / "project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return made(tmp_path)


def platform(home: Path) -> PluginRegistry:
    return PluginRegistry(
        {
            "plugins": {
                "storage": {"local": {"root": str(home / "data")}},
                "compute": {"duckdb": {"path": "warehouse.duckdb"}},
                "dbt": {"core": {}},
            }
        }
    )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    with platform(tmp_path) as started:
        yield started


@pytest.fixture
def dbt(registry: PluginRegistry) -> DBTPlugin:
    return registry.one(DBTPlugin)


def rows(registry: PluginRegistry, sql: str) -> list[tuple[Any, ...]]:
    stream = registry.one(ComputePlugin).execute(sql)
    return [tuple(row.values()) for row in nanoarrow.ArrayStream(stream).read_all().to_pylist()]


def test_a_command_has_an_environment_of_its_own_and_tells_what_it_does(
    registry: PluginRegistry, dbt: DBTPlugin, project: Path
) -> None:
    events: list[DbtEvent] = []
    command = DbtCommand("run", ["orders"], threads=2, environment={"DBT_CITY": SecretStr("Bergen")})

    run = dbt.submit(project, command, events.append)
    report = run.result()

    assert report.ok
    assert [result.unique_id for result in report.results] == ["model.shop.orders"]
    assert run.state is RunState.SUCCEEDED
    assert rows(registry, "SELECT city FROM orders") == [("Bergen",)]
    assert "Bergen" not in repr(command)
    assert ("model.shop.orders", "success") in {(event.unique_id, event.status) for event in events}
    assert any("2 threads" in event.message for event in events)


def test_a_retry_goes_on_from_what_failed(registry: PluginRegistry, dbt: DBTPlugin, project: Path) -> None:
    good = (project / "models" / "totals.sql").read_text()
    (project / "models" / "totals.sql").write_text("select no_such_column from {{ ref('orders') }}")
    failed = dbt.submit(project, DbtCommand()).result()
    (project / "models" / "totals.sql").write_text(good)

    again = dbt.submit(project, DbtCommand("retry")).result()

    assert {result.unique_id: result.status for result in failed.results} == {
        "model.shop.orders": "success",
        "model.shop.totals": "error",
    }
    assert {result.unique_id: result.status for result in again.results} == {"model.shop.totals": "success"}
    assert rows(registry, "SELECT total::INT AS t FROM totals") == [(1,)]
    with pytest.raises(ValueError, match="expected no selection"):
        dbt.submit(project, DbtCommand("retry", ["orders"]))


def test_a_command_that_never_ends_is_cancelled_and_so_are_those_that_wait_for_it(
    registry: PluginRegistry, dbt: DBTPlugin, project: Path, tmp_path: Path
) -> None:
    (project / "models" / "totals.sql").write_text(ENDLESS)
    begun = threading.Event()

    def told(event: DbtEvent) -> None:
        if event.name == "LogStartLine" and event.unique_id == "model.shop.totals":
            begun.set()

    endless = dbt.submit(project, DbtCommand(), told)
    while not begun.wait(0.1):
        assert endless.state is RunState.RUNNING
    waiting = dbt.submit(project, DbtCommand())
    # One on a database of its own does not wait.
    with platform(tmp_path / "other") as other:
        elsewhere = other.one(DBTPlugin).submit(made(tmp_path / "other"), DbtCommand("run", ["orders"]))
        assert elsewhere.result().ok
    assert endless.state is waiting.state is RunState.RUNNING
    waiting.cancel()
    with pytest.raises(CancelledOperationError, match="dbt build was cancelled"):
        waiting.result()

    endless.cancel()
    with pytest.raises(CancelledOperationError):
        endless.result()
    assert endless.state is RunState.CANCELLED
    assert rows(registry, "SELECT city FROM orders") == [("nowhere",)]


def test_stopping_ends_the_commands_that_were_submitted(tmp_path: Path, project: Path) -> None:
    (project / "models" / "totals.sql").write_text(ENDLESS)
    with platform(tmp_path) as registry:
        dbt = registry.one(DBTPlugin)
        run = dbt.submit(project, DbtCommand())
    with pytest.raises(CancelledOperationError):
        run.result(0)
    with pytest.raises(PluginError, match="being stopped"):
        dbt.submit(project, DbtCommand())


def test_what_dbt_does_not_understand_is_an_error_of_the_result(dbt: DBTPlugin, project: Path) -> None:
    with pytest.raises(ValueError, match="nothing"):
        dbt.submit(project, DbtCommand("build", ["nothing"])).result()
    with pytest.raises(ValueError, match="no dbt project"):
        dbt.submit(project.parent, DbtCommand())


def test_an_error_of_who_listens_ends_the_command(registry: PluginRegistry, dbt: DBTPlugin, project: Path) -> None:
    def fail(event: DbtEvent) -> None:
        raise ZeroDivisionError(event.name)

    with pytest.raises(ZeroDivisionError):
        dbt.submit(project, DbtCommand(), fail).result()
    assert rows(registry, "SELECT 1 AS a") == [(1,)]
