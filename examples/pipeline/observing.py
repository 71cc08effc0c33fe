"""What is told of the work while it is done: spans, events of lineage, and the seconds that each plugin took."""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import chain
from typing import TypeVar
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import floe_plugins as floe

PRODUCER = "https://example.org/floe/pipeline"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
P = TypeVar("P", bound=floe.PluginMetadata)


class Observer:
    """Tells every telemetry and lineage backend of a started registry. To be used on one thread."""

    def __init__(self, registry: floe.PluginRegistry) -> None:
        self.seconds: defaultdict[floe.PluginRef, float] = defaultdict(float)
        self._registry = registry
        self._lineage = registry.manager(floe.LineageBackendPlugin).hook
        self._telemetry = registry.manager(floe.TelemetryBackendPlugin).hook
        resource = Resource.create({"service.name": "daylight"})
        # The plugins close their exporters themselves.
        self._spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        for exporter in chain(*self._telemetry.span_exporters()):
            self._spans.add_span_processor(SimpleSpanProcessor(exporter))
        self._metrics = MeterProvider([*chain(*self._telemetry.metric_readers())], resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer("floe.pipeline")
        self._work = self._metrics.get_meter("floe.pipeline").create_histogram("floe.plugin.work", unit="s")

    @contextmanager
    def using(self, category: Callable[..., P]) -> Iterator[P]:
        """The plugin that is configured for a category; its work in the block is a span, and its seconds are counted.

        What other plugins do within the block is theirs.
        """
        plugin, others, began = self._registry.one(category), sum(self.seconds.values()), time.perf_counter()
        ref = floe.PluginRef(floe.PluginType.of(type(plugin)), plugin.name)
        with self._tracer.start_as_current_span(str(ref)):
            yield plugin
        seconds = time.perf_counter() - began - (sum(self.seconds.values()) - others)
        self.seconds[ref] += seconds
        self._work.record(seconds, {"floe.plugin.name": ref.name, "floe.plugin.category": ref.type.slug})

    @contextmanager
    def running(self, step: str, reads: Iterable[str], writes: Iterable[str]) -> Iterator[None]:
        """A step as a span, its beginning and end as events; what it reads and writes are URIs."""
        event = {
            "run": {"runId": str(uuid.uuid4())},
            "job": {"namespace": "daylight", "name": step},
            "inputs": [*map(self._dataset, reads)],
            "outputs": [*map(self._dataset, writes)],
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
        }

        def emit(kind: str) -> None:
            self._lineage.emit(event={"eventType": kind, "eventTime": datetime.now(timezone.utc).isoformat(), **event})

        with self._tracer.start_as_current_span(f"run {step}"):
            emit("START")
            try:
                yield
            except BaseException:
                emit("FAIL")
                raise
            emit("COMPLETE")

    def close(self, deadline: float) -> bool:
        """Send what is waiting, within ``deadline`` seconds each; whether all of it went out."""
        self._metrics.shutdown()
        return all([*self._lineage.flush(deadline=deadline), *self._telemetry.flush(deadline=deadline)])

    def _dataset(self, uri: str) -> dict[str, str]:
        return {"namespace": self._lineage.namespace(dataset=uri), "name": urlsplit(uri).path}
