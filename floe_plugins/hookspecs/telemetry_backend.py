"""Telemetry backend: receives spans and metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class SpanExporter(Protocol):
    """The part of an OpenTelemetry SDK span exporter that a tracer provider calls.

    ``opentelemetry.sdk.trace.export.SpanExporter`` has it, so any exporter of the SDK will do.
    """

    def export(self, spans: Sequence[Any]) -> Any: ...
    def shutdown(self) -> Any: ...
    def force_flush(self, timeout_millis: int = 30_000) -> bool: ...


class MetricReader(Protocol):
    """The part of an OpenTelemetry SDK metric reader that a meter provider calls.

    The provider also binds itself to it in ways that are the SDK's own: derive from
    ``opentelemetry.sdk.metrics.export.MetricReader``, or return one of the SDK's readers.
    """

    def collect(self, timeout_millis: float = 10_000) -> None: ...
    def shutdown(self, timeout_millis: float = 30_000, **options: Any) -> None: ...


class TelemetryBackendPlugin(PluginMetadata):
    """The contract of telemetry backends. Each call goes to all plugins, and returns a list of their results.

    >>> from floe_plugins import PluginRegistry, TelemetryBackendPlugin
    >>> class Quiet(TelemetryBackendPlugin):
    ...     name, version, floe_api_version = "quiet", "1.0", "1.0"
    ...     def span_exporters(self):
    ...         return []
    ...     def metric_readers(self):
    ...         return []
    ...     def flush(self, deadline):
    ...         return True
    >>> registry = PluginRegistry(autoload="none", environ={})
    >>> refs = registry.register(Quiet)
    >>> with registry:
    ...     registry.manager(TelemetryBackendPlugin).hook.flush(deadline=5.0)
    [True]
    """

    @hookspec
    @abstractmethod
    def span_exporters(self) -> Sequence[SpanExporter]:
        """Return exporters for the platform's tracer provider. The plugin owns and closes them.

        Exporters do not wait for a collector. A provider that shuts its exporters down does
        not affect those of other providers. Called from one thread; the exporters must be
        thread-safe.
        """

    @hookspec
    @abstractmethod
    def metric_readers(self) -> Sequence[MetricReader]:
        """Return new readers for the platform's meter provider.

        A reader belongs to one provider, which closes it. Called from one thread.
        """

    @hookspec
    @abstractmethod
    def flush(self, deadline: float) -> bool:
        """Send all waiting spans and metrics within ``deadline`` seconds. Return whether all were sent.

        Flush the providers first: only data that they have passed to exporters and readers is
        sent. Returns as soon as all was sent, and at the deadline even if the collector does not
        answer: what could not be sent is kept for the next attempt. May be called from several threads.
        """
