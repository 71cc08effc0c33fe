"""The rules for telemetry backends."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.flushing import FLUSH, SECONDS, FlushRules
from floe_plugins.testing.conformance.rule import rule, shown

_EXPORTERS = """
def span_exporters(self):
    return [QueueExporter(self._queue)]  # a new one each time; it puts spans into the plugin's queue
"""
_EXPORT = """
class QueueExporter:
    def export(self, spans):
        if self._closed:
            return SpanExportResult.FAILURE
        self._queue.put(spans)  # sent by a thread of the plugin
        return SpanExportResult.SUCCESS
    def shutdown(self):
        self._closed = True  # and the queue stays open
    def force_flush(self, timeout_millis=30_000):
        return True
"""
_READERS = """
def metric_readers(self):
    return [PeriodicExportingMetricReader(QueueMetricExporter(self._queue))]  # a new one each time
"""
_MANY = 24


class TelemetryBackendConformance(FlushRules, PluginConformance):
    """The rules for ``TelemetryBackendPlugin``.

    >>> from floe_plugins.testing import TelemetryBackendConformance
    >>> class TestAcme(TelemetryBackendConformance):
    ...     plugin = ...  # your class
    ...     def settings(self):
    ...         return {"endpoint": self.collector.url}
    ...     def received(self):
    ...         return self.collector.names
    ...     def outage(self):
    ...         return self.collector.paused()

    Attributes:
        slack: by how many seconds a deadline may be missed on a machine that has much to do.
    """

    def received(self) -> Sequence[str]:
        """Return the names of the spans and metrics that have arrived. Override it."""
        self.missing("received", "which spans and metrics have arrived")

    def use(self, plugin: Any) -> None:
        """Send a span and a metric."""
        self._export(plugin, "conformance-used")
        for reader in plugin.metric_readers():
            with self.metering(reader) as count:
                count("conformance.used")
        plugin.flush(SECONDS)

    def spans(self, *names: str) -> Sequence[Any]:
        """Return ended spans of these names, as a tracer provider of OpenTelemetry's SDK gives them to exporters."""
        provider = importlib.import_module("opentelemetry.sdk.trace").TracerProvider(shutdown_on_exit=False)
        found = [provider.get_tracer("conformance").start_span(name) for name in names]
        for span in found:
            span.end()
        return found

    @contextlib.contextmanager
    def metering(self, reader: Any) -> Generator[Callable[[str], object], None, None]:
        """Give a function that counts in a metric of some name, by a provider of ``reader``, closed at the end."""
        metrics = importlib.import_module("opentelemetry.sdk.metrics")
        provider = metrics.MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
        meter = provider.get_meter("conformance")
        try:
            yield lambda name: meter.create_counter(name).add(1)
        finally:
            provider.shutdown()

    def _export(self, plugin: Any, *names: str) -> None:
        for exporter in plugin.span_exporters():
            exporter.export(self.spans(*names))

    def _give(self, plugin: Any) -> None:
        self._export(plugin, "conformance-flushed")

    def _lost(self, plugin: Any, *names: str) -> list[str]:
        """Which names have not arrived after a flush."""
        plugin.flush(SECONDS)
        received = set(self.received())
        return [name for name in names if name not in received]

    @rule(_EXPORTERS)
    def test_exporters_are_a_sequence(self) -> None:
        """``span_exporters`` returns a sequence."""
        with self.started() as plugin:
            found = plugin.span_exporters()
            self.expect(isinstance(found, Sequence) and not isinstance(found, str), f"it returned {shown(found)}")

    @rule(_EXPORT)
    def test_exporters_have_what_a_provider_calls(self) -> None:
        """A span exporter has ``export``, ``shutdown`` and ``force_flush``, which a tracer provider calls."""
        with self.started() as plugin:
            for exporter in plugin.span_exporters():
                names = ("export", "shutdown", "force_flush")
                lacks = [name for name in names if not callable(getattr(exporter, name, None))]
                self.expect(not lacks, f"{type(exporter).__name__} lacks {', '.join(lacks)}")

    @rule(_EXPORT)
    def test_a_span_arrives(self) -> None:
        """What a provider passes to the exporters is sent."""
        with self.started() as plugin:
            self._export(plugin, "conformance-span")
            lost = self._lost(plugin, "conformance-span")
            self.expect(not lost, "a span was exported and flushed, and has not arrived")

    @rule(_EXPORT)
    def test_exporters_are_closed_when_it_stops(self) -> None:
        """The plugin owns and closes the exporters: no thread is left of those that sent spans."""
        before = set(threading.enumerate())
        with self.started() as plugin:
            self._export(plugin, "conformance-closed")
            plugin.flush(SECONDS)

        def left() -> list[str]:
            return sorted(each.name for each in {*threading.enumerate()} - before if not self.is_own(each))

        self.expect(self.eventually(lambda: not left(), self.slack), f"after shutdown there are {shown(left())}")

    @rule(_EXPORT)
    def test_a_span_arrives_once(self) -> None:
        """A span that was exported once arrives once, however often it is flushed."""
        with self.started() as plugin:
            for exporter in plugin.span_exporters()[:1]:
                exporter.export(self.spans("conformance-once"))
            for _ in range(2):
                plugin.flush(SECONDS)
            count = list(self.received()).count("conformance-once")
            self.expect(count <= 1, f"it has arrived {count} times")

    @rule(_EXPORT)
    def test_all_spans_of_a_batch_arrive(self) -> None:
        """All spans of a batch are sent."""
        names = [f"conformance-batch-{number}" for number in range(_MANY)]
        with self.started() as plugin:
            self._export(plugin, *names)
            lost = self._lost(plugin, *names)
            self.expect(not lost, f"of a batch of {_MANY} spans, {len(lost)} have not arrived")

    @rule(_EXPORT)
    def test_exporters_do_not_wait_for_a_collector(self) -> None:
        """Exporters do not wait for a collector."""
        with self.started() as plugin, self._outage():
            began = time.monotonic()
            self._export(plugin, "conformance-quick")
            passed = time.monotonic() - began
            self.expect(passed <= self.slack, f"nothing answers, and export returned after {passed:.1f} s")

    @rule(_EXPORT)
    def test_an_export_without_a_collector_does_not_raise(self) -> None:
        """``export`` does not raise if the collector does not answer: spans wait until they can be sent."""
        with self.started() as plugin, self._outage():
            for number in range(3):
                self._export(plugin, f"conformance-waiting-{number}")

    @rule(_EXPORTERS)
    def test_the_exporters_of_other_providers_go_on(self) -> None:
        """A provider that shuts its exporters down does not affect those of other providers."""
        with self.started() as plugin:
            first, second = plugin.span_exporters(), plugin.span_exporters()
            for exporter in first:
                exporter.shutdown()
            for exporter in second:
                exporter.export(self.spans("conformance-other"))
            lost = self._lost(plugin, "conformance-other")
            self.expect(not lost, "after another provider has shut its exporters down, a span does not arrive")

    @rule(_EXPORT)
    def test_several_threads_export_at_once(self) -> None:
        """The exporters are thread-safe: what several threads export at once arrives."""
        names = [f"conformance-thread-{number}" for number in range(_MANY)]
        with self.started() as plugin:
            exporters = plugin.span_exporters()

            def exporting(name: str) -> Callable[[], object]:
                spans = self.spans(name)
                return lambda: [exporter.export(spans) for exporter in exporters]

            self.together([exporting(name) for name in names])
            lost = self._lost(plugin, *names)
            self.expect(not lost, f"{_MANY} threads exported a span each, and {len(lost)} have not arrived")

    @rule(_EXPORT)
    def test_a_forced_flush_says_whether_it_did(self) -> None:
        """``SpanExporter.force_flush`` returns whether it succeeded, as a bool."""
        with self.started() as plugin:
            for exporter in plugin.span_exporters():
                found = exporter.force_flush(1000)
                self.expect(isinstance(found, bool), f"force_flush(1000) returned {shown(found)}")

    @rule(_READERS)
    def test_readers_are_a_sequence(self) -> None:
        """``metric_readers`` returns a sequence."""
        with self._readers() as (_, found):
            self.expect(isinstance(found, Sequence) and not isinstance(found, str), f"it returned {shown(found)}")

    @rule(_READERS)
    def test_readers_have_what_a_provider_calls(self) -> None:
        """A metric reader has ``collect`` and ``shutdown``, which a meter provider calls."""
        with self._readers() as (_, readers):
            for reader in readers:
                lacks = [name for name in ("collect", "shutdown") if not callable(getattr(reader, name, None))]
                self.expect(not lacks, f"{type(reader).__name__} lacks {', '.join(lacks)}")

    @rule(_READERS)
    def test_readers_are_new(self) -> None:
        """``metric_readers`` returns new readers: each belongs to one provider."""
        with self._readers() as (plugin, first):
            second = plugin.metric_readers()
            same = {id(reader) for reader in first} & {id(reader) for reader in second}
            for reader in second:
                if id(reader) not in same:
                    self._close(reader)
            self.expect(not same, "metric_readers returned the same reader twice")

    @rule(_READERS)
    def test_a_metric_arrives(self) -> None:
        """What a reader collects from its provider is sent."""
        with self._readers(closing=False) as (plugin, readers):
            for reader in readers:
                with self.metering(reader) as count:
                    count("conformance.metric")
                    reader.collect()
            lost = self._lost(plugin, "conformance.metric")
            self.expect(not lost, "a metric was collected and flushed, and has not arrived")

    @rule(_READERS)
    def test_all_metrics_arrive(self) -> None:
        """All metrics that a reader collects are sent."""
        names = [f"conformance.metric.{number}" for number in range(5)]
        with self._readers(closing=False) as (plugin, readers):
            for reader in readers:
                with self.metering(reader) as count:
                    for name in names:
                        count(name)
                    reader.collect()
            lost = self._lost(plugin, *names)
            self.expect(not lost, f"of {len(names)} metrics that were collected, {shown(lost)} have not arrived")

    @rule(_READERS)
    def test_the_readers_of_other_providers_go_on(self) -> None:
        """A reader belongs to one provider, which closes it: those of other providers go on."""
        with self._readers(closing=False) as (plugin, first):
            second = plugin.metric_readers()
            for reader in first:
                self._close(reader)
            for reader in second:
                with self.metering(reader) as count:
                    count("conformance.other")
                    reader.collect()
            lost = self._lost(plugin, "conformance.other")
            self.expect(not lost, "after another provider has closed its reader, a metric does not arrive")

    @rule(FLUSH)
    def test_what_could_not_be_sent_is_kept(self) -> None:
        """Spans that could not be sent are kept for the next attempt."""
        names = ("conformance-kept", "conformance-kept-too")
        with self.started() as plugin:
            with self._outage():
                for name in names:
                    self._export(plugin, name)
                # Long enough for an attempt to fail.
                plugin.flush(self.slack)
            lost = self._lost(plugin, *names)
            self.expect(not lost, f"of 2 spans that could not be sent at first, {shown(lost)} have not arrived")

    @rule(FLUSH)
    def test_a_flush_closes_nothing(self) -> None:
        """``flush`` may be called repeatedly: what is exported after one is sent by the next."""
        names = ("conformance-before", "conformance-after")
        with self.started() as plugin:
            exporters = plugin.span_exporters()
            for name in names:
                for exporter in exporters:
                    exporter.export(self.spans(name))
                plugin.flush(SECONDS)
            lost = self._lost(plugin, *names)
            self.expect(not lost, f"spans were exported before and after a flush, and {shown(lost)} have not arrived")

    @rule(FLUSH)
    def test_several_threads_flush_at_once(self) -> None:
        """``flush`` may be called from several threads: each returns when all was sent."""
        with self.started() as plugin:
            self._export(plugin, "conformance-together")
            found = self.together([lambda: plugin.flush(SECONDS)] * 4)
            self.expect(found == [True] * 4, f"four threads flushed, and flush returned {found}")

    @contextlib.contextmanager
    def _readers(self, *, closing: bool = True) -> Generator[tuple[Any, Any], None, None]:
        """Give the plugin and its readers, and close these at the end unless their provider does."""
        with self.started() as plugin:
            readers = plugin.metric_readers()
            try:
                yield plugin, readers
            finally:
                for reader in readers if closing else ():
                    self._close(reader)

    def _close(self, reader: Any) -> None:
        # A reader that no provider has closed may have a thread that runs on.
        with contextlib.suppress(Exception), self.metering(reader):
            pass
