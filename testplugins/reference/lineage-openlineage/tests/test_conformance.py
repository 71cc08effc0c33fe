"""The plugin keeps the contract of lineage backends."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from floe_reference_lineage_backend_openlineage import OpenLineageBackend

from floe_plugins.testing import LineageBackendConformance


class Server:
    """A server on loopback that keeps events, and takes none for a while if it is told so."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.up = True
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if owner.up:
                    owner.events.append(event)
                self.send_response(201 if owner.up else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class TestOpenLineageBackend(LineageBackendConformance):
    plugin = OpenLineageBackend
    # As OpenLineage's naming has it, whoever reads them by whichever name, user or port.
    namespaces = {  # noqa: RUF012 not changed
        "orders": "floe",
        "s3://lake/orders": "s3://lake",
        "S3A://lake/orders": "s3://lake",
        "file:///data/orders.csv": "file",
        "file://localhost/data/orders.csv": "file",
        "/data/orders.csv": "file",
        "abfs://raw@acme.dfs.core.windows.net/orders": "abfss://raw@acme.dfs.core.windows.net",
        "postgresql://ada:secret@db.example.org/shop": "postgres://db.example.org:5432",
        "mysql://db.example.org:3307/shop": "mysql://db.example.org:3307",
        "bigquery:project.shop.orders": "bigquery",
        "hive:///orders": "hive://",
        "arn:aws:glue:eu-west-1:123456789012:table/shop/orders": "arn:aws:glue:eu-west-1:123456789012",
        "azurecosmos://acme.documents.azure.com/dbs/shop/colls/orders": "azurecosmos://acme.documents.azure.com/dbs/shop",
    }

    def setup_method(self) -> None:
        self.server = Server()

    def teardown_method(self) -> None:
        self.server.stop()

    def settings(self) -> Mapping[str, Any]:
        return {"url": self.server.url, "stop_timeout": 0.2, "timeout": 1}

    def received(self) -> Sequence[Mapping[str, Any]]:
        return self.server.events

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        self.server.up = False
        yield
        self.server.up = True
