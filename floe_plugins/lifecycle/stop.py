"""Stops plugins, each after all that need it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.safe_text import describe_error
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.errors import PluginError, PluginShutdownError, PluginTimeoutError
from floe_plugins.execution.executor import Executor, Task, TaskRun
from floe_plugins.lifecycle.coordinator import Coordinator, Operation, StartedPlugin, Transition
from floe_plugins.lifecycle.supervision import Host, asks_for_caller, is_default, timed_out

# The deadline in seconds where what the plugin declares is none.
_FALLBACK = 30.0


def stop(
    host: Host, coordinator: Coordinator, operation: Operation, refs: Iterable[PluginRef] | None = None
) -> LifecycleReport:
    """Stop the started ones among ``refs`` (None: all), and what cannot do without them.

    Raises:
        KeyboardInterrupt: the waiting thread, or a plugin, was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    running = coordinator.running()
    wanted = set(running) if refs is None else coordinator.dependents_of(tuple(refs))
    sequence = [ref for ref in reversed(running) if ref in wanted]
    after = {ref: [other for other in sequence if ref in running[other].predecessors] for ref in sequence}
    would_deadlock = coordinator.announce(operation, after)
    stopper = _Stopper(host, coordinator, running, after, begun, would_deadlock)
    executor: Executor[PluginRef, Outcome] = Executor(sequence, after, stopper, workers=host.workers, result=Outcome)
    try:
        results = executor.run()
    finally:
        stopper.release()
    outcomes = tuple(results[ref] for ref in sequence)
    return LifecycleReport(outcomes=outcomes, seconds=time.monotonic() - begun, time=began_at)


@attrs.define(eq=False)
class _Stopper:
    host: Host
    coordinator: Coordinator
    running: Mapping[PluginRef, StartedPlugin]
    after: Mapping[PluginRef, list[PluginRef]]
    begun: float
    would_deadlock: frozenset[PluginRef]
    _transitions: dict[PluginRef, Transition] = attrs.field(factory=dict, init=False)

    def begin(self, ref: PluginRef) -> Task | Transition | Outcome:
        entry = self.running[ref].entry
        if ref in self.would_deadlock:
            return self._outcome(ref, OutcomeState.SKIPPED, "it waits for the plugin whose code asks for it")
        transition, mine = self.coordinator.begin_or_join(entry)
        if not mine:
            return transition
        self._transitions[ref] = transition
        if not self.coordinator.is_running(ref):
            return self._finish(self._outcome(ref, OutcomeState.SUCCEEDED, "it was stopped before"))
        hook = self.host.hook(entry, "shutdown")
        return Task(
            worker=entry.worker,
            function=self.coordinator.in_plugin_context(ref, hook),
            timeout=self._timeout(ref),
            caller_thread=is_default(hook) or asks_for_caller(entry),
            cancel_unstarted=False,
        )

    def _timeout(self, ref: PluginRef) -> float | None:
        try:
            return self.host.timeout(self.running[ref].entry, Stage.STOP)
        except Exception:  # noqa: BLE001 a deadline that is no number has kept it from starting, or came later
            return _FALLBACK

    def ended(self, ref: PluginRef, run: TaskRun) -> Outcome:
        error = run.call.error
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is not None:
            return self._fail(
                ref,
                self._failure(
                    ref, f"shutdown raised {self.host.redact(self.running[ref].entry, describe_error(error))}", error
                ),
                run,
            )
        value = run.call.result()
        if value is not None:
            shown = f"shutdown returned an object of type {type(value).__qualname__}, and must return None"
            return self._fail(ref, self._failure(ref, shown, None), run)
        outcome = self._outcome(ref, OutcomeState.SUCCEEDED, run=run)
        return self._finish(outcome, state=PluginState.STOPPED)

    def overdue(self, ref: PluginRef, run: TaskRun) -> Outcome:
        return self._fail(ref, timed_out(self.running[ref].entry, run, Stage.STOP, "shutdown"), run)

    def interrupted(self, ref: PluginRef, run: TaskRun) -> None:
        self._fail(ref, self._failure(ref, "its stop was interrupted", run.call.error), run)

    def release(self) -> None:
        """Let go of what was claimed and not begun."""
        for ref in list(self._transitions):
            self._finish(self._outcome(ref, OutcomeState.SKIPPED, "the stop was interrupted"))

    def _failure(self, ref: PluginRef, message: str, cause: BaseException | None) -> PluginShutdownError:
        error = PluginShutdownError(message, ref=ref, distribution=self.running[ref].entry.distribution)
        error.__cause__ = cause
        return error

    def _fail(self, ref: PluginRef, error: PluginError, run: TaskRun) -> Outcome:
        late = isinstance(error, PluginTimeoutError)
        state = OutcomeState.TIMED_OUT if late else OutcomeState.FAILED
        outcome = self._outcome(ref, state, error.message, error, run)
        return self._finish(outcome, state=PluginState.FAILED, error=error)

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
            attempts=run.attempts if run else 0,
            waited_for=tuple(sorted(self.after[ref])),
        )

    def _finish(
        self, outcome: Outcome, *, state: PluginState | None = None, error: PluginError | None = None
    ) -> Outcome:
        transition = self._transitions.pop(outcome.ref)
        if state is not None:
            transition.entry.worker.close()
        return self.coordinator.finish(transition, outcome, state=state, error=error)
