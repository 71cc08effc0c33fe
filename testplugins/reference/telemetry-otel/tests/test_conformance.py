"""The plugin keeps the contract of telemetry backends."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from floe_reference_telemetry_backend_otel import OtelTelemetry
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from floe_plugins.testing import TelemetryBackendConformance


class Collector:
    """A collector on loopback that keeps the names of what it is sent, and does not answer if it is told so."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.answers = threading.Event()
        self.answers.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if not owner.answers.is_set():
                    # What comes now is lost, also if the collector answers again.
                    owner.answers.wait()
                    self.close_connection = True
                    return
                if self.headers.get("Content-Encoding") == "gzip":
                    content = gzip.decompress(content)
                owner.take(self.path, content)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def take(self, path: str, content: bytes) -> None:
        if path == "/v1/traces":
            found = ExportTraceServiceRequest.FromString(content).resource_spans
            self.names += [span.name for resource in found for scope in resource.scope_spans for span in scope.spans]
        else:
            read = ExportMetricsServiceRequest.FromString(content).resource_metrics
            self.names += [metric.name for one in read for scope in one.scope_metrics for metric in scope.metrics]

    def stop(self) -> None:
        self.answers.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class TestOtelTelemetry(TelemetryBackendConformance):
    plugin = OtelTelemetry

    def setup_method(self) -> None:
        self.collector = Collector()

    def teardown_method(self) -> None:
        self.collector.stop()

    def settings(self) -> Mapping[str, Any]:
        return {"endpoint": self.collector.url, "stop_timeout": 0.2, "timeout": 1}

    def received(self) -> Sequence[str]:
        return self.collector.names

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        self.collector.answers.clear()
        yield
        self.collector.answers.set()
