"""One thing that happened to a plugin, as a record."""

from __future__ import annotations

import time

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import HealthState
from floe_plugins.core.state import PluginState, Stage


@attrs.frozen(kw_only=True)
class PluginEvent(Record):
    """One thing that happened to a plugin, or to all of them at once.

    >>> from floe_plugins import PluginEvent, PluginRef, Stage
    >>> event = PluginEvent(kind="retry", ref=PluginRef.parse("compute:duckdb"), stage=Stage.START, seconds=0.2)
    >>> event.to_dict()["ref"], event.seconds
    ('compute:duckdb', 0.2)

    Attributes:
        kind: "call_begun" and "call_ended" (code of the plugin runs), "call_overdue" (it did not end in time, and
            nobody waits for it any more), "state" (it changed), "retry" (its start is attempted again after
            ``seconds``) or "problem". Of all plugins together: "stage_begun" and "stage_ended", around a scan, a
            start, a stop and a round of checks.
        ref: The plugin; None for a problem of no single plugin, and for what is of all.
        stage: The stage of the call, the retry or the problem.
        state: The new state.
        health: What a check found, when its call has ended.
        reason: Why it failed, is unhealthy, is attempted again, or what the problem is; redacted.
        seconds: How long it took, or the pause before the next attempt.
        timeout: The seconds that a call that begins may take; None for no limit.
        thread: The ident of the thread that makes the call.
        time: When, in seconds since the epoch.
    """

    kind: str
    ref: PluginRef | None = None
    stage: Stage | None = None
    state: PluginState | None = None
    health: HealthState | None = None
    reason: str = ""
    seconds: float | None = None
    timeout: float | None = None
    thread: int | None = None
    time: float = attrs.field(factory=time.time)
