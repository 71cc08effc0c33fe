"""Stop plugins, each after all that depend on it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.errors import PluginError, PluginShutdownError, PluginTimeoutError
from floe_plugins.execution.boundary import ForeignError, caused_by
from floe_plugins.execution.executor import Driver, Executor, Task, TaskRun, completed
from floe_plugins.execution.shield import Request
from floe_plugins.lifecycle.coordinator import Operation, StartedPlugin, Transition
from floe_plugins.lifecycle.parts import Parts, timeout_error


def stop(
    parts: Parts, request: Request[Any], operation: Operation, refs: Iterable[PluginRef] | None = None
) -> LifecycleReport:
    """Stop the started ones among ``refs`` (None: all), and those that depend on them.

    Raises:
        InterruptedRequestError: The request was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    coordinator = parts.coordinator
    running = coordinator.running()
    wanted = set(running) if refs is None else coordinator.dependents_of(tuple(refs))
    sequence = [ref for ref in reversed(running) if ref in wanted]
    waits_for: dict[PluginRef, list[PluginRef]] = {ref: [] for ref in sequence}
    for ref in sequence:
        for other in running[ref].predecessors & waits_for.keys():
            waits_for[other].append(ref)
    would_deadlock = coordinator.announce(operation, waits_for)
    total = parts.deadlines.total("shutdown_total")
    deadline = math.inf if total is None else begun + total
    stopper = _Stopper(parts, request, running, waits_for, begun, would_deadlock, deadline)
    executor = Executor(sequence, waits_for, stopper, request=request, workers=parts.workers, deadline=deadline)
    try:
        results = executor.run()
    finally:
        stopper.release()
    outcomes = tuple(results[ref] for ref in sequence)
    return LifecycleReport(outcomes=outcomes, seconds=time.monotonic() - begun, time=began_at)


@attrs.define(eq=False)
class _Stopper(Driver[PluginRef, Outcome]):
    parts: Parts
    request: Request[Any]
    running: Mapping[PluginRef, StartedPlugin]
    waits_for: Mapping[PluginRef, list[PluginRef]]
    begun: float
    would_deadlock: frozenset[PluginRef]
    deadline: float
    _transitions: dict[PluginRef, Transition] = attrs.field(factory=dict, init=False)

    def begin(self, node: PluginRef) -> Task | Future[Outcome]:
        entry = self.running[node].entry
        if node in self.would_deadlock:
            return completed(
                self._outcome(node, OutcomeState.SKIPPED, "it waits for the plugin whose code asks for it")
            )
        transition, mine = self.parts.coordinator.begin_or_join(entry)
        if not mine:
            return transition.done
        self._transitions[node] = transition
        if not self.parts.coordinator.is_running(node):
            return self._finish(self._outcome(node, OutcomeState.SUCCEEDED, "it was stopped before"))
        loop_error = self.parts.event_loop_error(entry, self.request)
        if loop_error is not None:
            error = self._error(node, loop_error.message, None)
            return self._finish(self._outcome(node, OutcomeState.FAILED, error.message, error))
        # Its own thread may still be busy: the stop then waits in the queue, and is made when the thread is free.
        return self.parts.hook_task(entry, Stage.STOP, cancel_unstarted=False)

    def ended(self, node: PluginRef, run: TaskRun) -> Task | Future[Outcome]:
        error = run.call.error if run.call is not None else None
        if error is not None:
            return self._fail(node, self._error(node, f"shutdown raised {error}", error), run)
        wrong = run.call.result() if run.call is not None else None
        if wrong is not None:
            return self._fail(node, self._error(node, f"shutdown returned {wrong}", None), run)
        return self._finish(self._outcome(node, OutcomeState.SUCCEEDED, run=run), state=PluginState.STOPPED)

    def overdue(self, node: PluginRef, run: TaskRun) -> Task | Future[Outcome]:
        return self._fail(node, timeout_error(self.running[node].entry, run, Stage.STOP), run)

    def interrupted(self, node: PluginRef, run: TaskRun) -> None:
        self._fail(node, self._error(node, "its stop was interrupted", None), run)

    def release(self) -> None:
        """Finish the transitions that did not begin."""
        for ref in list(self._transitions):
            self._finish(self._outcome(ref, OutcomeState.SKIPPED, "the stop was interrupted"))

    def _error(self, ref: PluginRef, message: str, cause: BaseException | None) -> PluginShutdownError:
        error = PluginShutdownError(message, ref=ref, distribution=self.running[ref].entry.distribution)
        if isinstance(cause, ForeignError):
            return caused_by(error, cause)
        error.__cause__ = cause
        return error

    def _fail(self, ref: PluginRef, error: PluginError, run: TaskRun) -> Future[Outcome]:
        late = isinstance(error, PluginTimeoutError)
        state = OutcomeState.TIMED_OUT if late else OutcomeState.FAILED
        return self._finish(self._outcome(ref, state, error.message, error, run), state=PluginState.FAILED, error=error)

    def _outcome(
        self,
        ref: PluginRef,
        state: OutcomeState,
        message: str = "",
        cause: PluginError | None = None,
        run: TaskRun | None = None,
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
            seconds=run.seconds if run else 0.0,
            began=run.began - self.begun if run else None,
            attempts=1 if run and run.has_begun else 0,
            waited_for=tuple(sorted(self.waits_for[ref])),
        )

    def _finish(
        self, outcome: Outcome, *, state: PluginState | None = None, error: PluginError | None = None
    ) -> Future[Outcome]:
        transition = self._transitions.pop(outcome.ref)
        if state is not None:
            transition.entry.worker.close()
        return completed(self.parts.coordinator.finish(transition, outcome, state=state, error=error))
