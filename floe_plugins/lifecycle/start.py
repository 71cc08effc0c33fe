"""Starts plugins with all that they need, each as soon as its dependencies run."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.safe_text import told
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import Need, Plan, resolve
from floe_plugins.errors import (
    MissingDependencyError,
    PluginConfigurationError,
    PluginError,
    PluginStartupError,
    PluginTimeoutError,
    PluginUnavailableError,
)
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.executor import Attempt, Retry, Schedule, Task
from floe_plugins.lifecycle.coordinator import Act, Operation, Operations, Running
from floe_plugins.lifecycle.prepare import Loading, configure
from floe_plugins.lifecycle.supervision import Host, asks_for_caller, busy, is_default, timed_out

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_WHY = {
    Stage.LOAD: "could not be loaded",
    Stage.CONFIGURE: "could not be configured",
    Stage.RESOLVE: "cannot be started",
    Stage.START: "failed to start",
}


def start(host: Host, operations: Operations, operation: Operation, refs: Iterable[PluginRef]) -> LifecycleReport:
    """Start ``refs`` and what they need; the report has an outcome for each of them.

    Raises:
        PluginConfigurationError: the operator's configuration is wrong; nothing was started.
        KeyboardInterrupt: the waiting thread, or a plugin, was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    loading = Loading(host, operations, operation)
    plan = resolve(host, refs, loading.load)
    loaded = time.monotonic()
    faults = configure(host, operations, plan)
    host.review(faults)
    configured = time.monotonic()
    shunned = operations.announce(operation, plan.after)
    starter = _Starter(host, operations, operation, plan, {**loading.errors, **faults}, begun, shunned)
    schedule: Schedule[PluginRef, Outcome] = Schedule(
        plan.order, plan.after, starter, workers=host.workers, result=Outcome
    )
    try:
        results = schedule.run()
    finally:
        starter.release()
    return LifecycleReport(
        outcomes=tuple(results[ref] for ref in plan.order),
        seconds=time.monotonic() - begun,
        load_seconds=loaded - begun,
        configure_seconds=configured - loaded,
        time=began_at,
    )


