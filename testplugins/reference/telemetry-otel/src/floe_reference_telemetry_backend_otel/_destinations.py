"""Destinations of telemetry: a collector by OTLP/HTTP, or a file in OTLP's JSON format."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from floe_reference_telemetry_backend_otel._outbox import RefusedError

if TYPE_CHECKING:
    from pydantic import SecretStr

# What a health check waits for an answer, whatever is allowed for sending.
_PROBE_SECONDS = 2.0

_IDS = {"traceId", "spanId", "parentSpanId"}


class Destination(Protocol):
    """A destination of spans and metrics."""

    name: str

    def send_spans(self, spans: Any) -> None:
        """Send ended spans, or raise."""

    def send_metrics(self, metrics: Any) -> None:
        """Send the metrics of one collection, or raise."""

    def probe(self) -> None:
        """Raise if telemetry could not be sent now."""

    def close(self) -> None:
        """Cancel the batch that is being sent."""


class Collector:
    """An OpenTelemetry collector, by OTLP/HTTP and OpenTelemetry's own exporters."""

    def __init__(self, endpoint: str, headers: Mapping[str, SecretStr], timeout: float) -> None:
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        self.name = endpoint
        self._spans_url = f"{endpoint.rstrip('/')}/v1/traces"
        self._headers = {key: value.get_secret_value() for key, value in headers.items()}
        # Said expressly, so that no OTEL_* variable leads anywhere else.
        options: dict[str, Any] = {"headers": self._headers, "timeout": timeout, "compression": Compression.Gzip}
        self._spans = OTLPSpanExporter(self._spans_url, session=_session(), **options)
        self._metrics = OTLPMetricExporter(f"{endpoint.rstrip('/')}/v1/metrics", session=_session(), **options)

    def send_spans(self, spans: Any) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        self._send(self._spans.export, spans, SpanExportResult.SUCCESS)

    def send_metrics(self, metrics: Any) -> None:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        self._send(self._metrics.export, metrics, MetricExportResult.SUCCESS)

    def _send(self, export: Callable[[Any], object], batch: Any, success: object) -> None:
        # Tried again where the collector turns out to answer: it may have come back just now.
        for _ in range(2):
            with _unobserved():
                if export(batch) is success:
                    return
            self.probe()
        raise RefusedError("the collector answers, but does not take this batch")

    def probe(self) -> None:
        import requests

        # No spans at all: a request as good as any, which leaves no trace.
        headers = {**self._headers, "Content-Type": "application/x-protobuf"}
        with _unobserved():
            response = requests.post(
                self._spans_url, b"", headers=headers, timeout=_PROBE_SECONDS, allow_redirects=False
            )
        if response.status_code != HTTPStatus.OK:
            raise ConnectionError(f"the collector answers with status {response.status_code}")

    def close(self) -> None:
        self._spans.shutdown()  # type: ignore[no-untyped-call]
        self._metrics.shutdown()


class File:
    """A file to which each batch is added as one line, as OpenTelemetry's file exporters write it."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._writing = threading.Lock()

    def send_spans(self, spans: Any) -> None:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        self._append(encode_spans(spans))

    def send_metrics(self, metrics: Any) -> None:
        from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

        self._append(encode_metrics(metrics))

    def probe(self) -> None:
        os.close(self._opened())

    def close(self) -> None:
        """Do nothing; nothing is open."""

    def _opened(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def _append(self, message: Any) -> None:
        from google.protobuf.json_format import MessageToDict

        content = _with_hexadecimal_ids(MessageToDict(message, use_integers_for_enums=True))
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._writing:
            file = self._opened()
            try:
                _write_whole(file, line)
            finally:
                os.close(file)


def _session() -> Any:
    import requests

    session = requests.Session()
    # A redirected POST becomes a GET, which any page answers, and the batch would be lost.
    session.max_redirects = 0
    return session


@contextlib.contextmanager
def _unobserved() -> Generator[None]:
    """Suppress HTTP instrumentation, so that sending spans makes no spans."""
    # Private, but OpenTelemetry's own instrumentations and processors use it in this way, too.
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as KEY  # pyright: ignore[reportPrivateUsage]
    from opentelemetry.context import attach, detach, set_value

    token = attach(set_value(KEY, value=True))
    try:
        yield
    finally:
        detach(token)


def _write_whole(file: int, line: bytes) -> None:
    end = os.fstat(file).st_size
    try:
        written = os.write(file, line)
        if written < len(line):
            # The disk became full: now it is certain to say so.
            os.write(file, line[written:])
    except OSError:
        # Half a line would spoil the file for all readers.
        os.ftruncate(file, end)
        raise


def _with_hexadecimal_ids(value: Any) -> Any:
    """Protocol Buffers' JSON form of a message in OTLP's own: ids are hexadecimal, not base64."""
    if isinstance(value, dict):
        return {key: _hexadecimal(item) if key in _IDS else _with_hexadecimal_ids(item) for key, item in value.items()}
    return [_with_hexadecimal_ids(item) for item in value] if isinstance(value, list) else value


def _hexadecimal(text: str) -> str:
    return base64.b64decode(text).hex()
