"""Metrics for Prometheus, made from a snapshot at each scrape."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from floe_plugins.core.platform import FLOE
from floe_plugins.core.report import HealthState
from floe_plugins.core.safe_text import escape
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.server.messages import Response, plugins_of
from floe_plugins.server.views.protocol import Snapshot

PLATFORM_STATES = ("starting", "running", "stopping", "stopped", "failed")
HEALTH_STATES = (*map(str, HealthState), "unknown")

# Longer than any version or name that is one; what a plugin says is cut to it.
MAX_LABEL = 120

OPENMETRICS = "application/openmetrics-text"

_PLAIN = b"text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"

_Table = Mapping[str, Any]
_Values = dict[tuple[str, ...], object]


class Metrics:
    """Renders snapshots as metrics. Has no state but the snapshot that it is given, and none of the process's."""

    @staticmethod
    def accepted(values: Iterable[bytes]) -> str:
        """Return the format that the values of a header ``Accept`` ask for; empty for the text of Prometheus."""
        return OPENMETRICS if any(OPENMETRICS.encode("ascii") in value for value in values) else ""

    @staticmethod
    def respond(snapshot: Snapshot, accepted: str = "") -> Response:
        """Return the metrics, in OpenMetrics if that is asked for, else as the text of Prometheus.

        What a snapshot does not say has no series. It takes the longer the more plugins there are: call it on a thread.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(snapshot))
        if accepted == OPENMETRICS:
            text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
            return Response(200, text, _OPENMETRICS)
        return Response(200, generate_latest(registry), _PLAIN)


class _Collector:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        platform: _Table = self._snapshot.get("platform") or {}
        prefix = _prefix(platform)
        yield from _platform(prefix, platform)
        yield from _plugins(prefix, plugins_of(self._snapshot))
        yield _problems(prefix, self._snapshot.get("problems") or ())


def _prefix(platform: _Table) -> str:
    """Return the name of the platform, with which the names of its metrics begin; of views that have none, floe's."""
    name = platform.get("name")
    return name if isinstance(name, str) and name.isascii() and name.isidentifier() else FLOE.name


def _platform(prefix: str, platform: _Table) -> Iterable[Metric]:
    version = {"version": _label(platform.get("version"))}
    yield InfoMetricFamily(f"{prefix}_platform", "The version of floe-plugins", version)
    state, health = platform.get("state"), platform.get("health")
    yield _states(f"{prefix}_platform_state", "Whether the platform is in a state", {(): state}, PLATFORM_STATES)
    yield _states(f"{prefix}_platform_health", "Whether the platform has a health", {(): health}, HEALTH_STATES)
    for name, help_text, value in (
        ("platform_ready", "Whether the platform is ready", int(platform.get("ready") is True)),
        ("platform_start_time_seconds", "When it was started, since the epoch", platform.get("started_at")),
        ("host_heartbeat_age_seconds", "Time since the host answered last", platform.get("heartbeat_age")),
    ):
        number = _number(value)
        if number is not None:
            yield GaugeMetricFamily(f"{prefix}_{name}", help_text, number)
    restarts = _number(platform.get("restarts")) or 0.0
    yield CounterMetricFamily(f"{prefix}_host_restarts", "How often the host was restarted", restarts)


def _plugins(prefix: str, plugins: Iterable[_Table]) -> Iterable[Metric]:
    by_ref = {_label(row.get("ref")): row for row in plugins}
    of_plugin = f"{prefix}_plugin"
    info = InfoMetricFamily(of_plugin, "What a plugin says it is, and its distribution", labels=["ref"])
    restarts = CounterMetricFamily(f"{of_plugin}_restarts", "How often a plugin was started again", labels=["ref"])
    states: _Values = {}
    health: _Values = {}
    calls: _Values = {}
    for ref, row in by_ref.items():
        facts = {key: _label(row.get(key)) for key in ("version", "distribution")}
        info.add_metric([ref], {**facts, f"{prefix}_api_version": _label(row.get("floe_api_version"))})
        restarts.add_metric([ref], _number(row.get("restarts")) or 0.0)
        states[(ref,)] = row.get("state")
        health[(ref,)] = _table(row, "health").get("state")
        for call in row.get("calls") or ():
            if call.get("stage") in _STAGES:
                calls[ref, call["stage"]] = call.get("seconds")
    yield info
    yield restarts
    yield _states(f"{of_plugin}_state", "Whether a plugin is in a state", states, map(str, PluginState), ["ref"])
    yield _states(f"{of_plugin}_health", "Whether a plugin has a health", health, HEALTH_STATES, ["ref"])
    yield _gauge(f"{of_plugin}_call_seconds", "How long code of a plugin has run by now", calls, ["ref", "stage"])
    for name, (help_text, value) in _OF_PLUGINS.items():
        yield _gauge(f"{of_plugin}_{name}", help_text, {(ref,): value(row) for ref, row in by_ref.items()}, ["ref"])


def _table(row: _Table, key: str) -> _Table:
    table: _Table = row.get(key) or {}
    return table


_STAGES = tuple(map(str, Stage))

_OF_PLUGINS: Mapping[str, tuple[str, Callable[[_Table], object]]] = {
    "required": ("Whether a plugin is required", lambda each: int(each.get("required") is True)),
    "selected": ("Whether a plugin is selected", lambda each: int(each.get("selected") is True)),
    "check_seconds": ("How long its last check took", lambda each: _table(each, "health").get("seconds")),
    "start_seconds": ("How long its last start took", lambda each: _table(each, "start").get("seconds")),
    "start_attempts": ("The attempts of its last start", lambda each: _table(each, "start").get("attempts")),
}


def _problems(prefix: str, problems: Iterable[_Table]) -> Metric:
    found = Counter(problem.get("stage") for problem in problems)
    values: _Values = {(each,): found[each] for each in _STAGES}
    return _gauge(f"{prefix}_problems", "How many problems there are", values, ["stage"])


def _gauge(name: str, help_text: str, values: Mapping[tuple[str, ...], object], labels: list[str]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for key, value in values.items():
        number = _number(value)
        if number is not None:
            family.add_metric(list(key), number)
    return family


def _states(
    name: str,
    help_text: str,
    current: Mapping[tuple[str, ...], object],
    states: Iterable[str],
    labels: Iterable[str] = (),
) -> Metric:
    """Return one series for each state, which is 1 for the current one. What has no state is ``unknown``."""
    states = tuple(states)
    family = GaugeMetricFamily(name, help_text, labels=[*labels, "state"])
    for key, state in current.items():
        for each in states:
            family.add_metric([*key, each], int(each == ("unknown" if state is None else state)))
    return family


def _label(value: object) -> str:
    return "" if value is None else escape(value)[:MAX_LABEL]


def _number(value: object) -> float | None:
    """Return a finite number; None for anything else."""
    if type(value) not in {int, float}:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