@attrs.define(eq=False)
class _Starter:
    """The driver of a start.

    Attributes:
        errors: why plugins could not be loaded or configured.
        begun: when the whole start began, by ``time.monotonic``.
        shunned: the plugins that wait for the one whose code asks for this start.
    """

    host: Host
    operations: Operations
    operation: Operation
    plan: Plan
    errors: Mapping[PluginRef, PluginError]
    begun: float
    shunned: frozenset[PluginRef]
    _outcomes: dict[PluginRef, Outcome] = attrs.field(factory=dict, init=False)
    _acts: dict[PluginRef, Act] = attrs.field(factory=dict, init=False)

    def begin(self, ref: PluginRef) -> Task | Act | Outcome:
        """Claim the plugin, and see what stands in its way."""
        entry = self.plan.entries[ref]
        if not self.operations.is_running(ref) and ref in self.shunned:
            reason = "it waits for the plugin whose code asks for it"
            return self._keep(self._outcome(entry, OutcomeState.SKIPPED, reason))
        act, mine = self.operations.claim(entry)
        if not mine:
            act.when_done(self._keep)
            return act
        self._acts[ref] = act
        if self.operations.is_running(ref):
            return self._settle(self._outcome(entry, OutcomeState.SUCCEEDED, "it was started before"))
        try:
            return self._hindrance(entry) or self._task(entry)
        except Exception as error:  # noqa: BLE001 such as a deadline of the plugin's class that is no number
            return self._fail(entry, _failure(entry, f"it cannot be started: {self._told(entry, error)}", error))

    def _hindrance(self, entry: Entry) -> Outcome | None:
        error = self.errors.get(entry.ref) or self.plan.faults.get(entry.ref)
        if isinstance(error, MissingDependencyError):
            return self._skip(entry, error)
        if error is not None:
            return self._fail(entry, error)
        for need in self.plan.needs[entry.ref]:
            if not any(self._outcomes[ref].ok for ref in need.refs):
                return self._skip(entry, self._unmet(entry, need))
        if self.operations.is_ending:
            return self._settle(self._outcome(entry, OutcomeState.SKIPPED, "everything is being stopped"))
        overdue = entry.worker.overdue
        return None if overdue is None else self._fail(entry, busy(entry, overdue, PluginStartupError))

    def _task(self, entry: Entry) -> Task:
        hook = self.host.hook(entry, "startup")
        return Task(
            worker=entry.worker,
            function=self.operations.within(entry.ref, hook),
            timeout=self.host.timeout(entry, Stage.START),
            here=is_default(hook) or asks_for_caller(entry),
            late=self._undo(entry),
        )

    def _undo(self, entry: Entry) -> Callable[[object], Any]:
        def shut_down(_result: object) -> Any:
            log("warning", "%s has started too late and is shut down again", entry.ref)
            return self.host.hook(entry, "shutdown")()

        return shut_down

    def ended(self, ref: PluginRef, attempt: Attempt) -> Retry | Outcome:
        """Say what the hook came to, or ask for another try."""
        entry, error = self.plan.entries[ref], attempt.call.error
        if error is None:
            return self._returned(entry, attempt)
        if isinstance(error, KeyboardInterrupt):
            raise error
        if isinstance(error, PluginUnavailableError):
            pause = _pause(attempt, error)
            if pause is not None and not self.operations.is_ending:
                return Retry(pause)
            tries = f"{attempt.tries} {'try' if attempt.tries == 1 else 'tries'}"
            message = (
                f"what it needs is not available after {tries} in {attempt.seconds:.1f} s: {self._told(entry, error)}"
            )
            return self._fail(entry, _failure(entry, message, error), attempt)
        return self._fail(entry, _failure(entry, f"startup raised {self._told(entry, error)}", error), attempt)

    def _told(self, entry: Entry, error: BaseException) -> str:
        text: str = self.host.conceal(entry, told(error))
        return text

    def _returned(self, entry: Entry, attempt: Attempt) -> Outcome:
        value = attempt.call.result()
        if value is None:
            after = self.plan.after[entry.ref]
            needs = frozenset(ref for need in self.plan.needs[entry.ref] for ref in need.refs)
            outcome = self._outcome(entry, OutcomeState.SUCCEEDED, attempt=attempt)
            self.operation.started.append(entry.ref)
            return self._settle(outcome, state=PluginState.STARTED, running=Running(entry, after, needs))
        message = f"startup returned an object of type {type(value).__qualname__}, and must return None"
        if isinstance(value, (types.GeneratorType, types.AsyncGeneratorType)):
            message = f"startup returned a {type(value).__name__}: it contains a yield, and nothing of it has run"
        else:
            self._shut_down(entry, attempt)
        return self._fail(entry, _failure(entry, message, None, "Tell the plugin's author."), attempt)

    def _shut_down(self, entry: Entry, attempt: Attempt) -> None:
        call = self.operations.within(entry.ref, self.host.hook(entry, "shutdown"))
        if attempt.task.here:
            entry.worker.here(call)
        else:
            entry.worker.submit(call)

    def overdue(self, ref: PluginRef, attempt: Attempt) -> Outcome:
        """The plugin has failed; if its start ends after all, it is shut down."""
        entry = self.plan.entries[ref]
        return self._fail(entry, timed_out(entry, attempt, Stage.START, "startup"), attempt)

    def interrupted(self, ref: PluginRef, attempt: Attempt) -> None:
        """The plugin has failed; if its start ended unseen, or ends later, it is shut down."""
        entry, call = self.plan.entries[ref], attempt.call
        if call.ended is not None and call.error is None:
            self._shut_down(entry, attempt)
        self._fail(entry, _failure(entry, "its start was interrupted", call.error), attempt)

    def release(self) -> None:
        """Let go of what was claimed and not begun."""
        for ref in list(self._acts):
            self._settle(self._outcome(self.plan.entries[ref], OutcomeState.SKIPPED, "the start was interrupted"))

    def _unmet(self, entry: Entry, need: Need) -> PluginError:
        failures = [self._outcomes[ref] for ref in need.refs]
        reasons = [
            f"{'was skipped' if each.state is OutcomeState.SKIPPED else _WHY[each.stage]}: {each.message}"
            for each in failures
        ]
        if len(failures) == 1:
            message = f"needs {failures[0].ref}, which {reasons[0]}"
        else:
            each = "; ".join(f"{o.ref} {reason}" for o, reason in zip(failures, reasons, strict=True))
            message = f"needs a plugin of the category {need.text}, and none runs: {each}"
        error = MissingDependencyError(message, ref=entry.ref, distribution=entry.distribution, requirement=need.text)
        error.__cause__ = failures[0].cause
        return error

    def _skip(self, entry: Entry, error: PluginError) -> Outcome:
        outcome = self._outcome(entry, OutcomeState.SKIPPED, error.message, error)
        return self._settle(outcome, state=PluginState.SKIPPED, error=error)

    def _fail(self, entry: Entry, error: PluginError, attempt: Attempt | None = None) -> Outcome:
        late = isinstance(error, PluginTimeoutError)
        state = OutcomeState.TIMED_OUT if late else OutcomeState.FAILED
        outcome = self._outcome(entry, state, error.message, error, attempt)
        if entry.plugin is None:
            return self._settle(outcome)  # loading has said so already
        return self._settle(outcome, state=PluginState.FAILED, error=error)

    def _outcome(
        self,
        entry: Entry,
        state: OutcomeState,
        message: str = "",
        cause: PluginError | None = None,
        attempt: Attempt | None = None,
    ) -> Outcome:
        return Outcome(
            ref=entry.ref,
            stage=_stage(cause, entry),
            state=state,
            message=message,
            cause=cause,
            distribution=entry.distribution,
            required=entry.required,
            seconds=attempt.seconds if attempt else 0.0,
            load_seconds=entry.load_seconds,
            configure_seconds=entry.configure_seconds,
            began=attempt.began - self.begun if attempt else None,
            tries=attempt.tries if attempt else 0,
            needs=tuple(sorted(self.plan.after[entry.ref])),
        )

    def _settle(
        self,
        outcome: Outcome,
        *,
        state: PluginState | None = None,
        error: PluginError | None = None,
        running: Running | None = None,
    ) -> Outcome:
        act = self._acts.pop(outcome.ref)
        self.operations.settle(act, outcome, state=state, error=error, running=running)
        return self._keep(outcome)

    def _keep(self, outcome: Outcome) -> Outcome:
        self._outcomes[outcome.ref] = outcome
        return outcome


def _failure(entry: Entry, message: str, cause: BaseException | None, hint: str = "") -> PluginStartupError:
    error = PluginStartupError(message, ref=entry.ref, distribution=entry.distribution, hint=hint)
    error.__cause__ = cause
    return error


def _pause(attempt: Attempt, error: PluginUnavailableError) -> float | None:
    """How long to wait before the next try; None if there is no time for one."""
    left = attempt.deadline - attempt.began - attempt.seconds
    if isinstance(error.retry_after, (int, float)):
        wanted = max(error.retry_after, 0.0)
        return wanted if wanted < left else None
    pause = min(_FIRST_PAUSE * 2 ** min(attempt.tries - 1, 10), _LONGEST_PAUSE, left / 2)
    return pause if pause >= _FIRST_PAUSE / 2 else None


def _stage(error: PluginError | None, entry: Entry) -> Stage:
    if isinstance(error, PluginTimeoutError):
        return Stage(error.stage)
    if isinstance(error, PluginConfigurationError):
        return Stage.CONFIGURE
    if isinstance(error, PluginStartupError) or error is None:
        return Stage.START
    return Stage.LOAD if entry.plugin is None else Stage.RESOLVE
