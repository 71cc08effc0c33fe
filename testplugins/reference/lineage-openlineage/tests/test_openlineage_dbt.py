"""What dbt's artifacts tell, as events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2
from openlineage.client.serde import Serde

from floe_plugins import LineageBackendPlugin, PluginRegistry
from floe_plugins.hookspecs.lineage_backend import ParentRun

INVOCATION = "0b6e2c1e-6a53-4c3b-9d0d-0a4d8a1a5a11"
AT = "2026-01-08T10:00:0{}.000000Z"
PARENT = ParentRun(str(uuid.uuid4()), "floe", "nightly")


def node(kind: str, name: str, *needs: str, **more: Any) -> dict[str, Any]:
    found = {"resource_type": kind, "name": name, "database": "warehouse", "schema": "main", "alias": name}
    return found | {"depends_on": {"nodes": [*needs]}, "config": {"materialized": "view"}, "columns": {}} | more


MANIFEST = {
    "nodes": {
        "seed.shop.colours": node("seed", "colours"),
        "model.shop.cleaned": node("model", "cleaned", "source.shop.raw.orders", config={"materialized": "ephemeral"}),
        "model.shop.orders": node(
            "model",
            "orders",
            "model.shop.cleaned",
            "seed.shop.colours",
            description="What was ordered",
            columns={"id": {"name": "id", "description": "Its number", "data_type": "integer"}},
            compiled_code="select 1 as id",
        ),
        "model.shop.totals": node("model", "totals", "model.shop.orders"),
        "model.shop.later": node("model", "later", "model.shop.totals"),
        "test.shop.unique": node("test", "unique", "model.shop.orders"),
    },
    "sources": {"source.shop.raw.orders": node("source", "orders", schema="raw", identifier="orders_raw", alias=None)},
    "unit_tests": {},
}


def result(unique_id: str, status: str, message: str | None = None) -> dict[str, Any]:
    timing = [
        {"name": "compile", "started_at": AT.format(1), "completed_at": AT.format(2)},
        {"name": "execute", "started_at": AT.format(2), "completed_at": AT.format(3)},
    ]
    return {
        "unique_id": unique_id,
        "status": status,
        "message": message,
        "timing": [] if status == "skipped" else timing,
    }


RESULTS = {
    "metadata": {"invocation_id": INVOCATION, "generated_at": AT.format(9)},
    "results": [
        result("model.shop.orders", "success"),
        result("test.shop.unique", "pass"),
        result("model.shop.totals", "error", "no such column"),
        result("model.shop.later", "skipped"),
    ],
}
CATALOG = {
    "nodes": {
        "model.shop.orders": {
            "columns": {"ID": {"name": "ID", "type": "INTEGER"}, "CITY": {"name": "CITY", "type": "VARCHAR"}}
        }
    },
    "sources": {},
}


@pytest.fixture
def artifacts(tmp_path: Path) -> dict[str, Path]:
    found = {"manifest": MANIFEST, "run_results": RESULTS}
    for name, content in found.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return {name: tmp_path / f"{name}.json" for name in found}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def lineage(file: Path) -> Iterator[LineageBackendPlugin]:
    with PluginRegistry({"plugins": {"lineage_backend": {"openlineage": {"file": str(file)}}}}) as registry:
        yield registry.get(LineageBackendPlugin, "openlineage")


def sent(lineage: LineageBackendPlugin, file: Path) -> list[dict[str, Any]]:
    assert lineage.flush(10)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_each_node_that_ran_becomes_a_run_between_datasets(
    lineage: LineageBackendPlugin, artifacts: dict[str, Path], file: Path
) -> None:
    count = lineage.emit_dbt(artifacts)

    events = sent(lineage, file)
    assert count == len(events) == 6
    assert [(event["job"]["name"], event["eventType"]) for event in events] == [
        ("model.shop.orders", "START"),
        ("model.shop.orders", "COMPLETE"),
        ("test.shop.unique", "START"),
        ("test.shop.unique", "COMPLETE"),
        ("model.shop.totals", "START"),
        ("model.shop.totals", "FAIL"),
    ]
    orders, failed = events[1], events[5]
    assert (events[0]["eventTime"], orders["eventTime"]) == (AT.format(1), AT.format(3))
    # By way of the ephemeral model, which is no table.
    assert sorted(each["name"] for each in orders["inputs"]) == ["warehouse.main.colours", "warehouse.raw.orders_raw"]
    assert [each["name"] for each in orders["outputs"]] == ["warehouse.main.orders"]
    assert orders["outputs"][0]["namespace"] == lineage.namespace("warehouse.main.orders")
    assert orders["job"]["facets"]["sql"]["query"] == "select 1 as id"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no such column"
    assert [each["name"] for each in events[3]["inputs"]] == ["warehouse.main.orders"]
    assert events[3]["outputs"] == []


def test_datasets_have_their_columns(lineage: LineageBackendPlugin, artifacts: dict[str, Path], file: Path) -> None:
    lineage.emit_dbt(artifacts)
    catalog = artifacts["manifest"].with_name("catalog.json")
    catalog.write_text(json.dumps(CATALOG), encoding="utf-8")
    lineage.emit_dbt({**artifacts, "catalog": catalog})

    ended = [event for event in sent(lineage, file) if event["eventType"] == "COMPLETE" and event["outputs"]]
    without, with_catalog = (event["outputs"][0]["facets"] for event in ended)
    assert without["schema"]["fields"] == [{"name": "id", "type": "integer", "description": "Its number"}]
    assert with_catalog["schema"]["fields"] == [
        {"name": "ID", "type": "INTEGER", "description": "Its number"},
        {"name": "CITY", "type": "VARCHAR"},
    ]
    assert without["documentation"]["description"] == "What was ordered"


def test_runs_are_part_of_another_and_the_same_however_often_they_are_told(
    lineage: LineageBackendPlugin, artifacts: dict[str, Path], file: Path
) -> None:
    lineage.emit_dbt(artifacts, PARENT)
    lineage.emit_dbt(artifacts, PARENT)

    events = sent(lineage, file)
    assert len({event["run"]["runId"] for event in events}) == 3
    for event in events:
        parent = event["run"]["facets"]["parent"]
        assert parent["run"] == {"runId": PARENT.run_id}
        assert parent["job"] == {"namespace": "floe", "name": "nightly"}


def test_openlineages_own_client_reads_the_events(
    lineage: LineageBackendPlugin, artifacts: dict[str, Path], file: Path
) -> None:
    lineage.emit_dbt(artifacts, PARENT)

    for event in sent(lineage, file):
        made = event_v2.RunEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            run=event_v2.Run(event["run"]["runId"], event["run"]["facets"]),
            job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], event["job"]["facets"]),
            eventType=event_v2.RunState[event["eventType"]],
            inputs=[event_v2.InputDataset(each["namespace"], each["name"], each["facets"]) for each in event["inputs"]],
            outputs=[
                event_v2.OutputDataset(each["namespace"], each["name"], each["facets"]) for each in event["outputs"]
            ],
        )
        assert json.loads(Serde.to_json(made))["run"] == event["run"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run_results", None, "'run_results' is missing"),
        ("manifest", "{", "'manifest' cannot be read"),
        ("manifest", "{}", "not understood: KeyError"),
        ("run_results", json.dumps({**RESULTS, "results": [result("model.shop.gone", "success")]}), "not understood"),
    ],
)
def test_artifacts_that_are_none_make_no_event(  # noqa: PLR0913, PLR0917
    lineage: LineageBackendPlugin, artifacts: dict[str, Path], file: Path, name: str, content: str | None, said: str
) -> None:
    if content is None:
        del artifacts[name]
    else:
        artifacts[name].write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        lineage.emit_dbt(artifacts)
    assert lineage.flush(10)
    assert not file.exists() or not file.read_text()
