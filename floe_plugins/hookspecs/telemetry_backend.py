"""Telemetry backend: where spans and metrics go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class SpanExporter(Protocol):
    """An OpenTelemetry SDK span exporter, by the part that a tracer provider calls."""

    def export(self, spans: Sequence[Any]) -> Any: ...
    def shutdown(self) -> Any: ...
    def force_flush(self, timeout_millis: int = 30_000) -> bool: ...


class MetricReader(Protocol):
    """An OpenTelemetry SDK metric reader, by the part that a meter provider calls."""

    def collect(self, timeout_millis: float = 10_000) -> None: ...
    def shutdown(self, timeout_millis: float = 30_000, **options: Any) -> None: ...


class TelemetryBackendPlugin(PluginMetadata):
    """One telemetry backend. Every hook is asked of all of them: telemetry may go to several places."""

    @hookspec
    @abstractmethod
    def span_exporters(self) -> Sequence[SpanExporter]:
        """Exporters for the platform's tracer provider; the plugin owns and closes them.

        They do not wait for a collector, and a provider that shuts them down leaves
        other providers' exporters working. Called from one thread; the exporters
        are safe from several.
        """
        raise NotImplementedError

    @hookspec
    @abstractmethod
    def metric_readers(self) -> Sequence[MetricReader]:
        """Readers for the platform's meter provider, made anew by each call.

        A reader belongs to one provider, which also closes it. Called from one thread.
        """
        raise NotImplementedError

    @hookspec
    @abstractmethod
    def flush(self, deadline: float) -> bool:
        """Send what is waiting, within ``deadline`` seconds; whether all of it went out.

        What waits is what providers have handed to exporters and readers: flush
        the providers first. Returns at the deadline also if the collector does not
        answer. May be called from several threads.
        """
        raise NotImplementedError
