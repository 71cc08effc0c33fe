"""Ask all plugins at once how they are, and answer in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent import futures
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs

from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import HealthReport, HealthState, HealthStatus, Outcome, OutcomeState
from floe_plugins.core.safe_text import safe_str, type_name
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.core.timeouts import check_timeout
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginError
from floe_plugins.execution import boundary
from floe_plugins.execution.call import Call, Watch
from floe_plugins.execution.shield import InterruptedRequestError, Request
from floe_plugins.lifecycle.parts import Parts, is_default

# Guards every entry's `check`; held for moments only.
_lock = forkable_lock()


class _Check(Call["HealthStatus | str"]):
    """A check of one plugin, shared by all who ask while it is under way.

    Attributes:
        timeout: Seconds that it may take.
        asked_at: When it was asked for, in seconds since the epoch.
        asked: The same by ``time.monotonic``.
        deadline: When it has to have ended, by the same.
    """

    def __init__(
        self,
        hook: Callable[[], Any],
        redact: boundary.Redact,
        timeout: float,
        watch: Watch | None,
        on_overdue: Callable[[str], object],
    ) -> None:
        super().__init__(hook, convert=partial(to_plain_status, redact=redact), watch=watch)
        self.timeout = timeout
        self._on_overdue = on_overdue
        self.asked_at, self.asked = time.time(), time.monotonic()
        self.deadline = self.asked + timeout

    @property
    def age(self) -> float:
        return time.monotonic() - self.asked

    def answer(self, timeout: float | None) -> HealthStatus:
        """Return the plugin's status after waiting for ``timeout`` seconds; past its own deadline, cancel the call."""
        if self.ended is not None:
            return self._status(self.ended - (self.began or self.asked))
        waited = f"in {min(self.timeout, timeout or self.timeout):g} s"
        if time.monotonic() >= self.deadline:
            if not self.detached and self.detach():
                self._on_overdue(f"no answer in {self.timeout:g} s")
            waited = f"in {self.timeout:g} s" if self.age < self.timeout + 1 else f"for {self.age:.0f} s"
        return _unhealthy(f"no answer {waited}", seconds=self.age, time=self.asked_at)

    def _status(self, seconds: float) -> HealthStatus:
        if (error := self.exception()) is not None:
            return _unhealthy(f"health_check raised {error}", seconds=seconds, time=self.asked_at)
        value = self.result()
        if isinstance(value, str):
            return _unhealthy(value, seconds=seconds, time=self.asked_at)
        return attrs.evolve(value, seconds=seconds, time=self.asked_at)


def to_plain_status(value: Any, redact: boundary.Redact) -> HealthStatus | str:
    """Copy a plugin's status as plain values; return why that cannot be as text. For the plugin's own thread."""
    if not issubclass(type(value), HealthStatus):
        return f"health_check returned an object of type {type_name(value)}, and must return HealthStatus"
    try:
        state, default = value.state, value.default is True
        message, details = redact(safe_str(value.message)), boundary.to_plain(value.details, redact)
        return HealthStatus(state, message, details, default=default)
    except BaseException as error:  # noqa: BLE001 a subclass may raise anything
        return f"the status that health_check returned cannot be read: {boundary.describe(error, redact)}"


def check(  # noqa: PLR0913 the last two are keyword-only
    parts: Parts,
    request: Request[Any],
    refs: Iterable[PluginRef],
    timeout: float | None = None,
    *,
    max_age: float = 0.0,
    missing: Mapping[PluginRef, PluginError] = MappingProxyType({}),
) -> HealthReport:
    """Return the health of ``refs``, asked all at once.

    Answers within ``timeout`` seconds, or the plugins' own deadlines if that is None (5 s by default). A plugin is
    not asked again while a check of it is under way: who comes later shares its answer. An answer that is not older
    than ``max_age`` seconds is given again; each has its ``time``. Plugins that ask for the caller's thread are
    asked last, and have no deadline. Required plugins that are ``missing`` are unhealthy, with the reason.

    Raises:
        ValueError: ``timeout`` is not a number of seconds.
    """
    if timeout is not None:
        timeout = check_timeout(timeout)
    entries = parts.store.entries()
    asked = {ref: entries[ref] for ref in sorted(set(refs)) if ref in entries}
    with parts.store.events.stage(Stage.CHECK):
        report = _HealthRound(parts, request, timeout, max_age).ask_all(asked)
    if not missing:
        return report
    absent = {ref: _unhealthy(f"it is required, and missing: {error.message}") for ref, error in missing.items()}
    return attrs.evolve(report, state=HealthState.UNHEALTHY, statuses={**absent, **report.statuses})


