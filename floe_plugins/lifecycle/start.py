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
from floe_plugins.core.safe_text import describe_error
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import Dependency, StartPlan, resolve
from floe_plugins.errors import (
    MissingDependencyError,
    PluginConfigurationError,
    PluginError,
    PluginStartupError,
    PluginTimeoutError,
    PluginUnavailableError,
)
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.executor import Executor, Retry, Task, TaskRun
from floe_plugins.lifecycle.coordinator import Coordinator, Operation, StartedPlugin, Transition
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


def start(host: Host, coordinator: Coordinator, operation: Operation, refs: Iterable[PluginRef]) -> LifecycleReport:
    """Start ``refs`` and what they need; the report has an outcome for each of them.

    Raises:
        PluginConfigurationError: the operator's configuration is wrong; nothing was started.
        KeyboardInterrupt: the waiting thread, or a plugin, was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    loading = Loading(host, coordinator, operation)
    plan = resolve(host, refs, loading.load)
    loaded = time.monotonic()
    errors = configure(host, coordinator, plan)
    host.review(errors)
    configured = time.monotonic()
    would_deadlock = coordinator.announce(operation, plan.predecessors)
    starter = _Starter(host, coordinator, operation, plan, {**loading.errors, **errors}, begun, would_deadlock)
    executor: Executor[PluginRef, Outcome] = Executor(
        plan.order, plan.predecessors, starter, workers=host.workers, result=Outcome
    )
    try:
        results = executor.run()
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
        would_deadlock: the plugins that wait for the one whose code asks for this start.
    """

    host: Host
    coordinator: Coordinator
    operation: Operation
    plan: StartPlan
    errors: Mapping[PluginRef, PluginError]
    begun: float
    would_deadlock: frozenset[PluginRef]
    _outcomes: dict[PluginRef, Outcome] = attrs.field(factory=dict, init=False)
    _transitions: dict[PluginRef, Transition] = attrs.field(factory=dict, init=False)

    def begin(self, ref: PluginRef) -> Task | Transition | Outcome:
        """Claim the plugin, and see what stands in its way."""
        entry = self.plan.entries[ref]
        if not self.coordinator.is_running(ref) and ref in self.would_deadlock:
            reason = "it waits for the plugin whose code asks for it"
            return self._keep(self._outcome(entry, OutcomeState.SKIPPED, reason))
        transition, mine = self.coordinator.begin_or_join(entry)
        if not mine:
            transition.when_done(self._keep)
            return transition
        self._transitions[ref] = transition
        if self.coordinator.is_running(ref):
            return self._finish(self._outcome(entry, OutcomeState.SUCCEEDED, "it was started before"))
        try:
            return self._obstacle(entry) or self._task(entry)
        except Exception as error:  # noqa: BLE001 such as a deadline of the plugin's class that is no number
            return self._fail(
                entry, _failure(entry, f"it cannot be started: {self._describe_error(entry, error)}", error)
            )

    def _obstacle(self, entry: Entry) -> Outcome | None:
        error = self.errors.get(entry.ref) or self.plan.errors.get(entry.ref)
        if isinstance(error, MissingDependencyError):
            return self._skip(entry, error)
        if error is not None:
            return self._fail(entry, error)
        for need in self.plan.dependencies[entry.ref]:
            if not any(self._outcomes[ref].ok for ref in need.refs):
                return self._skip(entry, self._unmet(entry, need))
        if self.coordinator.is_ending:
            return self._finish(self._outcome(entry, OutcomeState.SKIPPED, "everything is being stopped"))
        overdue = entry.worker.overdue
        return None if overdue is None else self._fail(entry, busy(entry, overdue, PluginStartupError))

    def _task(self, entry: Entry) -> Task:
        hook = self.host.hook(entry, "startup")
        return Task(
            worker=entry.worker,
            function=self.coordinator.in_plugin_context(entry.ref, hook),
            timeout=self.host.timeout(entry, Stage.START),
            caller_thread=is_default(hook) or asks_for_caller(entry),
            on_late_result=self._undo(entry),
        )

    def _undo(self, entry: Entry) -> Callable[[object], Any]:
        def shut_down(_result: object) -> Any:
            log("warning", "%s has started too late and is shut down again", entry.ref)
            return self.host.hook(entry, "shutdown")()

        return shut_down

    def ended(self, ref: PluginRef, run: TaskRun) -> Retry | Outcome:
        """Say what the hook came to, or ask for another try."""
        entry, error = self.plan.entries[ref], run.call.error
        if error is None:
            return self._returned(entry, run)
        if isinstance(error, KeyboardInterrupt):
            raise error
        if isinstance(error, PluginUnavailableError):
            pause = _pause(run, error)
            if pause is not None and not self.coordinator.is_ending:
                return Retry(pause)
            attempts = f"{run.attempts} {'try' if run.attempts == 1 else 'tries'}"
            reason = self._describe_error(entry, error)
            message = f"unavailable after {attempts} in {run.seconds:.1f} s: {reason}"
            return self._fail(entry, _failure(entry, message, error), run)
        return self._fail(entry, _failure(entry, f"startup raised {self._describe_error(entry, error)}", error), run)

    def _describe_error(self, entry: Entry, error: BaseException) -> str:
        text: str = self.host.redact(entry, describe_error(error))
        return text

    def _returned(self, entry: Entry, run: TaskRun) -> Outcome:
        value = run.call.result()
        if value is None:
            predecessors = self.plan.predecessors[entry.ref]
            dependencies = frozenset(ref for need in self.plan.dependencies[entry.ref] for ref in need.refs)
            outcome = self._outcome(entry, OutcomeState.SUCCEEDED, run=run)
            self.operation.started.append(entry.ref)
            return self._finish(
                outcome, state=PluginState.STARTED, running=StartedPlugin(entry, predecessors, dependencies)
            )
        message = f"startup returned an object of type {type(value).__qualname__}, and must return None"
        if isinstance(value, (types.GeneratorType, types.AsyncGeneratorType)):
            message = f"startup returned a {type(value).__name__}: it contains a yield, and nothing of it has run"
        else:
            self._shut_down(entry, run)
        return self._fail(entry, _failure(entry, message, None, "Tell the plugin's author."), run)

    def _shut_down(self, entry: Entry, run: TaskRun) -> None:
        call = self.coordinator.in_plugin_context(entry.ref, self.host.hook(entry, "shutdown"))
        if run.task.caller_thread:
            entry.worker.run_in_caller_thread(call)
        else:
            entry.worker.submit(call)

    def overdue(self, ref: PluginRef, run: TaskRun) -> Outcome:
        """The plugin has failed; if its start ends after all, it is shut down."""
        entry = self.plan.entries[ref]
        return self._fail(entry, timed_out(entry, run, Stage.START, "startup"), run)

    def interrupted(self, ref: PluginRef, run: TaskRun) -> None:
        """The plugin has failed; if its start ended unseen, or ends later, it is shut down."""
        entry, call = self.plan.entries[ref], run.call
        if call.ended is not None and call.error is None:
            self._shut_down(entry, run)
        self._fail(entry, _failure(entry, "its start was interrupted", call.error), run)

    def release(self) -> None:
        """Let go of what was claimed and not begun."""
        for ref in list(self._transitions):
            self._finish(self._outcome(self.plan.entries[ref], OutcomeState.SKIPPED, "the start was interrupted"))

    def _unmet(self, entry: Entry, need: Dependency) -> PluginError:
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
        return self._finish(outcome, state=PluginState.SKIPPED, error=error)

    def _fail(self, entry: Entry, error: PluginError, run: TaskRun | None = None) -> Outcome:
        late = isinstance(error, PluginTimeoutError)
        state = OutcomeState.TIMED_OUT if late else OutcomeState.FAILED
        outcome = self._outcome(entry, state, error.message, error, run)
        if entry.plugin is None:
            return self._finish(outcome)  # loading has said so already
        return self._finish(outcome, state=PluginState.FAILED, error=error)

    def _outcome(
        self,
        entry: Entry,
        state: OutcomeState,
        message: str = "",
        cause: PluginError | None = None,
        run: TaskRun | None = None,
    ) -> Outcome:
        return Outcome(
            ref=entry.ref,
            stage=_stage(cause, entry),
            state=state,
            message=message,
            cause=cause,
            distribution=entry.distribution,
            required=entry.required,
            seconds=run.seconds if run else 0.0,
            load_seconds=entry.load_seconds,
            configure_seconds=entry.configure_seconds,
            began=run.began - self.begun if run else None,
            attempts=run.attempts if run else 0,
            waited_for=tuple(sorted(self.plan.predecessors[entry.ref])),
        )

    def _finish(
        self,
        outcome: Outcome,
        *,
        state: PluginState | None = None,
        error: PluginError | None = None,
        running: StartedPlugin | None = None,
    ) -> Outcome:
        transition = self._transitions.pop(outcome.ref)
        self.coordinator.finish(transition, outcome, state=state, error=error, running=running)
        return self._keep(outcome)

    def _keep(self, outcome: Outcome) -> Outcome:
        self._outcomes[outcome.ref] = outcome
        return outcome


def _failure(entry: Entry, message: str, cause: BaseException | None, hint: str = "") -> PluginStartupError:
    error = PluginStartupError(message, ref=entry.ref, distribution=entry.distribution, hint=hint)
    error.__cause__ = cause
    return error


def _pause(run: TaskRun, error: PluginUnavailableError) -> float | None:
    """How long to wait before the next try; None if there is no time for one."""
    left = run.deadline - run.began - run.seconds
    if isinstance(error.retry_after, (int, float)):
        wanted = max(error.retry_after, 0.0)
        return wanted if wanted < left else None
    pause = min(_FIRST_PAUSE * 2 ** min(run.attempts - 1, 10), _LONGEST_PAUSE, left / 2)
    return pause if pause >= _FIRST_PAUSE / 2 else None


def _stage(error: PluginError | None, entry: Entry) -> Stage:
    if isinstance(error, PluginTimeoutError):
        return Stage(error.stage)
    if isinstance(error, PluginConfigurationError):
        return Stage.CONFIGURE
    if isinstance(error, PluginStartupError) or error is None:
        return Stage.START
    return Stage.LOAD if entry.plugin is None else Stage.RESOLVE
