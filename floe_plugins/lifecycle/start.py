"""Start plugins with all that they depend on, each as soon as its dependencies run."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import attrs

from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.safe_text import cut_middle
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import Dependency, resolve
from floe_plugins.entries.entry import Entry, stage_of
from floe_plugins.errors import (
    MissingDependencyError,
    PluginError,
    PluginStartupError,
)
from floe_plugins.execution import threads
from floe_plugins.execution.boundary import ForeignError
from floe_plugins.execution.executor import Task
from floe_plugins.execution.shield import InterruptedRequestError
from floe_plugins.lifecycle.attempts import Attempts
from floe_plugins.lifecycle.coordinator import Operation, StartedPlugin
from floe_plugins.lifecycle.parts import Parts, is_default
from floe_plugins.lifecycle.prepare import Loading, configure
from floe_plugins.lifecycle.transitions import Transitions

_REASONS = {
    Stage.DISCOVER: "could not be loaded",
    Stage.LOAD: "could not be loaded",
    Stage.CONFIGURE: "could not be configured",
    Stage.RESOLVE: "cannot be started",
    Stage.START: "failed to start",
}
_AUTHOR = "Tell the plugin's author."
_CLEAN_UP = "cleaning up after a failed startup"


def start(parts: Parts, operation: Operation, refs: Collection[PluginRef]) -> LifecycleReport:
    """Start ``refs`` and all that they depend on; the report has an outcome for each of them.

    Raises:
        PluginConfigurationError: The operator's configuration is invalid; nothing was started.
        PluginError: Problems are strict, and a plugin cannot be loaded or configured; nothing was started.
        InterruptedRequestError: The request was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    while True:
        loading = Loading(parts, operation)
        store = parts.store
        plan = resolve(store.entries(), store.selected(), refs, loading.load, store.categories)
        if not loading.is_superseded:
            break
    parts.store.raise_if_strict(_in_order({**loading.errors, **plan.errors}))
    loaded = time.monotonic()
    errors = configure(parts, operation, plan)
    parts.configurer.review(errors)
    parts.store.raise_if_strict(_in_order(errors))
    configured = time.monotonic()
    errors = {**plan.errors, **loading.errors, **errors}
    starter = _Starter(parts, operation, plan.entries, plan.predecessors, begun, plan.dependencies, errors)
    outcomes = starter.run(plan.order)
    return LifecycleReport(
        outcomes=outcomes,
        seconds=time.monotonic() - begun,
        load_seconds=loaded - begun,
        configure_seconds=configured - loaded,
        time=began_at,
    )


def _in_order(errors: Mapping[PluginRef, PluginError]) -> Iterable[PluginError]:
    return (errors[ref] for ref in sorted(errors))


