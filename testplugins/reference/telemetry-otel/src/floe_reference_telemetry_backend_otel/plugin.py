"""Spans and metrics by OpenTelemetry, to a collector and to a file."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from floe_plugins import HealthState, HealthStatus, TelemetryBackendPlugin
from floe_reference_telemetry_backend_otel._outbox import Outbox

if TYPE_CHECKING:
    from floe_plugins.hookspecs.telemetry_backend import MetricReader, SpanExporter
    from floe_reference_telemetry_backend_otel._destinations import Destination

_log = logging.getLogger(__name__)


class OtelTelemetryConfig(BaseModel):
    """The destinations of telemetry, and the size of the queue."""

    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/@]+(/.*)?$",
        description="Collector that takes OTLP/HTTP, such as http://localhost:4318; /v1/traces and so on is added",
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers for the collector, such as a token"
    )
    file: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] | None = Field(
        default=None, description="File to which each batch is added as a line of OTLP's JSON; of this process only"
    )
    timeout: float = Field(default=5.0, gt=0, description="Seconds in which the collector has to take a batch")
    interval: float = Field(default=60.0, gt=0, description="Seconds between two collections of metrics")
    limit: int = Field(default=1000, ge=1, description="Batches that may wait while they cannot be sent")
    stop_timeout: float = Field(default=5.0, ge=0, description="Seconds to send what waits when the plugin stops")

    @model_validator(mode="after")
    def _somewhere(self) -> OtelTelemetryConfig:
        if self.endpoint is None and self.file is None:
            message = "telemetry has to go somewhere: endpoint or file is needed, or both"
            raise ValueError(message)
        return self


@attrs.frozen
class Route:
    """One destination and its outbox."""

    destination: Destination
    outbox: Outbox


class OtelTelemetry(TelemetryBackendPlugin):
    """Sends spans and metrics in the background.

    Exporters and readers never wait for a collector, whatever processor they are
    used with; what cannot be sent is tried again, with pauses of up to 30 seconds.
    OpenTelemetry's global providers are left alone. ``flush`` sends what the
    providers have given to the exporters: flush the providers before.
    """

    name = "otel"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Spans and metrics by OpenTelemetry, to a collector and to a file"
    config_schema = OtelTelemetryConfig
    config: OtelTelemetryConfig

    def __init__(self) -> None:
        self._routes: tuple[Route, ...] = ()

    def startup(self) -> None:
        self._routes = tuple(self._route(destination) for destination in self._destinations())

    def shutdown(self) -> None:
        until = time.monotonic() + self.config.stop_timeout
        for route in self._routes:
            left = route.outbox.close(until - time.monotonic())
            route.destination.close()
            if left:
                _log.error("%d batches of telemetry were not sent to %s", len(left), route.destination.name)
        self._routes = ()

    def health_check(self) -> HealthStatus:
        details: dict[str, object] = {}
        errors = []
        dropped = 0
        for route in self._routes:
            name, state = route.destination.name, route.outbox.state
            details[name] = {"waiting": state.waiting, "dropped": state.dropped}
            dropped += state.dropped
            try:
                route.destination.probe()
            except Exception as error:  # noqa: BLE001 said in the status
                errors.append(f"{name}: {type(error).__name__}: {error}")
        if errors:
            return HealthStatus(HealthState.UNHEALTHY, f"telemetry cannot be sent to {'; '.join(errors)}", details)
        if dropped:
            return HealthStatus(HealthState.DEGRADED, f"{dropped} batches were dropped", details)
        return HealthStatus(HealthState.HEALTHY, f"telemetry goes to {', '.join(details)}", details)

    def span_exporters(self) -> Sequence[SpanExporter]:
        from floe_reference_telemetry_backend_otel._exporters import OutboxSpanExporter

        return [OutboxSpanExporter(route.outbox) for route in self._routes]

    def metric_readers(self) -> Sequence[MetricReader]:
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        from floe_reference_telemetry_backend_otel._exporters import OutboxMetricExporter

        interval = self.config.interval * 1000
        return [
            PeriodicExportingMetricReader(OutboxMetricExporter(route.outbox), export_interval_millis=interval)
            for route in self._routes
        ]

    def flush(self, deadline: float) -> bool:
        until = time.monotonic() + deadline
        sent = [route.outbox.flush(until - time.monotonic()) for route in self._routes]
        return all(sent)

    def _destinations(self) -> list[Destination]:
        from floe_reference_telemetry_backend_otel._destinations import Collector, File

        config = self.config
        destinations: list[Destination] = []
        # The file first: it never keeps the other waiting.
        if config.file is not None:
            destinations.append(File(config.file))
        if config.endpoint is not None:
            destinations.append(Collector(config.endpoint, config.headers, config.timeout))
        return destinations

    def _route(self, destination: Destination) -> Route:
        def send(batch: tuple[str, Any]) -> None:
            kind, content = batch
            if kind == "spans":
                destination.send_spans(content)
            else:
                destination.send_metrics(content)

        return Route(destination, Outbox(destination.name, send, self.config.limit))
