"""A correct telemetry backend keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

import faulty_flushes
import pytest
from conformance_suite import broken, conformance, own_rules

from floe_plugins import TelemetryBackendPlugin
from floe_plugins.testing import TelemetryBackendConformance


class Collector:
    """Where telemetry goes."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.up = threading.Event()
        self.up.set()


class Exporter:
    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin
        self.closed = False

    def export(self, spans):
        if not self.closed:
            self.plugin.put(list(spans))

    def shutdown(self):
        self.closed = True

    def force_flush(self, timeout_millis=30_000):
        return True


class Reader:
    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin
        self.names: list[str] = []
        self.closed = False

    def collect(self, timeout_millis=10_000):
        if not self.closed:
            self.plugin.put(self.names)

    def shutdown(self, timeout_millis=30_000, **options):
        self.closed = True


class DemoTelemetry(TelemetryBackendPlugin):
    name = "demo"
    version = "1.0"
    floe_api_version = "1.0"
    collector: Collector
    exporter: type[Any] = Exporter
    reader: type[Any] = Reader

    def startup(self):
        self.waiting = []
        self.lock = threading.Lock()

    def put(self, names):
        self.waiting.append(names)

    def span_exporters(self):
        return [self.exporter(self)]

    def metric_readers(self):
        return [self.reader(self)]

    def flush(self, deadline):
        with self.lock:
            return self.send()

    def send(self):
        while self.waiting:
            if not self.collector.up.is_set():
                return False
            self.collector.names += self.waiting.pop(0)
        return True


class DemoConformance(TelemetryBackendConformance):
    plugin = DemoTelemetry
    slack = 0.5

    def setup_method(self) -> None:
        self.collector = Collector()
        self.plugin = type(self.plugin.__name__, (self.plugin,), {"collector": self.collector})

    def received(self) -> Sequence[str]:
        return self.collector.names

    @contextlib.contextmanager
    def outage(self) -> Any:
        self.collector.up.clear()
        yield
        self.collector.up.set()

    def spans(self, *names: str) -> Sequence[Any]:
        return names

    @contextlib.contextmanager
    def metering(self, reader: Any) -> Generator[Callable[[str], object], None, None]:
        yield reader.names.append
        # One of the faulty readers has no such method.
        if reader.shutdown is not None:
            reader.shutdown()


