from __future__ import annotations

import pytest
from serving import FakeView, ask, plugin_row

from floe_plugins.server import Server
from floe_plugins.server.api import DOCUMENTS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_has_its_schema_version(server: Server, name: str) -> None:
    reply = ask(server, f"/api/{name}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json["schema_version"] == 1


def test_the_snapshot_is_what_the_view_shows(server: Server, view: FakeView) -> None:
    assert ask(server, "/api/snapshot").json == view.current


def test_one_plugin_is_shown_by_its_ref(server: Server, view: FakeView) -> None:
    for path in ("/api/plugins/compute:duckdb", "/api/plugins/compute%3Aduckdb"):
        assert ask(server, path).json["plugin"] == view.current["plugins"][0]
    assert [row["ref"] for row in ask(server, "/api/plugins").json["plugins"]] == ["compute:duckdb", "catalog:polaris"]


@pytest.mark.parametrize("ref", ["compute:spark", "compute", "%00", "..", "compute:duckdb%0d%0ax:y"])
def test_a_plugin_that_is_not_there_is_not_found_and_the_choices_are_listed(server: Server, ref: str) -> None:
    reply = ask(server, f"/api/plugins/{ref}")
    assert reply.status == 404
    assert "compute:duckdb" in reply.json["error"]["message"]
    assert "x" not in reply.headers


def test_the_health_of_each_plugin_stands_beside_that_of_the_platform(server: Server, view: FakeView) -> None:
    document = ask(server, "/api/health").json
    assert document["platform"]["health"] == "healthy"
    assert document["plugins"]["compute:duckdb"]["health"] == view.current["plugins"][0]["health"]


def test_the_graph_has_an_edge_for_each_dependency(server: Server) -> None:
    document = ask(server, "/api/graph").json
    assert [node["ref"] for node in document["nodes"]] == ["compute:duckdb", "catalog:polaris"]
    assert document["edges"] == [{"from": "catalog:polaris", "to": "compute:duckdb"}]


def test_the_timings_say_how_each_plugin_started(server: Server, view: FakeView) -> None:
    view.current["plugins"].append(plugin_row("compute:late", start=None))
    view.current |= {"startup": {"ok": True}, "critical_chain": ["compute:duckdb"]}
    document = ask(server, "/api/timings").json
    assert document["startup"] == {"ok": True}
    assert document["critical_chain"] == ["compute:duckdb"]
    assert document["plugins"].keys() == {"compute:duckdb", "catalog:polaris"}


def test_the_configuration_is_shown_with_its_file(server: Server, view: FakeView) -> None:
    view.current["platform"]["configuration"] = "/etc/floe.toml"
    view.current["settings"] = [{"path": "registry.workers", "value": 4, "origin": "default", "hidden_because": ""}]
    document = ask(server, "/api/config").json
    assert document["configuration"] == "/etc/floe.toml"
    assert document["settings"][0]["path"] == "registry.workers"


def test_the_schema_is_the_plain_json_schema_once_it_is_known(server: Server, view: FakeView) -> None:
    assert ask(server, "/api/schema").status == 404
    view.current["schema"] = {"type": "object"}
    assert ask(server, "/api/schema").json == {"type": "object"}


@pytest.mark.parametrize("name", ["", "nothing", "snapshot/", "../livez", "PLUGINS"])
def test_a_document_that_is_not_there_is_not_found_and_the_choices_are_listed(server: Server, name: str) -> None:
    reply = ask(server, f"/api/{name}")
    assert reply.status == 404
    assert "snapshot" in reply.json["error"]["message"]


@pytest.mark.parametrize(
    "value",
    [pytest.param(10**5_000, id="huge"), "\ud800\x1b</script>\u2028\r\nx: y", float("nan"), {"a": [float("inf")]}],
)
def test_what_a_plugin_says_cannot_break_the_document(server: Server, view: FakeView, value: object) -> None:
    health = {"state": "degraded", "message": "odd", "details": {"value": value}, "seconds": 0.1, "time": 1.0}
    view.current["plugins"] = [plugin_row("compute:odd", health=health, description=value)]
    reply = ask(server, "/api/snapshot")
    assert reply.status == 200
    assert reply.body.isascii()
    assert b"\n" not in reply.body
    assert reply.json["plugins"][0]["ref"] == "compute:odd"
