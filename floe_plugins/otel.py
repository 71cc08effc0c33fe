"""Spans of OpenTelemetry for what happens to plugins. Needs the extra ``otel``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

try:
    from opentelemetry import trace
except ModuleNotFoundError as missing:
    if missing.name is None or not missing.name.startswith("opentelemetry"):
        raise
    message = "spans need opentelemetry-api; install floe-plugins[otel]"
    raise ImportError(message, name=missing.name) from missing

from floe_plugins._version import __version__
from floe_plugins.core.event import PluginEvent
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import HealthState
from floe_plugins.core.state import PluginState, Stage

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

# Within which stages of all plugins a call is made, the likeliest first.
_WITHIN = {Stage.STOP: (Stage.STOP, Stage.START), Stage.CHECK: (Stage.CHECK,)}


@attrs.define(eq=False)
class _Open:
    """A span that has begun, and the thread that makes the call."""

    span: trace.Span
    stage: Stage
    begun: int
    ref: PluginRef | None = None
    thread: int | None = None


class PluginSpans:
    """A subscriber that makes a span of each scan, start, stop and round of checks, and of each call within them.

    A span of a call is named such as ``floe start compute:duckdb``, and is a child of ``floe start``; loading and
    configuring belong to the start. Its attributes begin with ``floe.plugin.``: ``ref``, ``category``, ``name`` and
    ``stage``; ``timeout`` and ``attempt`` where there are any, and ``health`` of a check. For another platform, its
    name stands for floe. What failed has the status ERROR and its reason, which contains no secrets.

    Subscribe one of these to one registry, and wait for the last events before the process ends. No plugin waits for
    it: it works on the thread of the subscription.

    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    >>> from floe_plugins import PluginRegistry
    >>> provider, exporter = TracerProvider(), InMemorySpanExporter()
    >>> provider.add_span_processor(SimpleSpanProcessor(exporter))
    >>> registry = PluginRegistry(path=[], environ={})
    >>> subscription = registry.subscribe(PluginSpans(provider))
    >>> with registry:
    ...     pass
    >>> subscription.wait(10), [span.name for span in exporter.get_finished_spans()]
    (True, ['floe discover', 'floe start', 'floe stop'])

    Args:
        tracer_provider: makes the spans; by default, that of the process.
        platform: whose plugins they are.
        context: holds the parent of all spans. By default they have none.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        *,
        platform: Platform = FLOE,
        context: Context | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("floe_plugins", __version__, tracer_provider)
        self._platform = platform.name
        self._prefix = f"{platform.name}.plugin."
        self._context = context
        self._lock = forkable_lock()
        self._open: list[_Open] = []
        self._attempts: dict[PluginRef, int] = {}

    def __call__(self, event: PluginEvent) -> None:
        """Begin or end the spans that an event is about. The subscription calls it; safe from any thread."""
        with self._lock:
            self._take(event)

    def close(self) -> None:
        """End the spans that have begun: after the end of the subscription nothing else does.

        They have the status ERROR. Call it after the subscription's ``wait()``, so that calls that have ended are not
        among them. May be repeated.
        """
        with self._lock:
            for found in reversed(self._open[:]):
                self._end(found, None, "it had not ended when nobody listened any more")

    def _take(self, event: PluginEvent) -> None:
        nanoseconds = int(event.time * 1e9)
        if event.kind in {"call_begun", "stage_begun"} and event.stage is not None:
            self._begin(event, event.stage, nanoseconds)
        elif event.kind in {"call_ended", "stage_ended"}:
            for found in self._find(event, thread=event.thread):
                self._describe(found.span, event)
                seconds = 0.0 if event.seconds is None else event.seconds
                is_wrong = event.health in {None, HealthState.UNHEALTHY}
                self._end(found, found.begun + int(seconds * 1e9), event.reason if is_wrong else "")
                return
        elif event.kind == "call_overdue":
            for found in [*self._find(event)]:
                self._end(found, nanoseconds, event.reason)
        elif event.kind == "state":
            self._attempts.pop(event.ref, None)  # type: ignore[arg-type] # a state is of a plugin
            if event.state is PluginState.FAILED:
                # Its call was left behind.
                for found in [each for each in self._open if each.ref == event.ref and each.stage is not Stage.CHECK]:
                    self._end(found, nanoseconds, event.reason)
        else:
            self._note(event, nanoseconds)

    def _find(self, event: PluginEvent, *, thread: int | None = None) -> Iterator[_Open]:
        """Return the open spans of what an event is about, the latest first."""
        for found in reversed(self._open):
            if (found.ref, found.stage) == (event.ref, event.stage) and thread in {None, found.thread}:
                yield found

    def _of_all(self, *stages: Stage) -> _Open | None:
        """Return the open span of the first of these stages of all plugins, the latest one; None if there is none."""
        found = (each for stage in stages for each in reversed(self._open) if each.ref is None and each.stage is stage)
        return next(found, None)

    def _begin(self, event: PluginEvent, stage: Stage, nanoseconds: int) -> None:
        name, context = f"{self._platform} {stage}", self._context
        attributes: dict[str, AttributeValue] = {f"{self._prefix}stage": str(stage)}
        if event.ref is not None:
            name = f"{name} {event.ref}"
            outer = self._of_all(*_WITHIN.get(stage, (Stage.START,)))
            context = context if outer is None else trace.set_span_in_context(outer.span, context)
            facts = {"ref": str(event.ref), "category": event.ref.type.slug, "name": event.ref.name}
            attributes.update({f"{self._prefix}{key}": value for key, value in facts.items()})
            if event.timeout is not None:
                attributes[f"{self._prefix}timeout"] = event.timeout
            if stage is Stage.START:
                self._attempts[event.ref] = self._attempts.get(event.ref, 0) + 1
                attributes[f"{self._prefix}attempt"] = self._attempts[event.ref]
        span = self._tracer.start_span(name, context, attributes=attributes, start_time=nanoseconds)
        self._open.append(_Open(span, stage, nanoseconds, event.ref, event.thread))

    def _describe(self, span: trace.Span, event: PluginEvent) -> None:
        if event.health is not None:
            span.set_attribute(f"{self._prefix}health", str(event.health))
            if event.reason:
                span.set_attribute(f"{self._prefix}reason", event.reason)

    def _end(self, found: _Open, nanoseconds: int | None, reason: str) -> None:
        self._open.remove(found)
        if reason:
            found.span.set_status(trace.Status(trace.StatusCode.ERROR, reason))
        found.span.end(nanoseconds)

    def _note(self, event: PluginEvent, nanoseconds: int) -> None:
        """Add a retry or a problem to the span of its stage."""
        outer = None if event.stage is None else self._of_all(event.stage)
        if outer is None:
            return
        facts: dict[str, AttributeValue] = {f"{self._prefix}reason": event.reason}
        if event.ref is not None:
            facts[f"{self._prefix}ref"] = str(event.ref)
        if event.seconds is not None:
            facts[f"{self._prefix}pause"] = event.seconds
        outer.span.add_event(event.kind, facts, nanoseconds)