class OneOf:
    """Can be looped over and sliced, and is no sequence."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __iter__(self) -> Any:
        return iter(self.items)

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]


class ReturnsAnIterable(DemoTelemetry):
    def span_exporters(self):
        return OneOf(super().span_exporters())


class CannotBeShutDown(DemoTelemetry):
    class exporter(Exporter):  # noqa: N801 an attribute
        @property
        def shutdown(self):  # type: ignore[override]
            # Only who looks for it and does not call it misses it: a provider that is closed stays so.
            return Closing(self) if self.plugin.exporters > 1 else None

    exporters = 0

    def span_exporters(self):
        self.exporters += 1
        return super().span_exporters()


class Closing:
    def __init__(self, exporter: Any) -> None:
        self.exporter = exporter

    def __call__(self) -> None:
        self.exporter.closed = True


class DropsOne(DemoTelemetry):
    def put(self, names):
        super().put([name for name in names if name != "conformance-span"])


class SendsTwice(DemoTelemetry):
    def put(self, names):
        super().put(names * 2 if "conformance-once" in names else names)


class SendsTen(DemoTelemetry):
    def put(self, names):
        super().put(names[:10])


class Waits(DemoTelemetry):
    def put(self, names):
        if "conformance-quick" in names:
            self.collector.up.wait(0.8)
        super().put(names)


class RaisesWhenFull(DemoTelemetry):
    def put(self, names):
        if not self.collector.up.is_set() and len(self.waiting) == 2:
            raise ConnectionError
        super().put(names)


class SharesExporters(DemoTelemetry):
    def startup(self):
        super().startup()
        self.shared = Exporter(self)

    def span_exporters(self):
        return [self.shared]


class LosesUpdates(DemoTelemetry):
    def put(self, names):
        before = list(self.waiting)
        if threading.current_thread().name.startswith("conformance-"):
            time.sleep(0.001)
        self.waiting = [*before, names]


class FlushesInSilence(DemoTelemetry):
    class exporter(Exporter):  # noqa: N801 an attribute
        def force_flush(self, timeout_millis=30_000):
            return None


class ReturnsIterableReaders(DemoTelemetry):
    def metric_readers(self):
        return OneOf(super().metric_readers())


class CannotBeClosed(DemoTelemetry):
    class reader(Reader):  # noqa: N801 an attribute
        shutdown = None  # type: ignore[assignment]


class SharesReaders(DemoTelemetry):
    def startup(self):
        super().startup()
        self.shared = Open(self)

    def metric_readers(self):
        return [self.shared]


class Open(Reader):
    def shutdown(self, timeout_millis=30_000, **options):
        """Nothing."""


class DropsAMetric(DemoTelemetry):
    def put(self, names):
        super().put([name for name in names if name != "conformance.metric"])


class SendsOneMetric(DemoTelemetry):
    class reader(Reader):  # noqa: N801 an attribute
        def collect(self, timeout_millis=10_000):
            self.names = self.names[:1]
            super().collect()


class ClosesAllReaders(DemoTelemetry):
    open = True

    def metric_readers(self):
        plugin = self

        class Together(Reader):
            def collect(self, timeout_millis=10_000):
                if plugin.open:
                    super().collect()

            def shutdown(self, timeout_millis=30_000, **options):
                plugin.open = False

        return [Together(self)]


class ReturnsACount(DemoTelemetry):
    def flush(self, deadline):
        count = len(self.waiting)
        found = super().flush(deadline)
        if threading.current_thread().name.startswith("conformance-"):
            return found
        return count if found and count else found


class HasNothingToSend(faulty_flushes.HasNothingToSend, DemoTelemetry): ...


class SaysAllWasSent(faulty_flushes.SaysAllWasSent, DemoTelemetry): ...


class WaitsForTheCollector(DemoTelemetry):
    def flush(self, deadline):
        if deadline == 0.0:
            self.collector.up.wait(0.8)
        return super().flush(deadline)


class ClosesAtAFlush(DemoTelemetry):
    flushed = False

    def put(self, names):
        if not self.flushed:
            super().put(names)

    def flush(self, deadline):
        self.flushed = True
        return super().flush(deadline)


class TriesLater(faulty_flushes.TriesLater, DemoTelemetry): ...


class WaitsForItsDeadline(faulty_flushes.WaitsForItsDeadline, DemoTelemetry): ...


class DropsWhatFails(DemoTelemetry):
    """Of two batches the second."""

    def send(self):
        found = super().send()
        if not found and len(self.waiting) == 2:
            self.waiting.pop()
        return found


class FlushesAlone(faulty_flushes.FlushesAlone, DemoTelemetry): ...


class LeavesAThread(DemoTelemetry):
    def flush(self, deadline):
        thread = threading.Timer(2.0, lambda: None)
        thread.daemon = True
        thread.start()
        return super().flush(deadline)


FAULTY: dict[str, type[Any]] = {
    "test_exporters_are_a_sequence": ReturnsAnIterable,
    "test_exporters_have_what_a_provider_calls": CannotBeShutDown,
    "test_exporters_are_closed_when_it_stops": LeavesAThread,
    "test_a_span_arrives": DropsOne,
    "test_a_span_arrives_once": SendsTwice,
    "test_all_spans_of_a_batch_arrive": SendsTen,
    "test_exporters_do_not_wait_for_a_collector": Waits,
    "test_an_export_without_a_collector_does_not_raise": RaisesWhenFull,
    "test_the_exporters_of_other_providers_go_on": SharesExporters,
    "test_several_threads_export_at_once": LosesUpdates,
    "test_a_forced_flush_says_whether_it_did": FlushesInSilence,
    "test_readers_are_a_sequence": ReturnsIterableReaders,
    "test_readers_have_what_a_provider_calls": CannotBeClosed,
    "test_readers_are_new": SharesReaders,
    "test_a_metric_arrives": DropsAMetric,
    "test_all_metrics_arrive": SendsOneMetric,
    "test_the_readers_of_other_providers_go_on": ClosesAllReaders,
    "test_a_flush_that_sent_all_says_so": ReturnsACount,
    "test_nothing_to_send_is_no_failure": HasNothingToSend,
    "test_a_flush_that_did_not_send_all_says_so": SaysAllWasSent,
    "test_a_flush_sends_at_once": TriesLater,
    "test_a_flush_ends_when_all_was_sent": WaitsForItsDeadline,
    "test_what_could_not_be_sent_is_kept": DropsWhatFails,
    "test_a_flush_keeps_its_deadline": WaitsForTheCollector,
    "test_a_flush_closes_nothing": ClosesAtAFlush,
    "test_several_threads_flush_at_once": FlushesAlone,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(DemoConformance) == {}


@pytest.mark.parametrize("rule", own_rules(TelemetryBackendConformance))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(DemoConformance, FAULTY[rule]))) == [rule]
