"""The common part of starting and stopping: one transition and one outcome for each plugin."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar

import attrs

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import Outcome, OutcomeState
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginError, PluginTimeoutError
from floe_plugins.execution.boundary import ForeignError, caused_by
from floe_plugins.execution.executor import Driver, Executor, Task, completed
from floe_plugins.lifecycle.attempts import Attempts
from floe_plugins.lifecycle.coordinator import Operation, StartedPlugin
from floe_plugins.lifecycle.parts import Parts, outcome_of


@attrs.define(eq=False)
class Transitions(Driver[PluginRef, Outcome]):
    """The driver of a start or a stop.

    Attributes:
        entries: The plugins that are to change.
        predecessors: For each, those that it waits for.
        begun: When the whole began, by ``time.monotonic``.
        deadline: When it has to be over.
        would_deadlock: The plugins that wait for the one whose code asks for this.
        outcomes: Of the plugins that are done.
        attempts: Of the plugins whose hook was called.
    """

    stage: ClassVar[Stage]
    error_class: ClassVar[type[PluginError]]

    parts: Parts
    operation: Operation
    entries: Mapping[PluginRef, Entry]
    predecessors: Mapping[PluginRef, Collection[PluginRef]]
    begun: float
    deadline: float = attrs.field(init=False)
    would_deadlock: frozenset[PluginRef] = attrs.field(init=False)
    outcomes: dict[PluginRef, Outcome] = attrs.field(factory=dict, init=False)
    attempts: dict[PluginRef, Attempts] = attrs.field(factory=dict, init=False)
    _begun: set[PluginRef] = attrs.field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self.would_deadlock = self.parts.coordinator.announce(self.operation, self.predecessors)
        self.deadline = self.begun + self.parts.store.total_timeout(self.stage)

    def run(self, sequence: Sequence[PluginRef]) -> tuple[Outcome, ...]:
        """Return the outcome of each plugin.

        Raises:
            InterruptedRequestError: The request was interrupted.
        """
        request, workers = self.operation.request, self.parts.workers
        executor = Executor(sequence, self.predecessors, self, request=request, workers=workers, deadline=self.deadline)
        try:
            results = executor.run()
        finally:
            for ref in sorted(self._begun):  # what did not begin
                self.finish(self.entries[ref], OutcomeState.SKIPPED, f"the {self.stage} was interrupted")
        return tuple(results[ref] for ref in sequence)

    def begin(self, node: PluginRef) -> Task | Future[Outcome]:
        """Begin the plugin's transition, or wait for the one that is under way, whoever has begun it."""
        entry = self.entries[node]
        if self.waits_for_owner(node):
            reason = "it waits for the plugin whose code asks for it"
            return completed(self._keep(self.outcome(entry, OutcomeState.SKIPPED, reason)))
        done, mine = self.parts.coordinator.begin_or_join(node)
        if not mine:
            done.add_done_callback(lambda future: self._keep(future.result()))
            return done
        self._begun.add(node)
        return self.begin_own(entry)

    def waits_for_owner(self, node: PluginRef) -> bool:
        """Whether the plugin cannot change before the code that asks for it ends."""
        return node in self.would_deadlock

    def begin_own(self, entry: Entry) -> Task | Future[Outcome]:
        """Call the plugin's hook, unless something stands in its way."""
        raise NotImplementedError

    def event_loop_error(self, entry: Entry) -> PluginError | None:
        """Return the error of async hooks that ask for the calling thread, where an event loop is running."""
        if not entry.runs_on_caller or not self.operation.request.is_in_event_loop:
            return None
        if not any(inspect.iscoroutinefunction(self.parts.hook(entry, name)) for name in ("startup", "shutdown")):
            return None
        message = "its async hooks ask for the calling thread, and an event loop is running there"
        hint = "Call the registry outside of the loop, for instance by asyncio.to_thread()."
        return self.error(entry, message, hint=hint)

    def count(self, entry: Entry, task: Task) -> Attempts:
        """Count one call of the hook."""
        attempts = self.attempts.setdefault(entry.ref, Attempts())
        attempts.add(task, self.parts.store.timeout(entry, self.stage))
        return attempts

    def error(self, entry: Entry, message: str, cause: BaseException | None = None, hint: str = "") -> PluginError:
        """Return an error about the plugin, with its cause."""
        error = entry.failure(self.error_class, message, hint=hint)
        if isinstance(cause, ForeignError):
            return caused_by(error, cause)
        error.__cause__ = cause
        return error

    def fail(
        self, entry: Entry, error: PluginError, becomes: PluginState | None = PluginState.FAILED
    ) -> Future[Outcome]:
        """End the plugin's transition with an error."""
        state = OutcomeState.TIMED_OUT if isinstance(error, PluginTimeoutError) else OutcomeState.FAILED
        return self.finish(entry, state, error.message, error, becomes=becomes)

    def finish(  # noqa: PLR0913 the last two are keyword-only
        self,
        entry: Entry,
        state: OutcomeState,
        message: str = "",
        error: PluginError | None = None,
        *,
        becomes: PluginState | None = None,
        running: StartedPlugin | None = None,
    ) -> Future[Outcome]:
        """End the plugin's transition; with ``becomes`` its state changes."""
        outcome = self._keep(self.outcome(entry, state, message, error))
        self._begun.remove(entry.ref)
        return self.parts.coordinator.finish(entry, outcome, state=becomes, error=error, running=running)

    def outcome(
        self, entry: Entry, state: OutcomeState, message: str = "", cause: PluginError | None = None, **facts: Any
    ) -> Outcome:
        """Return the outcome of a plugin as far as it has come."""
        attempts = self.attempts.get(entry.ref) or Attempts()
        return outcome_of(
            entry,
            facts.pop("stage", self.stage),
            state,
            message,
            cause=cause,
            seconds=attempts.seconds,
            began=None if attempts.began is None else attempts.began - self.begun,
            attempts=attempts.number,
            waited_for=tuple(sorted(self.predecessors[entry.ref])),
            **facts,
        )

    def _keep(self, outcome: Outcome) -> Outcome:
        self.outcomes[outcome.ref] = outcome
        return outcome
