"""Stops plugins, each after all that need it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.safe_text import told
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.errors import PluginError, PluginShutdownError, PluginTimeoutError
from floe_plugins.execution.executor import Attempt, Schedule, Task
from floe_plugins.lifecycle.coordinator import Act, Operation, Operations, Running
from floe_plugins.lifecycle.supervision import Host, asks_for_caller, is_default, timed_out

# The deadline in seconds where what the plugin declares is none.
_FALLBACK = 30.0


def stop(
    host: Host, operations: Operations, operation: Operation, refs: Iterable[PluginRef] | None = None
) -> LifecycleReport:
    """Stop the started ones among ``refs`` (None: all), and what cannot do without them.

    Raises:
        KeyboardInterrupt: the waiting thread, or a plugin, was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    running = operations.running()
    wanted = set(running) if refs is None else operations.needing(tuple(refs))
    sequence = [ref for ref in reversed(running) if ref in wanted]
    after = {ref: [other for other in sequence if ref in running[other].after] for ref in sequence}
    shunned = operations.announce(operation, after)
    stopper = _Stopper(host, operations, running, after, begun, shunned)
    schedule: Schedule[PluginRef, Outcome] = Schedule(sequence, after, stopper, workers=host.workers, result=Outcome)
    try:
        results = schedule.run()
    finally:
        stopper.release()
    outcomes = tuple(results[ref] for ref in sequence)
    return LifecycleReport(outcomes=outcomes, seconds=time.monotonic() - begun, time=began_at)


@attrs.define(eq=False)
class _Stopper:
    host: Host
    operations: Operations
    running: Mapping[PluginRef, Running]
    after: Mapping[PluginRef, list[PluginRef]]
    begun: float
    shunned: frozenset[PluginRef]
    _acts: dict[PluginRef, Act] = attrs.field(factory=dict, init=False)

    def begin(self, ref: PluginRef) -> Task | Act | Outcome:
        entry = self.running[ref].entry
        if ref in self.shunned:
            return self._outcome(ref, OutcomeState.SKIPPED, "it waits for the plugin whose code asks for it")
        act, mine = self.operations.claim(entry)
        if not mine:
            return act
        self._acts[ref] = act
        if not self.operations.is_running(ref):
            return self._settle(self._outcome(ref, OutcomeState.SUCCEEDED, "it was stopped before"))
        hook = self.host.hook(entry, "shutdown")
        return Task(
            worker=entry.worker,
            function=self.operations.within(ref, hook),
            timeout=self._timeout(ref),
            here=is_default(hook) or asks_for_caller(entry),
            withdraw=False,
        )

    def _timeout(self, ref: PluginRef) -> float | None:
        try:
            return self.host.timeout(self.running[ref].entry, Stage.STOP)
        except Exception:  # noqa: BLE001 a deadline that is no number has kept it from starting, or came later
            return _FALLBACK

    def ended(self, ref: PluginRef, attempt: Attempt) -> Outcome:
        error = attempt.call.error
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is not None:
            return self._fail(
                ref,
                self._failure(ref, f"shutdown raised {self.host.conceal(self.running[ref].entry, told(error))}", error),
                attempt,
            )
        value = attempt.call.result()
        if value is not None:
            shown = f"shutdown returned an object of type {type(value).__qualname__}, and must return None"
            return self._fail(ref, self._failure(ref, shown, None), attempt)
        outcome = self._outcome(ref, OutcomeState.SUCCEEDED, attempt=attempt)
        return self._settle(outcome, state=PluginState.STOPPED)

    def overdue(self, ref: PluginRef, attempt: Attempt) -> Outcome:
        return self._fail(ref, timed_out(self.running[ref].entry, attempt, Stage.STOP, "shutdown"), attempt)

    def interrupted(self, ref: PluginRef, attempt: Attempt) -> None:
        self._fail(ref, self._failure(ref, "its stop was interrupted", attempt.call.error), attempt)

    def release(self) -> None:
        """Let go of what was claimed and not begun."""
        for ref in list(self._acts):
            self._settle(self._outcome(ref, OutcomeState.SKIPPED, "the stop was interrupted"))

    def _failure(self, ref: PluginRef, message: str, cause: BaseException | None) -> PluginShutdownError:
        error = PluginShutdownError(message, ref=ref, distribution=self.running[ref].entry.distribution)
        error.__cause__ = cause
        return error

    def _fail(self, ref: PluginRef, error: PluginError, attempt: Attempt) -> Outcome:
        late = isinstance(error, PluginTimeoutError)
        state = OutcomeState.TIMED_OUT if late else OutcomeState.FAILED
        outcome = self._outcome(ref, state, error.message, error, attempt)
        return self._settle(outcome, state=PluginState.FAILED, error=error)

    def _outcome(
        self,
        ref: PluginRef,
        state: OutcomeState,
        message: str = "",
        cause: PluginError | None = None,
        attempt: Attempt | None = None,
    ) -> Outcome:
        entry = self.running[ref].entry
        return Outcome(
            ref=ref,
            stage=Stage.STOP,
            state=state,
            message=message,
            cause=cause,
            distribution=entry.distribution,
            required=entry.required,
            seconds=attempt.seconds if attempt else 0.0,
            began=attempt.began - self.begun if attempt else None,
            tries=attempt.tries if attempt else 0,
            needs=tuple(sorted(self.after[ref])),
        )

    def _settle(
        self, outcome: Outcome, *, state: PluginState | None = None, error: PluginError | None = None
    ) -> Outcome:
        act = self._acts.pop(outcome.ref)
        if state is not None:
            act.entry.worker.close()
        return self.operations.settle(act, outcome, state=state, error=error)