@attrs.define(eq=False)
class _Starter(Transitions):
    """The driver of a start.

    After each ``startup`` that did not succeed, ``shutdown`` is called once, so that nothing stays open.

    Attributes:
        dependencies: For each plugin, the dependencies that must run.
        errors: Why plugins cannot be started, or could not be loaded or configured.
    """

    stage = Stage.START
    error_class = PluginStartupError

    dependencies: Mapping[PluginRef, tuple[Dependency, ...]]
    errors: Mapping[PluginRef, PluginError]

    def waits_for_owner(self, node: PluginRef) -> bool:
        """Whether the plugin cannot start before the code that asks for it ends."""
        return not self.parts.coordinator.is_running(node) and super().waits_for_owner(node)

    def begin_own(self, entry: Entry) -> Task | Future[Outcome]:
        """Call ``startup``, unless something stands in its way."""
        if self.parts.coordinator.is_running(entry.ref):
            return self.finish(entry, OutcomeState.SUCCEEDED, "it was started before")
        if not self.parts.store.is_current(entry):
            return self.finish(entry, OutcomeState.SKIPPED, "it was taken out meanwhile")
        return self._obstacle(entry) or self._startup(entry)

    def _obstacle(self, entry: Entry) -> Future[Outcome] | None:
        error = self.errors.get(entry.ref)
        if isinstance(error, MissingDependencyError):
            return self._skip(entry, error)
        if error is not None:
            return self._fail(entry, error)
        for dependency in self.dependencies[entry.ref]:
            if not any(self.outcomes[ref].ok for ref in dependency.refs):
                return self._skip(entry, self._unmet(entry, dependency))
        if self.parts.coordinator.is_ending:
            return self.finish(entry, OutcomeState.SKIPPED, "all plugins are being stopped")
        if time.monotonic() >= self.deadline:
            reason = "the time that the whole startup may take is over (timeouts.startup_total)"
            return self.finish(entry, OutcomeState.SKIPPED, reason)
        return self._refusal(entry)

    def _refusal(self, entry: Entry) -> Future[Outcome] | None:
        """Fail the plugin if its thread is busy, or cannot run its hooks."""
        loop_error = self.event_loop_error(entry)
        if loop_error is not None:
            return self._fail(entry, loop_error)
        if (seconds := entry.worker.overdue) is None:
            return None
        busy = (
            f"its thread is still busy with an earlier call, which is overdue and has been running for {seconds:.1f} s"
        )
        hint = "A thread cannot be ended from outside: wait, or restart the process."
        return self._fail(entry, self.error(entry, busy, hint=hint))

    def _startup(self, entry: Entry, delay: float = 0.0) -> Task:
        attempts = self.attempts.setdefault(entry.ref, Attempts())
        left = None if attempts.began is None else attempts.deadline - time.monotonic() - delay
        failure = attempts.failure
        return self.parts.hook_task(
            entry,
            Stage.START,
            timeout=left,
            delay=delay,
            on_late_end=lambda: self._clean_up_late(entry),
            reason="" if failure is None else f"attempt {attempts.number} failed: {failure.message}",
        )

    def _clean_up_late(self, entry: Entry) -> Any:
        log("warning", "%s: startup ended too late; shutting it down again", entry.ref, stage=Stage.START)
        return self.parts.hook(entry, "shutdown")()

    def ended(self, node: PluginRef, task: Task) -> Task | Future[Outcome]:
        """Take note of the end of ``startup``, or of the clean-up after it."""
        entry, error = self.entries[node], task.error
        if task.reason == _CLEAN_UP:
            if isinstance(error, InterruptedRequestError):
                entry.worker.submit(lambda: self._clean_up_late(entry))
            return self._cleaned_up(entry, None if error is None else f"shutdown raised {error}")
        attempts = self.count(entry, task)
        if error is None:
            if task.result is None:
                return self._started(entry)
            return self._clean_up(entry, self.error(entry, f"startup returned {task.result}", hint=_AUTHOR))
        if not isinstance(error, ForeignError):
            return self._fail(
                entry, self.error(entry, f"startup could not be called: {error}", error, threads.hint(error))
            )
        if not error.is_unavailable:
            return self._clean_up(entry, self.error(entry, f"startup raised {error}", error))
        attempts.is_unavailable, attempts.retry_after = True, error.retry_after
        return self._clean_up(entry, self.error(entry, str(error), error))

    def _started(self, entry: Entry) -> Future[Outcome]:
        dependencies = frozenset(ref for each in self.dependencies[entry.ref] for ref in each.refs)
        self.operation.started.append(entry.ref)
        running = StartedPlugin(entry, frozenset(self.predecessors[entry.ref]), dependencies)
        return self.finish(entry, OutcomeState.SUCCEEDED, becomes=PluginState.STARTED, running=running)

    def _clean_up(self, entry: Entry, failure: PluginError) -> Task | Future[Outcome]:
        """Shut the plugin down after a ``startup`` that did not succeed."""
        self.attempts[entry.ref].failure = failure
        if is_default(self.parts.hook(entry, "shutdown")):
            return self._cleaned_up(entry, None)
        return self.parts.hook_task(entry, Stage.STOP, reason=_CLEAN_UP)

    def _cleaned_up(self, entry: Entry, clean_up_error: str | None) -> Task | Future[Outcome]:
        """Try again if that is due, else fail."""
        attempts = self.attempts[entry.ref]
        failure = attempts.failure
        assert failure is not None  # noqa: S101 for type checkers: _clean_up set it
        if clean_up_error is not None:
            failure.message = f"{failure.message}; the clean-up failed too: {clean_up_error}"
        if not attempts.is_unavailable:
            return self._fail(entry, failure)
        pause = attempts.pause()
        if pause is not None and not self.parts.coordinator.is_ending:
            if attempts.number == 1:
                found = entry.candidate and entry.candidate.distribution
                whose = f" ({found.name} {found.version})" if found else ""
                message = "%s%s is not available, and is attempted again until its deadline: %s"
                log("warning", message, entry.ref, whose, failure.message, stage=Stage.START)
            self.parts.store.events.emit("retry", entry.ref, stage=Stage.START, seconds=pause, reason=failure.message)
            return self._startup(entry, pause)
        failure.message = f"unavailable after {attempts}: {failure.message}"
        failure.hint = failure.hint or "Make available what it needs and start it again, or raise timeouts.startup."
        return self._fail(entry, failure)

    def overdue(self, node: PluginRef, task: Task) -> Task | Future[Outcome]:
        """Fail the plugin; if its start ends after all, it is shut down then."""
        entry = self.entries[node]
        if task.reason == _CLEAN_UP:
            self.attempts[node].is_unavailable = False
            reason = f"shutdown did not end within {task.timeout or 0.0:g} s"
            self.parts.store.events.overdue(node, Stage.STOP, reason)
            return self._cleaned_up(entry, reason)
        self.count(entry, task)
        error = self.parts.timed_out(entry, task, Stage.START)
        error.message += self._attempt_before(node)
        return self._fail(entry, error)

    def interrupted(self, node: PluginRef, task: Task) -> None:
        """Fail the plugin; if its start ended unseen, it is shut down."""
        entry = self.entries[node]
        if task.reason == _CLEAN_UP:
            is_open = not task.has_begun
        else:
            is_open = task.call is not None and task.call.ended is not None
            self.count(entry, task)
        if is_open:
            entry.worker.submit(lambda: self._clean_up_late(entry))
        self._fail(entry, self.error(entry, f"its start was interrupted{self._attempt_before(node)}"))

    def _attempt_before(self, ref: PluginRef) -> str:
        failure = self.attempts[ref].failure
        return "" if failure is None else f"; attempt before: {failure.message}"

    def _unmet(self, entry: Entry, dependency: Dependency) -> PluginError:
        failures = [self.outcomes[ref] for ref in dependency.refs]
        reasons = [
            f"{'was skipped' if each.state is OutcomeState.SKIPPED else _REASONS[each.stage]}: {each.message}"
            for each in failures
        ]
        if len(failures) == 1:
            message = f"needs {failures[0].ref}, which {reasons[0]}"
        else:
            each = "; ".join(f"{o.ref} {reason}" for o, reason in zip(failures, reasons, strict=True))
            message = f"needs a plugin of the category {dependency.text}, and none runs: {each}"
        # Each message has the one before in it, so that those of a long chain would fill the memory.
        error = entry.failure(MissingDependencyError, cut_middle(message), requirement=dependency.text)
        error.__cause__ = failures[0].cause
        return error

    def _skip(self, entry: Entry, error: PluginError) -> Future[Outcome]:
        # Where nothing has failed, all plugins are being stopped, or the time is over.
        becomes = None if error.__cause__ is None and entry.ref not in self.errors else PluginState.SKIPPED
        return self.finish(entry, OutcomeState.SKIPPED, error.message, error, becomes=becomes)

    def _fail(self, entry: Entry, error: PluginError) -> Future[Outcome]:
        # A failed load is kept and logged already.
        return self.fail(entry, error, None if entry.plugin is None else PluginState.FAILED)

    def outcome(
        self, entry: Entry, state: OutcomeState, message: str = "", cause: PluginError | None = None, **facts: Any
    ) -> Outcome:
        """Return the outcome of a plugin as far as it has come, loading and configuring included."""
        facts["stage"] = Stage.START if cause is None else stage_of(cause)
        seconds = {"load_seconds": entry.load_seconds, "configure_seconds": entry.configure_seconds}
        return super().outcome(entry, state, message, cause, **seconds, **facts)