@attrs.define(eq=False)
class _HealthRound:
    parts: Parts
    request: Request[Any]
    timeout: float | None
    max_age: float
    asked_at: float = attrs.field(factory=time.time)
    begun: float = attrs.field(factory=time.monotonic)

    def ask_all(self, entries: Mapping[PluginRef, Entry]) -> HealthReport:
        last = {ref for ref, entry in entries.items() if entry.runs_on_caller}
        asked = {ref: self.ask(entries[ref]) for ref in sorted(entries, key=lambda ref: (ref in last, ref))}
        self._wait([found for found in asked.values() if isinstance(found, _Check)])
        statuses = {
            ref: found if isinstance(found := asked[ref], HealthStatus) else found.answer(self.timeout)
            for ref in entries
        }
        seconds = time.monotonic() - self.begun
        return HealthReport(state=_overall(entries, statuses), statuses=statuses, seconds=seconds, time=self.asked_at)

    def _wait(self, checks: list[_Check]) -> None:
        """Wait for the checks, each until its own deadline, those of others at most for this round's timeout."""
        end = math.inf if self.timeout is None else self.begun + self.timeout
        for each in checks:
            # A check of this round has the round's timeout, and began a moment later.
            deadline = min(each.deadline, end) if each.asked < self.begun else each.deadline
            left = max(deadline - time.monotonic(), 0.0)
            if not each.done():
                either: list[futures.Future[Any]] = [each, self.request.interrupted]
                futures.wait(either, left, futures.FIRST_COMPLETED)
            if self.request.interrupted.done():
                raise InterruptedRequestError

    def ask(self, entry: Entry) -> _Check | HealthStatus:
        if entry.state is not PluginState.STARTED:
            reason = f": {entry.error.message}" if entry.error is not None else ""
            return _unhealthy(f"it is not started, but {entry.state}{reason}")
        timeout = self.timeout or self.parts.store.timeout(entry, Stage.CHECK)
        if entry.runs_on_caller and time.monotonic() - self.begun > timeout:
            return _unhealthy(f"not asked: the {timeout:g} s were over")
        hook = self.parts.hook(entry, "health_check")
        found, mine = self.begin_or_join(entry, timeout, hook)
        if not mine or not isinstance(found, _Check):
            return found
        if entry.runs_on_caller and not is_default(hook):
            self.request.run_on_caller(entry.worker, found)
            found.wait()
        elif is_default(hook) or entry.worker.is_current_thread:
            entry.worker.run_in_caller_thread(found)
        else:
            entry.worker.enqueue(found)
        return found

    def begin_or_join(
        self, entry: Entry, timeout: float, hook: Callable[[], Any]
    ) -> tuple[_Check | HealthStatus, bool]:
        """Return the check to wait for, and whether the caller is to make it."""
        worker = entry.worker
        with _lock:
            previous: _Check | None = entry.check
            if previous is not None and not previous.done():
                is_own = worker.is_current_thread or self.request.caller is worker
                return (_unhealthy("it is being asked by this very call") if is_own else previous), False
            if previous is not None and previous.age <= self.max_age:
                return previous, False
            overdue = worker.overdue
            if overdue is not None:
                return _unhealthy(f"its thread is busy with an earlier call, which began {overdue:.0f} s ago"), False
            watch, events = None, self.parts.store.events
            if not is_default(hook):
                hook = self.parts.coordinator.in_plugin_context(entry.ref, hook)
                watch = events.call(entry.ref, Stage.CHECK, None if entry.runs_on_caller else timeout)
            on_overdue = partial(events.overdue, entry.ref, Stage.CHECK)
            entry.check = fresh = _Check(hook, worker.background.redact, timeout, watch, on_overdue)
            return fresh, True


def _unhealthy(message: str, *, seconds: float | None = None, time: float | None = None) -> HealthStatus:
    return HealthStatus(HealthState.UNHEALTHY, message, seconds=seconds, time=time)


def _overall(entries: Mapping[PluginRef, Entry], statuses: Mapping[PluginRef, HealthStatus]) -> HealthState:
    """Return the worst state of the required plugins; optional ones can only degrade."""
    states = {(entries[ref].required, status.state) for ref, status in statuses.items()}
    if (True, HealthState.UNHEALTHY) in states:
        return HealthState.UNHEALTHY
    return HealthState.DEGRADED if any(state is not HealthState.HEALTHY for _, state in states) else HealthState.HEALTHY


def outcomes(report: HealthReport, required: Collection[PluginRef] = ()) -> tuple[Outcome, ...]:
    """Return a health report as one outcome per plugin; the check of an unhealthy one has failed."""
    return tuple(
        Outcome(
            ref=ref,
            stage=Stage.CHECK,
            state=OutcomeState.FAILED if status.state is HealthState.UNHEALTHY else OutcomeState.SUCCEEDED,
            message=status.message,
            required=ref in required,
            seconds=status.seconds or 0.0,
            health=status,
        )
        for ref, status in report.statuses.items()
    )
