"""Telemetry for floe: spans and metrics by OpenTelemetry."""

from floe_reference_telemetry_backend_otel.plugin import OtelTelemetry, OtelTelemetryConfig

__all__ = ["OtelTelemetry", "OtelTelemetryConfig"]
