"""Sources by name and configuration, and pending loads that are completed."""

from __future__ import annotations

import http.server
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from floe_plugins import ComputePlugin, IngestionPlugin, PluginError, PluginRegistry
from floe_plugins.hookspecs.ingestion import ConnectorSource, Severity, SourceStream

KEY = "hunter2-Zq8xW0vK"


def configured(home: Path, **settings: Any) -> dict[str, Any]:
    return {
        "plugins": {
            "storage": {"local": {"root": str(home / "data")}},
            "compute": {"duckdb": {"path": "warehouse.duckdb"}},
            "ingestion": {"dlt": {"state": str(home / "state"), **settings}},
        }
    }


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PluginRegistry]:
    connectors = {"shop": f"{__name__}:shop", "words": "builtins:list"}
    with PluginRegistry(configured(tmp_path, connectors=connectors)) as registry:
        yield registry


@pytest.fixture
def dlt(registry: PluginRegistry) -> IngestionPlugin:
    return registry.one(IngestionPlugin)


def rows(registry: PluginRegistry, sql: str) -> list[tuple[Any, ...]]:
    table = pa.RecordBatchReader.from_stream(registry.one(ComputePlugin).execute(sql)).read_all()
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture
def service() -> Iterator[str]:
    """An HTTP API that asks for a key."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == f"Bearer {KEY}"
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps([{"id": 1, "what": "tea"}, {"id": 2, "what": "milk"}]).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def api(address: str, **more: Any) -> ConnectorSource:
    auth = {"type": "bearer", "token": SecretStr(KEY)}
    orders = {"name": "orders", "primary_key": "id", "endpoint": {"path": "orders", "paginator": "single_page"}}
    config = {"client": {"base_url": address, "auth": auth}, "resources": [orders, "users"]}
    return ConnectorSource("rest_api", config, **more)


def test_connectors_are_known_by_name_with_what_they_take(dlt: IngestionPlugin) -> None:
    found = {each.name: each for each in dlt.connectors()}

    assert {"files", "rest_api", "shop"} <= found.keys()
    assert list(found) == sorted(found)
    assert found["files"].schema["required"] == ["path"]
    assert found["shop"].schema == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["city"],
    }
    assert found["shop"].description == "The orders of a shop."


def test_an_api_is_loaded_by_its_description_with_a_key_that_shows_nowhere(
    registry: PluginRegistry, dlt: IngestionPlugin, service: str
) -> None:
    source = api(service, stream="orders")

    streams = dlt.discover(source)
    report = dlt.run(source, "orders", "merge")

    assert streams == (SourceStream("orders", {}, ("id",)), SourceStream("users"))
    assert report.rows == {"orders": 2}
    assert rows(registry, "SELECT id, what FROM raw.orders ORDER BY id") == [(1, "tea"), (2, "milk")]
    assert KEY not in repr(source)


# Of what dlt does with SQLAlchemy.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_database_is_loaded_by_its_description(
    registry: PluginRegistry, dlt: IngestionPlugin, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, what TEXT)")
        shop.execute("INSERT INTO orders VALUES (1, 'tea'), (2, 'milk')")
    shop.close()
    source = ConnectorSource("sql_database", {"credentials": SecretStr(f"sqlite:///{tmp_path / 'shop.db'}")})

    assert dlt.discover(source) == (SourceStream("orders", {"id": "bigint", "what": "text"}, ("id",)),)
    assert dlt.run(source, "orders").rows == {"orders": 2}
    assert rows(registry, "SELECT id, what FROM raw.orders ORDER BY id") == [(1, "tea"), (2, "milk")]


def test_files_are_loaded_by_their_description(registry: PluginRegistry, dlt: IngestionPlugin, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,what\n1,tea\n")
    source = ConnectorSource("files", {"path": str(tmp_path / "a.csv")})

    [stream] = dlt.discover(source)
    assert tuple(stream.columns) == ("id", "what")
    assert dlt.discover(tmp_path / "a.csv") == (stream,)
    assert dlt.validate(source) == ()
    dlt.run(source, "orders")
    assert rows(registry, "SELECT id, what FROM raw.orders") == [(1, "tea")]


def shop(city: str, limit: int = 10) -> Any:
    """The orders of a shop."""
    import dlt

    return dlt.resource([{"city": city, "n": number} for number in range(limit)], name="orders")


def test_functions_that_are_named_in_the_configuration_are_connectors(
    registry: PluginRegistry, dlt: IngestionPlugin
) -> None:
    dlt.run(ConnectorSource("shop", {"city": "Bergen", "limit": 3}), "orders")

    assert rows(registry, "SELECT city, count(*)::INT AS n FROM raw.orders GROUP BY city") == [("Bergen", 3)]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (ConnectorSource("ship", {}), "no connector 'ship'.*files, rest_api"),
        (ConnectorSource("shop", {"town": "Bergen"}), "connector shop cannot be used.*TypeError"),
        (ConnectorSource("shop", {"city": "Bergen"}, "users"), "no stream 'users'.*orders"),
        (ConnectorSource("words", {}), "connector words makes a list: expected .* of dlt"),
        (ConnectorSource("files", {}), "takes a path"),
        (ConnectorSource("files", {"path": "none.csv"}, "a"), "files have no streams"),
        (api("http://127.0.0.1:1/"), "no stream named.*orders, users"),
        (ConnectorSource("rest_api", {"client": {"base_url": SecretStr(KEY)}, "resources": 3}), "cannot be used"),
    ],
    ids=lambda value: getattr(value, "connector", ""),
)
def test_a_description_that_is_wrong_is_an_issue_and_is_not_loaded(
    dlt: IngestionPlugin, source: ConnectorSource, said: str
) -> None:
    [issue] = dlt.validate(source)
    assert issue.severity is Severity.ERROR
    with pytest.raises(ValueError, match=said) as caught:
        dlt.run(source, "orders")
    assert KEY not in str(caught.value)


def test_what_consists_of_rows_only_does_not_tell_before_it_is_loaded(dlt: IngestionPlugin) -> None:
    with pytest.raises(ValueError, match="does not tell"):
        dlt.discover([{"id": 1}])


@pytest.fixture
def refused(registry: PluginRegistry, dlt: IngestionPlugin) -> Callable[[], None]:
    """A load of two rows is pending; called, the database takes them."""
    compute = registry.one(ComputePlugin)
    compute.execute("CREATE SCHEMA raw")
    columns = "_dlt_load_id VARCHAR NOT NULL, _dlt_id VARCHAR NOT NULL"
    compute.execute(f"CREATE TABLE raw.small(id BIGINT CHECK (id < 10), {columns})")
    dlt.run([{"id": 1}], "small")
    with pytest.raises(PluginError, match="CHECK constraint"):
        dlt.run(iter([{"id": 2, "note": "x"}, {"id": 99}]), "small")

    def allow() -> None:
        compute.execute("CREATE TABLE raw.other AS FROM raw.small")
        compute.execute("DROP TABLE raw.small")
        compute.execute("ALTER TABLE raw.other RENAME TO small")

    return allow


def test_a_load_that_the_database_refused_is_completed_without_its_source(
    registry: PluginRegistry, dlt: IngestionPlugin, refused: Callable[[], None]
) -> None:
    with pytest.raises(PluginError, match="CHECK constraint"):
        dlt.resume_pending()
    refused()

    [report] = dlt.resume_pending()

    assert report.rows == {"small": 2}
    assert report.load_id
    assert rows(registry, "SELECT id, note FROM raw.small ORDER BY id") == [(1, None), (2, "x"), (99, None)]
    assert dlt.resume_pending() == ()
    dlt.run([{"id": 3}], "small")
    assert rows(registry, "SELECT count(*)::INT AS n FROM raw.small") == [(4,)]


def test_a_load_whose_process_died_while_it_was_written_is_completed_once(tmp_path: Path) -> None:
    code = """
import json, sys
from floe_plugins import IngestionPlugin, PluginRegistry

with PluginRegistry(json.loads(sys.argv[1])) as registry:
    registry.one(IngestionPlugin).run(({"id": n, "text": "x" * 50} for n in range(100_000)), "orders")
"""
    with subprocess.Popen([sys.executable, "-c", code, json.dumps(configured(tmp_path))]) as loader:
        normalized = tmp_path / "state" / "raw" / "raw_orders" / "load" / "normalized"
        while not (normalized.is_dir() and any(normalized.iterdir())):
            assert loader.poll() is None
        loader.kill()

    with PluginRegistry(configured(tmp_path)) as registry:
        [report] = registry.one(IngestionPlugin).resume_pending()
        assert report.rows == {"orders": 100_000}
        assert rows(registry, "SELECT count(*)::INT AS n, count(DISTINCT id)::INT AS d FROM raw.orders") == [
            (100_000, 100_000)
        ]
