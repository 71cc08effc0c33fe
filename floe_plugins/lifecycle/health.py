"""Asks all plugins at once how they are, and answers in time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import HealthReport, HealthState, HealthStatus, Outcome, OutcomeState
from floe_plugins.core.safe_text import describe_error
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.worker import Call
from floe_plugins.lifecycle.supervision import Host, asks_for_caller, is_default

# Guards every entry's `check`; held for moments only.
_lock = threading.Lock()


@attrs.define(eq=False)
class _PendingCheck:
    """A check of one plugin, shared by all who ask while it is under way.

    Attributes:
        asked_at: when it was asked for, in seconds since the epoch.
        begun: the same by ``time.monotonic``.
        limit: how long it may take, in seconds.
        conceal: takes the secrets out of what the plugin says.
    """

    call: Call[Any]
    limit: float
    redact: Callable[[Any], Any]
    asked_at: float = attrs.field(factory=time.time)
    begun: float = attrs.field(factory=time.monotonic)

    @property
    def under_way(self) -> bool:
        return self.call.ended is None and not self.call.cancelled

    @property
    def age(self) -> float:
        return time.monotonic() - self.begun

    def answer(self, begun: float, timeout: float) -> HealthStatus:
        """The plugin's status, waited for until its own deadline, or until who asks has no more patience."""
        own = self.begun + self.limit
        if self.call.wait(min(own, begun + timeout) - time.monotonic()):
            return self._status()
        waited = f"in {min(self.limit, timeout):g} s"
        if time.monotonic() >= own:
            if not self.call.detached:
                self.call.detach()
            waited = f"in {self.limit:g} s" if self.age < self.limit + 1 else f"for {self.age:.0f} s"
        return _unhealthy(f"no answer {waited}", seconds=self.age, time=self.asked_at)

    def _status(self) -> HealthStatus:
        call = self.call
        seconds = (call.ended or 0.0) - (call.began or 0.0)
        if isinstance(call.error, KeyboardInterrupt):
            raise call.error
        if call.error is not None:
            message = f"health_check raised {self.redact(describe_error(call.error))}"
            return _unhealthy(message, seconds=seconds, time=self.asked_at)
        value = call.result()
        if not isinstance(value, HealthStatus):
            message = (
                f"health_check returned an object of type {type(value).__qualname__}, and must return HealthStatus"
            )
            return _unhealthy(message, seconds=seconds, time=self.asked_at)
        try:
            message, details = self.redact(value.message), self.redact(value.details)
            return HealthStatus(
                value.state, message, details, default=value.default, seconds=seconds, time=self.asked_at
            )
        except Exception as error:  # noqa: BLE001 what is in it may be the plugin's own
            message = f"what health_check returned cannot be read: {self.redact(describe_error(error))}"
            return _unhealthy(message, seconds=seconds, time=self.asked_at)


def check(host: Host, refs: Iterable[PluginRef], timeout: float | None = None, *, max_age: float = 0.0) -> HealthReport:
    """The health of ``refs``, asked all at once.

    Answers within ``timeout`` seconds, or the plugins' own deadlines if that is
    None (5 s by default). A plugin is not asked again while a check of it is
    under way: who comes later shares its answer. An answer that is not older
    than ``max_age`` seconds is given again; each has its ``time``. Plugins that
    ask for the caller's thread are asked last, and have no deadline.
    """
    entries = host.entries()
    asked = {ref: entries[ref] for ref in sorted(set(refs)) if ref in entries}
    return _HealthRound(host, timeout, max_age).ask_all(asked)


@attrs.define(eq=False)
class _HealthRound:
    host: Host
    timeout: float | None
    max_age: float
    asked_at: float = attrs.field(factory=time.time)
    begun: float = attrs.field(factory=time.monotonic)

    def ask_all(self, entries: Mapping[PluginRef, Entry]) -> HealthReport:
        aside = {ref for ref, entry in entries.items() if asks_for_caller(entry)}
        asked = {
            ref: self.ask(entries[ref], caller_thread=ref in aside)
            for ref in sorted(entries, key=lambda ref: ref in aside)
        }
        timeout = math.inf if self.timeout is None else self.timeout
        statuses = {
            ref: found if isinstance(found := asked[ref], HealthStatus) else found.answer(self.begun, timeout)
            for ref in entries
        }
        seconds = time.monotonic() - self.begun
        return HealthReport(state=_overall(entries, statuses), statuses=statuses, seconds=seconds, time=self.asked_at)

    def ask(self, entry: Entry, *, caller_thread: bool) -> _PendingCheck | HealthStatus:
        if entry.state is not PluginState.STARTED:
            reason = f": {entry.error.message}" if entry.error is not None else ""
            return _unhealthy(f"it is not started, but {entry.state}{reason}")
        try:
            limit = self.limit(entry)
        except Exception as error:  # noqa: BLE001 a deadline of the plugin's class that is no number
            return _unhealthy(f"it cannot be asked: {describe_error(error)}")
        if caller_thread and time.monotonic() - self.begun > limit:
            return _unhealthy(f"not asked: the {limit:g} s were over")
        hook = self.host.hook(entry, "health_check")
        found, call = self.claim(entry, limit, hook)
        if call is not None and (caller_thread or is_default(hook) or entry.worker.is_current_thread):
            entry.worker.run_call_in_caller_thread(call)
        elif call is not None:
            entry.worker.enqueue(call)
        return found

    def claim(
        self, entry: Entry, limit: float, hook: Callable[[], Any]
    ) -> tuple[_PendingCheck | HealthStatus, Call[Any] | None]:
        """The check to wait for, and its call if that is to be made."""
        with _lock:
            previous: _PendingCheck | None = entry.check
            if previous is not None and previous.under_way:
                return (
                    _unhealthy("it is being asked by this very call") if entry.worker.is_current_thread else previous
                ), None
            if previous is not None and previous.age <= self.max_age:
                return previous, None
            overdue = entry.worker.overdue
            if overdue is not None:
                return _unhealthy(f"its thread is busy with an earlier call, which began {overdue:.0f} s ago"), None
            call = Call(hook)
            entry.check = fresh = _PendingCheck(call, limit, lambda said: self.host.redact(entry, said))
            return fresh, call

    def limit(self, entry: Entry) -> float:
        if self.timeout is not None:
            return self.timeout
        own = self.host.timeout(entry, Stage.CHECK)
        return threading.TIMEOUT_MAX if own is None else own


def _unhealthy(message: str, *, seconds: float | None = None, time: float | None = None) -> HealthStatus:
    return HealthStatus(HealthState.UNHEALTHY, message, seconds=seconds, time=time)


def _overall(entries: Mapping[PluginRef, Entry], statuses: Mapping[PluginRef, HealthStatus]) -> HealthState:
    """The worst of the required plugins; optional ones can only degrade."""
    states = {(entries[ref].required, status.state) for ref, status in statuses.items()}
    if (True, HealthState.UNHEALTHY) in states:
        return HealthState.UNHEALTHY
    return HealthState.DEGRADED if any(state is not HealthState.HEALTHY for _, state in states) else HealthState.HEALTHY


def outcomes(report: HealthReport) -> tuple[Outcome, ...]:
    """A health report as one outcome per plugin; the check of an unhealthy one has failed."""
    return tuple(
        Outcome(
            ref=ref,
            stage=Stage.CHECK,
            state=OutcomeState.FAILED if status.state is HealthState.UNHEALTHY else OutcomeState.SUCCEEDED,
            message=status.message,
            seconds=status.seconds or 0.0,
            health=status,
        )
        for ref, status in report.statuses.items()
    )
