from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from drilling import neighbour_of, states, stopped
from floe_reference_telemetry_backend_otel import OtelTelemetry
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from floe_plugins import (
    HealthState,
    HealthStatus,
    PluginConfigurationError,
    PluginRef,
    PluginRegistry,
    PluginType,
    SecretsPlugin,
    TelemetryBackendPlugin,
)

REF = PluginRef.parse("telemetry_backend:otel")


class Receiver:
    """A collector on loopback that keeps what it is sent."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Any] = []
        self.metrics: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.refused = ""
        self.answers = threading.Event()
        self.answers.set()
        self.asked = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked.set()
                receiver.answers.wait()
                if self.headers.get("Content-Encoding") == "gzip":
                    content = gzip.decompress(content)
                status = 400 if receiver.refused and receiver.refused.encode() in content else receiver.status
                if status == 200:
                    receiver.take(self.path, content, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def take(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        self.headers.append(headers)
        if path == "/v1/traces":
            request = ExportTraceServiceRequest.FromString(content)
            self.spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        elif path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(content)
            self.metrics += [m.name for r in metrics.resource_metrics for s in r.scope_metrics for m in s.metrics]

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def stop(self) -> None:
        self.answers.set()
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.stop()


def platform(**config: Any) -> PluginRegistry:
    return PluginRegistry({"plugins": {"telemetry_backend": {"otel": {"stop_timeout": 0.2, **config}}}})


def of(registry: PluginRegistry) -> TelemetryBackendPlugin:
    return registry.get(TelemetryBackendPlugin, "otel")


def health(registry: PluginRegistry) -> HealthStatus:
    return registry.health().statuses[REF]


def traced(telemetry: TelemetryBackendPlugin, *names: str, processor: Any = SimpleSpanProcessor) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    for exporter in telemetry.span_exporters():
        provider.add_span_processor(processor(exporter))
    for name in names:
        with provider.get_tracer("tests").start_as_current_span("outer") as outer:
            outer.set_attribute("floe.plugin.name", "otel")
            with provider.get_tracer("tests").start_as_current_span(name):
                pass
    provider.shutdown()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def names_in(file: Path) -> list[str]:
    return [
        span["name"]
        for line in lines(file)
        for resource in line.get("resourceSpans", ())
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_spans_reach_the_collector(receiver: Receiver, processor: Any) -> None:
    with platform(endpoint=receiver.url) as registry:
        traced(of(registry), "inner", processor=processor)
        assert of(registry).flush(10) is True

    assert receiver.names == ["inner", "outer"]
    inner, outer = receiver.spans
    assert inner.parent_span_id == outer.span_id
    assert inner.trace_id == outer.trace_id
    assert outer.attributes[0].key == "floe.plugin.name"


def test_spans_reach_the_file_in_the_json_form_of_otlp(tmp_path: Path) -> None:
    file = tmp_path / "made" / "telemetry.jsonl"
    with platform(file=str(file)) as registry:
        traced(of(registry), "inner ä")
        assert of(registry).flush(10) is True

        [inner, outer] = [line["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in lines(file)]

    assert (inner["name"], outer["name"]) == ("inner ä", "outer")
    assert len(bytes.fromhex(inner["traceId"])) == 16
    assert len(bytes.fromhex(inner["spanId"])) == 8
    assert inner["parentSpanId"] == outer["spanId"]
    assert inner["kind"] == 1
    assert inner["startTimeUnixNano"].isdigit()


def test_both_places_get_everything(receiver: Receiver, tmp_path: Path) -> None:
    with platform(endpoint=receiver.url, file=str(tmp_path / "t.jsonl")) as registry:
        assert len(of(registry).span_exporters()) == 2
        traced(of(registry), "a", "b")
        assert of(registry).flush(10) is True

    assert receiver.names == names_in(tmp_path / "t.jsonl") == ["a", "outer", "b", "outer"]


def test_metrics_reach_both_places_and_each_provider_has_its_own_reader(receiver: Receiver, tmp_path: Path) -> None:
    with platform(endpoint=receiver.url, file=str(tmp_path / "t.jsonl")) as registry:
        for name in ("first", "second"):
            provider = MeterProvider(metric_readers=of(registry).metric_readers(), shutdown_on_exit=False)
            provider.get_meter("tests").create_counter(f"floe.{name}").add(1)
            provider.force_flush()
            provider.shutdown()
        assert of(registry).flush(10) is True

    assert {"floe.first", "floe.second"} <= {*receiver.metrics}
    assert "floe.second" in (tmp_path / "t.jsonl").read_text(encoding="utf-8")


def test_metrics_are_collected_by_themselves(receiver: Receiver) -> None:
    with platform(endpoint=receiver.url, interval=0.05) as registry:
        provider = MeterProvider(metric_readers=of(registry).metric_readers(), shutdown_on_exit=False)
        provider.get_meter("tests").create_counter("floe.count").add(1)
        assert receiver.asked.wait(10)
        provider.shutdown()


def test_headers_reach_the_collector_and_nobody_else(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), platform(endpoint=receiver.url, headers={"X-Key": "hunter2"}) as registry:
        traced(of(registry), "a")
        assert of(registry).flush(10) is True
        status = health(registry)
        assert "hunter2" not in f"{registry.config(TelemetryBackendPlugin, 'otel')!r}{status}"

    assert {headers["x-key"] for headers in receiver.headers} == {"hunter2"}
    assert "hunter2" not in caplog.text


def test_variables_for_opentelemetry_lead_nowhere_else(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9")
    with platform(endpoint=f"{receiver.url}/") as registry:
        traced(of(registry), "a")
        assert of(registry).flush(10) is True

    assert receiver.names == ["a", "outer"]


def test_a_dead_collector_holds_nobody_up_and_gets_everything_when_it_is_back(receiver: Receiver) -> None:
    receiver.stop()
    with platform(endpoint=receiver.url, timeout=0.3) as registry:
        began = time.monotonic()
        traced(of(registry), "kept", processor=SimpleSpanProcessor)
        assert time.monotonic() - began < 1
        assert of(registry).flush(1) is False
        assert time.monotonic() - began < 3
        status = health(registry)
        assert status.state is HealthState.UNHEALTHY
        assert "refused" in status.message

        back = Receiver(receiver.port)
        try:
            assert of(registry).flush(10) is True
            assert back.names == ["kept", "outer"]
            assert health(registry).state is HealthState.HEALTHY
        finally:
            back.stop()


@pytest.mark.drill("dead collector of telemetry")
def test_a_dead_collector_is_reported_and_the_platform_goes_on_and_stops_in_order(
    request: pytest.FixtureRequest, receiver: Receiver, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    otel = {"endpoint": receiver.url, "file": str(tmp_path / "t.jsonl"), "timeout": 0.3, "stop_timeout": 0.2}
    plugins = {"telemetry_backend": {"otel": otel}, "secrets": {"neighbour": {}}}
    registry = PluginRegistry({"plugins": plugins}, required=["telemetry_backend:otel"])
    request.addfinalizer(registry.shutdown)
    registry.register(neighbour_of("telemetry_backend:otel"))
    registry.startup().raise_for_failures()
    traced(of(registry), "before")
    assert of(registry).flush(30) is True
    receiver.stop()

    traced(of(registry), "kept")
    sent = of(registry).flush(1)
    record_property("answer", f"flush() gives {sent}")
    report = registry.health()
    assert registry.get(SecretsPlugin, "neighbour").get_secret("a")

    assert sent is False
    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"secrets:neighbour": "healthy", "telemetry_backend:otel": "unhealthy"}
    status = report.statuses[REF]
    assert f"cannot be sent to {receiver.url}" in status.message
    assert status.details[receiver.url] == {"waiting": 2, "dropped": 0}
    assert names_in(tmp_path / "t.jsonl") == ["before", "outer", "kept", "outer"]
    back = Receiver(receiver.port)
    try:
        assert of(registry).flush(30) is True
        assert [*receiver.names, *back.names] == ["before", "outer", "kept", "outer"]
        assert states(registry.health()) == {"secrets:neighbour": "healthy", "telemetry_backend:otel": "healthy"}
    finally:
        back.stop()
    traced(of(registry), "last")
    assert stopped(registry) == ["secrets:neighbour", "telemetry_backend:otel"]
    assert "last" in names_in(tmp_path / "t.jsonl")


def test_a_collector_that_hangs_does_not_outlast_the_deadlines(receiver: Receiver) -> None:
    receiver.answers.clear()
    registry = platform(endpoint=receiver.url, timeout=30, stop_timeout=0.3)
    registry.startup().raise_for_failures()
    traced(of(registry), "a")
    assert receiver.asked.wait(10)
    began = time.monotonic()

    assert of(registry).flush(0.5) is False
    assert 0.4 < time.monotonic() - began < 1.5

    began = time.monotonic()
    report = registry.shutdown()
    assert report.ok
    assert time.monotonic() - began < 1.5


def test_stopping_sends_what_waits_and_tells_of_what_it_could_not(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with platform(endpoint=receiver.url, stop_timeout=10) as registry:
        traced(of(registry), "last")
    assert receiver.names == ["last", "outer"]

    receiver.stop()
    with platform(endpoint=receiver.url, timeout=0.2) as registry:
        traced(of(registry), "lost")
    assert "2 batches of telemetry were not sent" in caplog.text


def test_one_place_that_fails_does_not_keep_the_other_waiting(receiver: Receiver, tmp_path: Path) -> None:
    receiver.stop()
    with platform(endpoint=receiver.url, timeout=0.2, file=str(tmp_path / "t.jsonl")) as registry:
        traced(of(registry), "a")
        assert of(registry).flush(0.5) is False

    assert names_in(tmp_path / "t.jsonl") == ["a", "outer"]


def test_of_too_many_batches_the_oldest_are_dropped_and_counted(receiver: Receiver) -> None:
    receiver.answers.clear()
    with platform(endpoint=receiver.url, limit=4) as registry:
        traced(of(registry), "a", "b", "c")
        receiver.answers.set()
        assert of(registry).flush(10) is True
        status = health(registry)

    assert receiver.names[-3:] == ["outer", "c", "outer"]
    assert status.state is HealthState.DEGRADED
    assert "were dropped" in status.message


@pytest.mark.parametrize("status", [302, 401, 503])
def test_a_collector_that_takes_nothing_is_unhealthy(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with platform(endpoint=receiver.url, timeout=0.3) as registry:
        found = health(registry)
        traced(of(registry), "a")

        assert of(registry).flush(10) is False

    assert found.state is HealthState.UNHEALTHY
    assert f"status {status}" in found.message


def test_a_batch_that_is_never_taken_does_not_keep_others_waiting(receiver: Receiver) -> None:
    receiver.refused = "poison"
    with platform(endpoint=receiver.url) as registry:
        receiver.answers.clear()
        traced(of(registry), "poison", "good")
        receiver.answers.set()
        assert of(registry).flush(10) is False
        assert of(registry).flush(10) is True
        status = health(registry)

    assert receiver.names == ["outer", "good", "outer"]
    assert status.state is HealthState.DEGRADED


def test_the_health_check_leaves_no_spans(receiver: Receiver) -> None:
    with platform(endpoint=receiver.url) as registry:
        assert health(registry).state is HealthState.HEALTHY

    assert receiver.names == []


def test_a_file_that_cannot_be_written_is_unhealthy_and_gets_everything_later(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.mkdir()
    with platform(file=str(file)) as registry:
        traced(of(registry), "kept")
        assert of(registry).flush(10) is False
        assert health(registry).state is HealthState.UNHEALTHY

        file.rmdir()
        assert of(registry).flush(10) is True
        assert health(registry).state is HealthState.HEALTHY

    assert names_in(file) == ["kept", "outer"]


FULL = """
import resource, sys
from floe_plugins import PluginRegistry, TelemetryBackendPlugin
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
file = sys.argv[1]
with PluginRegistry({"plugins": {"telemetry_backend": {"otel": {"file": file, "stop_timeout": 0.2}}}}) as registry:
    telemetry = registry.get(TelemetryBackendPlugin, "otel")
    provider = TracerProvider(shutdown_on_exit=False)
    [exporter] = telemetry.span_exporters()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    tracer.start_span("before").end()
    assert telemetry.flush(10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    for _ in range(5):
        tracer.start_span("while it is full").end()
    print(telemetry.flush(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(telemetry.flush(10))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_full_disk_loses_nothing_and_leaves_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, file], capture_output=True, text=True, encoding="utf-8", check=True
    )

    assert done.stdout.split() == ["False", "True"]
    assert names_in(file) == ["before", *["while it is full"] * 5]


def test_threads_may_trace_and_flush_at_once(receiver: Receiver) -> None:
    failures: list[BaseException] = []
    with platform(endpoint=receiver.url) as registry:
        telemetry = of(registry)
        [exporter] = telemetry.span_exporters()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("tests")
        together = threading.Barrier(6)

        def work() -> None:
            try:
                together.wait()
                for _ in range(5):
                    tracer.start_span("a").end()
                    assert telemetry.flush(30)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert exporter.force_flush(10_000)

    assert failures == []
    assert len(receiver.names) == 30


def test_all_backends_are_asked_at_once_by_pluggy(receiver: Receiver) -> None:
    with platform(endpoint=receiver.url) as registry:
        hook = registry.manager(PluginType.TELEMETRY_BACKEND).hook

        assert [len(exporters) for exporters in hook.span_exporters()] == [1]
        assert hook.flush(deadline=1.0) == [True]


def test_global_providers_are_left_alone(receiver: Receiver) -> None:
    from opentelemetry import metrics, trace

    with platform(endpoint=receiver.url) as registry:
        traced(of(registry), "a")
        assert not isinstance(trace.get_tracer_provider(), TracerProvider)
        assert not isinstance(metrics.get_meter_provider(), MeterProvider)


@pytest.mark.parametrize(
    "config",
    [{}, {"endpoint": "localhost:4318"}, {"endpoint": "http://user:hunter2@localhost"}, {"file": "f", "limit": 0}],
)
def test_a_wrong_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(PluginConfigurationError, match=r"plugins\.telemetry_backend\.otel") as caught:
        platform(**config).startup()

    assert "hunter2" not in str(caught.value)


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_telemetry_backend_otel as _;"
        "print([m for m in sys.modules if m.startswith('opentelem')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "[]"


def test_the_class_is_what_its_entry_point_names(tmp_path: Path) -> None:
    with platform(file=str(tmp_path / "t.jsonl")) as registry:
        assert isinstance(of(registry), OtelTelemetry)
