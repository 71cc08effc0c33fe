"""Stop plugins, each after all that depend on it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginError, PluginShutdownError
from floe_plugins.execution import threads
from floe_plugins.execution.executor import Task
from floe_plugins.lifecycle.coordinator import Operation
from floe_plugins.lifecycle.parts import Parts
from floe_plugins.lifecycle.transitions import Transitions


def stop(parts: Parts, operation: Operation, refs: Iterable[PluginRef] | None = None) -> LifecycleReport:
    """Stop the started ones among ``refs`` (None: all), and those that depend on them.

    Raises:
        InterruptedRequestError: The request was interrupted.
    """
    begun, began_at = time.monotonic(), time.time()
    running = parts.coordinator.running()
    wanted = set(running) if refs is None else parts.coordinator.dependents_of(tuple(refs))
    sequence = [ref for ref in reversed(running) if ref in wanted]
    waits_for: dict[PluginRef, list[PluginRef]] = {ref: [] for ref in sequence}
    for ref in sequence:
        for other in running[ref].predecessors & waits_for.keys():
            waits_for[other].append(ref)
    entries = {ref: running[ref].entry for ref in sequence}
    outcomes = _Stopper(parts, operation, entries, waits_for, begun).run(sequence)
    return LifecycleReport(outcomes=outcomes, seconds=time.monotonic() - begun, time=began_at)


class _Stopper(Transitions):
    stage = Stage.STOP
    error_class = PluginShutdownError

    def begin_own(self, entry: Entry) -> Task | Future[Outcome]:
        if not self.parts.coordinator.is_running(entry.ref):
            return self.finish(entry, OutcomeState.SUCCEEDED, "it was stopped before")
        loop_error = self.event_loop_error(entry)
        if loop_error is not None:
            return self.fail(entry, loop_error, None)
        # Its own thread may still be busy: the stop then waits in the queue, and is made when the thread is free.
        return self.parts.hook_task(entry, Stage.STOP, cancel_unstarted=False)

    def ended(self, node: PluginRef, task: Task) -> Task | Future[Outcome]:
        entry = self.entries[node]
        if task.error is not None:
            return self._fail(
                task, entry, self.error(entry, f"shutdown raised {task.error}", task.error, threads.hint(task.error))
            )
        wrong = task.result
        if wrong is not None:
            return self._fail(task, entry, self.error(entry, f"shutdown returned {wrong}"))
        self.count(entry, task)
        entry.worker.close()
        return self.finish(entry, OutcomeState.SUCCEEDED, becomes=PluginState.STOPPED)

    def overdue(self, node: PluginRef, task: Task) -> Task | Future[Outcome]:
        entry = self.entries[node]
        return self._fail(task, entry, self.parts.timed_out(entry, task, Stage.STOP))

    def interrupted(self, node: PluginRef, task: Task) -> None:
        entry = self.entries[node]
        self._fail(task, entry, self.error(entry, "its stop was interrupted"))

    def _fail(self, task: Task, entry: Entry, error: PluginError) -> Future[Outcome]:
        self.count(entry, task)
        entry.worker.close()
        return self.fail(entry, error, PluginState.FAILED)
