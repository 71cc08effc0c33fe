"""Tables that a REST catalog knows: a little one on this machine, which keeps its tables in SQLite."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
from catalogs import NUMBERS, catalog_with, configured, status_of
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError, NoSuchTableError
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest

from floe_plugins import CatalogPlugin, HealthState, PluginRegistry, PluginUnavailableError, StoragePlugin

TOKEN = "hunter2-Zq8xW0vK"  # noqa: S105
ERRORS = {NamespaceAlreadyExistsError: 409, CommitFailedException: 409, NoSuchTableError: 404}


class Service:
    """Iceberg's REST protocol, as far as the tests need it. ``asked`` has the requests."""

    def __init__(self, home: Path) -> None:
        self.catalog = SqlCatalog("rest", uri=f"sqlite:///{home}/rest.db", warehouse=f"file://{home}/elsewhere")
        self.asked: list[str] = []
        self.lost = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"{}") if size else {}
                service.asked.append(f"{self.command} {self.path} {self.headers.get('Authorization')}")
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self.send(401, {"error": {"message": f"no {TOKEN}", "type": "NotAuthorized", "code": 401}})
                    return
                try:
                    self.send(200, service.do(self.command, urlsplit(self.path).path.split("/")[3:], body))
                except Exception as error:  # noqa: BLE001 any is told
                    code = ERRORS.get(type(error), 500)
                    self.send(code, {"error": {"message": str(error), "type": type(error).__name__, "code": code}})

            do_GET = do_POST = do_HEAD = answer  # noqa: N815 names of http.server

            def send(self, code: int, what: Any) -> None:
                data = json.dumps(what).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def uri(self) -> str:
        return f"http://:{TOKEN}@127.0.0.1:{self.server.server_port}/iceberg?warehouse=lake"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.catalog.engine.dispose()

    def do(self, command: str, path: list[str], body: dict[str, Any]) -> dict[str, Any]:
        match command, path:
            case "GET", ["config"]:
                return {"defaults": {}, "overrides": {}}
            case "GET", ["namespaces"]:
                return {"namespaces": [list(each) for each in self.catalog.list_namespaces()]}
            case "POST", ["namespaces"]:
                self.catalog.create_namespace(tuple(body["namespace"]))
                return {"namespace": body["namespace"], "properties": {}}
            case "POST", ["namespaces", name, "tables"]:
                schema = Schema.model_validate(body["schema"])
                table = self.catalog.create_table((name, body["name"]), schema, body["location"])
            case (("GET" | "HEAD"), ["namespaces", name, "tables", table_name]):
                table = self.catalog.load_table((name, table_name))
            case "POST", ["namespaces", name, "tables", table_name]:
                request = CommitTableRequest.model_validate(
                    {"identifier": {"namespace": [name], "name": table_name}} | body
                )
                table = self.catalog.load_table((name, table_name))
                self.catalog.commit_table(table, request.requirements, request.updates)
                table.refresh()
                if self.lost:
                    self.lost -= 1
                    raise RuntimeError("after the commit")
            case _:
                raise RuntimeError(f"{command} {path}")
        metadata = json.loads(table.metadata.model_dump_json())
        return {"metadata-location": table.metadata_location, "metadata": metadata, "config": {}}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.close()


@pytest.fixture
def registry(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginRegistry]:
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", service.uri)
    with PluginRegistry(configured(tmp_path)) as registry:
        assert registry.problems == ()
        yield registry


@pytest.fixture
def catalog(registry: PluginRegistry) -> CatalogPlugin:
    return catalog_with(registry, "sales.numbers", NUMBERS)


def test_tables_lie_in_the_storage_and_are_known_to_the_service(
    catalog: CatalogPlugin, registry: PluginRegistry, service: Service
) -> None:
    catalog.append("sales.numbers", NUMBERS)
    catalog.replace("sales.numbers", NUMBERS)

    assert pa.table(catalog.read("sales.numbers")).num_rows == 1000
    storage = registry.get(StoragePlugin, "local")
    assert service.catalog.load_table("sales.numbers").location() == storage.uri("sales/numbers")
    assert parse_qs(urlsplit(service.asked[0].split()[1]).query) == {"warehouse": ["lake"]}
    assert status_of(registry).state is HealthState.HEALTHY


def test_a_commit_whose_answer_is_lost_is_not_undone(catalog: CatalogPlugin, service: Service) -> None:
    service.lost = 1

    snapshot = catalog.append("sales.numbers", NUMBERS)

    assert service.lost == 0
    assert catalog.load_table("sales.numbers").ref.snapshot_id == snapshot
    assert pa.table(catalog.read("sales.numbers")).num_rows == 1000


def test_a_service_that_goes_away_is_unavailable(
    catalog: CatalogPlugin, registry: PluginRegistry, service: Service
) -> None:
    service.server.shutdown()
    service.server.server_close()

    with pytest.raises(
        PluginUnavailableError, match=r"service http://127\.0\.0\.1:\d+/iceberg does not answer"
    ) as caught:
        catalog.append("sales.numbers", NUMBERS)
    status = status_of(registry)

    assert status.state is HealthState.UNHEALTHY
    assert TOKEN not in f"{caught.value} {status}"


def test_a_wrong_token_is_refused_and_not_shown(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", service.uri.replace(TOKEN, "wrong-7Gh2pQx"))
    registry = PluginRegistry(configured(tmp_path))

    [failed] = registry.startup().failed

    assert "refuses who asks" in failed.message
    assert not any(secret in f"{failed!r} {caplog.text}" for secret in (TOKEN, "wrong-7Gh2pQx"))
    registry.shutdown()


def test_a_parameter_does_not_lead_elsewhere(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", f"{service.uri}&uri=http://elsewhere.invalid")
    with PluginRegistry(configured(tmp_path)) as registry:
        assert status_of(registry).state is HealthState.HEALTHY


@pytest.mark.parametrize("uri", ["https://", f"http://x:{TOKEN}@host:port/"])
def test_a_secret_that_is_no_uri_is_not_shown(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", uri)
    registry = PluginRegistry(configured(tmp_path))

    [failed] = registry.startup().failed

    assert "is not the URI of a REST catalog" in failed.message
    assert TOKEN not in repr(failed)
    registry.shutdown()
