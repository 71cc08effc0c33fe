"""Exporters for OpenTelemetry's providers that put batches into an outbox and never wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from floe_reference_telemetry_backend_otel._outbox import Outbox


class OutboxSpanExporter(SpanExporter):
    """Puts spans into an outbox. Its shutdown leaves the outbox open, since other providers may use it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._outbox.put(("spans", tuple(spans)))
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._outbox.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Do nothing: the plugin sends the waiting batches when it stops."""


class OutboxMetricExporter(MetricExporter):
    """Puts metrics into an outbox. Its shutdown leaves the outbox open."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__()
        self._outbox = outbox

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_options: Any) -> MetricExportResult:
        self._outbox.put(("metrics", metrics_data))
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._outbox.flush(timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 30_000, **_options: Any) -> None:
        """Do nothing: the plugin sends the waiting batches when it stops."""
