"""Start plugins with all that they depend on, each as soon as its dependencies run."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import attrs

from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import Dependency, StartPlan, resolve
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import (
    MissingDependencyError,
    PluginConfigurationError,
    PluginError,
    PluginStartupError,
    PluginTimeoutError,
)
from floe_plugins.execution.boundary import ForeignError, caused_by
from floe_plugins.execution.executor import Driver, Executor, Task, TaskRun, completed
from floe_plugins.execution.shield import InterruptedRequestError, Request
from floe_plugins.lifecycle.attempts import Progress
from floe_plugins.lifecycle.coordinator import Operation, StartedPlugin, Transition
from floe_plugins.lifecycle.parts import Parts, busy_error, is_default, timeout_error
from floe_plugins.lifecycle.prepare import Loading, configure

_REASONS = {
    Stage.LOAD: "could not be loaded",
    Stage.CONFIGURE: "could not be configured",
    Stage.RESOLVE: "cannot be started",
    Stage.START: "failed to start",
}
_AUTHOR = "Tell the plugin's author."


def start(parts: Parts, request: Request[Any], operation: Operation, refs: Iterable[PluginRef]) -> LifecycleReport:
    """Start ``refs`` and all that they depend on; the report has an outcome for each of them.

    Raises:
        PluginConfigurationError: The operator's configuration is invalid; nothing was started.
        PluginError: Problems are strict, and a plugin cannot be loaded or configured; nothing was started.
        InterruptedRequestError: The request was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    refs = tuple(refs)
    loading, plan = _load(parts, request, operation, refs)
    while loading.is_superseded:
        loading, plan = _load(parts, request, operation, refs)
    parts.raise_if_strict({**loading.errors, **plan.errors})
    loaded = time.monotonic()
    errors = configure(parts, request, plan)
    parts.configurer.review(errors)
    parts.raise_if_strict(errors)
    configured = time.monotonic()
    would_deadlock = parts.coordinator.announce(operation, plan.predecessors)
    total = parts.deadlines.total("startup_total")
    deadline = math.inf if total is None else begun + total
    starter = _Starter(parts, request, operation, plan, {**loading.errors, **errors}, begun, deadline, would_deadlock)
    executor = Executor(
        plan.order, plan.predecessors, starter, request=request, workers=parts.workers, deadline=deadline
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


def _load(
    parts: Parts, request: Request[Any], operation: Operation, refs: Iterable[PluginRef]
) -> tuple[Loading, StartPlan]:
    loading = Loading(parts, operation, request)
    return loading, resolve(parts.store.entries(), parts.store.selected(), refs, loading.load)


@attrs.define(eq=False)
class _Starter(Driver[PluginRef, Outcome]):
    """The driver of a start.

    After each ``startup`` that did not succeed, ``shutdown`` is called once, so that nothing stays open.

    Attributes:
        errors: Why plugins could not be loaded or configured.
        begun: When the whole start began, by ``time.monotonic``.
        would_deadlock: The plugins that wait for the one whose code asks for this start.
    """

    parts: Parts
    request: Request[Any]
    operation: Operation
    plan: StartPlan
    errors: Mapping[PluginRef, PluginError]
    begun: float
    deadline: float
    would_deadlock: frozenset[PluginRef]
    _outcomes: dict[PluginRef, Outcome] = attrs.field(factory=dict, init=False)
    _transitions: dict[PluginRef, Transition] = attrs.field(factory=dict, init=False)
    _progress: dict[PluginRef, Progress] = attrs.field(factory=dict, init=False)

    def begin(self, node: PluginRef) -> Task | Future[Outcome]:
        """Begin the plugin's transition, unless something stands in its way."""
        entry = self.plan.entries[node]
        if not self.parts.coordinator.is_running(node) and node in self.would_deadlock:
            reason = "it waits for the plugin whose code asks for it"
            return completed(self._keep(self._outcome(entry, OutcomeState.SKIPPED, reason)))
        transition, mine = self.parts.coordinator.begin_or_join(entry)
        if not mine:
            transition.done.add_done_callback(lambda future: self._keep(future.result()))
            return transition.done
        self._transitions[node] = transition
        if self.parts.coordinator.is_running(node):
            return self._finish(self._outcome(entry, OutcomeState.SUCCEEDED, "it was started before"))
        if not self.parts.store.is_current(entry):
            return self._finish(self._outcome(entry, OutcomeState.SKIPPED, "it was taken out meanwhile"))
        self._progress[node] = Progress()
        return self._obstacle(entry) or self._startup(entry)

    def _obstacle(self, entry: Entry) -> Future[Outcome] | None:
        error = self.errors.get(entry.ref) or self.plan.errors.get(entry.ref)
        if isinstance(error, MissingDependencyError):
            return self._skip(entry, error)
        if error is not None:
            return self._fail(entry, error)
        for dependency in self.plan.dependencies[entry.ref]:
            if not any(self._outcomes[ref].ok for ref in dependency.refs):
                return self._skip_unmet(entry, self._unmet(entry, dependency))
        if self.parts.coordinator.is_ending:
            return self._finish(self._outcome(entry, OutcomeState.SKIPPED, "all plugins are being stopped"))
        if time.monotonic() >= self.deadline:
            reason = "the time that the whole startup may take is over (timeouts.startup_total)"
            return self._finish(self._outcome(entry, OutcomeState.SKIPPED, reason))
        return self._refusal(entry)

    def _refusal(self, entry: Entry) -> Future[Outcome] | None:
        """Fail the plugin if its thread is busy, or cannot run its hooks."""
        loop_error = self.parts.event_loop_error(entry, self.request)
        if loop_error is not None:
            return self._fail(entry, _error(entry, loop_error.message, None, loop_error.hint))
        overdue = entry.worker.overdue
        return None if overdue is None else self._fail(entry, busy_error(entry, overdue, PluginStartupError))

    def _startup(self, entry: Entry, delay: float = 0.0) -> Task:
        progress = self._progress[entry.ref]
        left = None if progress.began is None else progress.deadline - time.monotonic() - delay
        return self.parts.hook_task(
            entry,
            Stage.START,
            timeout=left,
            delay=delay,
            on_late_end=lambda: self._clean_up_late(entry),
            reason=""
            if progress.failure is None
            else f"attempt {progress.attempts} failed: {progress.failure.message}",
        )

    def _clean_up_late(self, entry: Entry) -> Any:
        log("warning", "%s: startup ended too late; shutting it down again", entry.ref)
        return self.parts.hook(entry, "shutdown")()

    def ended(self, node: PluginRef, run: TaskRun) -> Task | Future[Outcome]:
        """Take note of the end of ``startup``, or of the clean-up after it."""
        entry, progress = self.plan.entries[node], self._progress[node]
        error = run.call.error if run.call is not None else None
        if progress.failure is not None and run.task.reason == _CLEAN_UP:
            if isinstance(error, InterruptedRequestError):
                entry.worker.submit(lambda: self._clean_up_late(entry))
            return self._cleaned_up(entry, None if error is None else f"shutdown raised {error}")
        progress.count(run, self.parts.deadlines.timeout(entry, Stage.START))
        if error is None:
            wrong = run.call.result() if run.call is not None else None
            if wrong is None:
                return self._started(entry)
            return self._clean_up(entry, _error(entry, f"startup returned {wrong}", None, _AUTHOR))
        if not isinstance(error, ForeignError):
            return self._fail(entry, _error(entry, f"startup could not be called: {error}", error))
        if not error.is_unavailable:
            return self._clean_up(entry, _error(entry, f"startup raised {error}", error))
        progress.is_unavailable, progress.retry_after = True, error.retry_after
        return self._clean_up(entry, _error(entry, str(error), error))

    def _started(self, entry: Entry) -> Future[Outcome]:
        predecessors = self.plan.predecessors[entry.ref]
        dependencies = frozenset(ref for each in self.plan.dependencies[entry.ref] for ref in each.refs)
        self.operation.started.append(entry.ref)
        return self._finish(
            self._outcome(entry, OutcomeState.SUCCEEDED),
            state=PluginState.STARTED,
            running=StartedPlugin(entry, predecessors, dependencies),
        )

    def _clean_up(self, entry: Entry, failure: PluginError) -> Task | Future[Outcome]:
        """Shut the plugin down after a ``startup`` that did not succeed."""
        self._progress[entry.ref].failure = failure
        if is_default(self.parts.hook(entry, "shutdown")):
            return self._cleaned_up(entry, None)
        return self.parts.hook_task(entry, Stage.STOP, reason=_CLEAN_UP)

    def _cleaned_up(self, entry: Entry, clean_up_error: str | None) -> Task | Future[Outcome]:
        """Try again if that is due, else fail."""
        progress = self._progress[entry.ref]
        failure = progress.failure
        assert failure is not None  # noqa: S101 for type checkers: _clean_up set it
        if clean_up_error is not None:
            failure.message = f"{failure.message}; the clean-up failed too: {clean_up_error}"
        if not progress.is_unavailable:
            return self._fail(entry, failure)
        pause = progress.pause()
        if pause is not None and not self.parts.coordinator.is_ending:
            return self._startup(entry, pause)
        failure.message = f"unavailable after {progress}: {failure.message}"
        return self._fail(entry, failure)

    def overdue(self, node: PluginRef, run: TaskRun) -> Task | Future[Outcome]:
        """Fail the plugin; if its start ends after all, it is shut down then."""
        entry, progress = self.plan.entries[node], self._progress[node]
        if run.task.reason == _CLEAN_UP:
            progress.is_unavailable = False
            seconds = run.task.timeout or 0.0
            return self._cleaned_up(entry, f"shutdown did not end within {seconds:g} s")
        last = progress.failure
        progress.count(run, self.parts.deadlines.timeout(entry, Stage.START))
        error = timeout_error(entry, run, Stage.START)
        if last is not None:
            error.message = f"{error.message}; attempt before: {last.message}"
        return self._fail(entry, error)

    def interrupted(self, node: PluginRef, run: TaskRun) -> None:
        """Fail the plugin; if its start ended unseen, it is shut down."""
        entry, progress = self.plan.entries[node], self._progress[node]
        call = run.call
        if run.task.reason == _CLEAN_UP:
            is_open = not run.has_begun
        else:
            is_open = call is not None and call.ended is not None
            if call is not None:
                progress.count(run, self.parts.deadlines.timeout(entry, Stage.START))
        if is_open:
            entry.worker.submit(lambda: self._clean_up_late(entry))
        reason = f"; attempt before: {progress.failure.message}" if progress.failure is not None else ""
        self._fail(entry, _error(entry, f"its start was interrupted{reason}", None))

    def release(self) -> None:
        """Finish the transitions that did not begin."""
        for ref in list(self._transitions):
            entry = self.plan.entries[ref]
            self._finish(self._outcome(entry, OutcomeState.SKIPPED, "the start was interrupted"))

    def _unmet(self, entry: Entry, dependency: Dependency) -> PluginError:
        failures = [self._outcomes[ref] for ref in dependency.refs]
        reasons = [
            f"{'was skipped' if each.state is OutcomeState.SKIPPED else _REASONS[each.stage]}: {each.message}"
            for each in failures
        ]
        if len(failures) == 1:
            message = f"needs {failures[0].ref}, which {reasons[0]}"
        else:
            each = "; ".join(f"{o.ref} {reason}" for o, reason in zip(failures, reasons, strict=True))
            message = f"needs a plugin of the category {dependency.text}, and none runs: {each}"
        error = MissingDependencyError(
            message, ref=entry.ref, distribution=entry.distribution, requirement=dependency.text
        )
        error.__cause__ = failures[0].cause
        return error

    def _skip_unmet(self, entry: Entry, error: PluginError) -> Future[Outcome]:
        if error.__cause__ is not None:
            return self._skip(entry, error)
        # Nothing has failed: all plugins are being stopped, or the time is over.
        return self._finish(self._outcome(entry, OutcomeState.SKIPPED, error.message, error))

    def _skip(self, entry: Entry, error: PluginError) -> Future[Outcome]:
        outcome = self._outcome(entry, OutcomeState.SKIPPED, error.message, error)
        return self._finish(outcome, state=PluginState.SKIPPED, error=error)

    def _fail(self, entry: Entry, error: PluginError) -> Future[Outcome]:
        state = OutcomeState.TIMED_OUT if isinstance(error, PluginTimeoutError) else OutcomeState.FAILED
        outcome = self._outcome(entry, state, error.message, error)
        if entry.plugin is None:
            return self._finish(outcome)  # the load has failed, and is logged
        return self._finish(outcome, state=PluginState.FAILED, error=error)

    def _outcome(
        self, entry: Entry, state: OutcomeState, message: str = "", cause: PluginError | None = None
    ) -> Outcome:
        progress = self._progress.get(entry.ref) or Progress()
        return Outcome(
            ref=entry.ref,
            stage=_stage(cause, entry),
            state=state,
            message=message,
            cause=cause,
            distribution=entry.distribution,
            required=entry.required,
            seconds=progress.seconds,
            load_seconds=entry.load_seconds,
            configure_seconds=entry.configure_seconds,
            began=None if progress.began is None else progress.began - self.begun,
            attempts=progress.attempts,
            waited_for=tuple(sorted(self.plan.predecessors[entry.ref])),
        )

    def _finish(
        self,
        outcome: Outcome,
        *,
        state: PluginState | None = None,
        error: PluginError | None = None,
        running: StartedPlugin | None = None,
    ) -> Future[Outcome]:
        transition = self._transitions.pop(outcome.ref)
        self.parts.coordinator.finish(transition, outcome, state=state, error=error, running=running)
        return completed(self._keep(outcome))

    def _keep(self, outcome: Outcome) -> Outcome:
        self._outcomes[outcome.ref] = outcome
        return outcome


_CLEAN_UP = "cleaning up after a failed startup"


def _error(entry: Entry, message: str, cause: BaseException | None, hint: str = "") -> PluginStartupError:
    error = PluginStartupError(message, ref=entry.ref, distribution=entry.distribution, hint=hint)
    if isinstance(cause, ForeignError):
        return caused_by(error, cause)
    error.__cause__ = cause
    return error


def _stage(error: PluginError | None, entry: Entry) -> Stage:
    if isinstance(error, PluginTimeoutError):
        return Stage(error.stage)
    if isinstance(error, PluginConfigurationError):
        return Stage.CONFIGURE
    if isinstance(error, PluginStartupError) or error is None:
        return Stage.START
    return Stage.LOAD if entry.plugin is None else Stage.RESOLVE
