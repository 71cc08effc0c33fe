"""Keep concurrent and nested starts and stops of one registry apart.

One lock guards all of it. It is never held while plugin code runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import attrs

from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import Outcome, OutcomeState
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginError
from floe_plugins.execution.plugin_code import as_plugin_code, calling_plugins
from floe_plugins.execution.shield import InterruptedRequestError, Request


class RefusedError(Exception):
    """A plugin's code asks to start plugins while it is part of a stop, or the other way round."""


@attrs.frozen
class StartedPlugin:
    """A started plugin.

    Attributes:
        entry: Its entry, which no refresh replaces as long as it runs.
        predecessors: The plugins that it waited for when it started; they outlive it.
        dependencies: Those of them that it cannot do without.
    """

    entry: Entry
    predecessors: frozenset[PluginRef]
    dependencies: frozenset[PluginRef]


@attrs.define(eq=False)
class Operation:
    """One request under way. Starts and stops exclude each other; several of the same stage may be under way.

    Attributes:
        stage: ``Stage.START`` or ``Stage.STOP``.
        request: The request.
        owner: The plugin whose code made the request.
        predecessors: For each plugin, those that it waits for.
        started: The plugins that it has started.
    """

    stage: Stage
    request: Request[Any]
    owner: PluginRef | None
    predecessors: Mapping[PluginRef, Collection[PluginRef]] = attrs.field(factory=dict)
    started: list[PluginRef] = attrs.field(factory=list)


class Coordinator:
    """The operations, transitions and started plugins of one registry. Safe from any thread.

    Args:
        registry: The registry.
        on_change: Called after the state of an entry has changed, before anybody learns the outcome.
    """

    def __init__(self, registry: object, on_change: Callable[[Entry], object]) -> None:
        self._registry = registry
        self._on_change = on_change
        self._lock = forkable_lock()
        self._changed = threading.Condition(self._lock)
        self._operations: list[Operation] = []
        self._waiting_to_stop = 0
        # The starts and stops under way; each gives its outcome to all who wait.
        self._transitions: dict[PluginRef, Future[Outcome]] = {}
        self._running: dict[PluginRef, StartedPlugin] = {}
        self._endings = 0

    @property
    def is_active(self) -> bool:
        """Whether a plugin is started, or anybody starts or stops plugins or waits for that."""
        return bool(self._running or self._transitions or self._operations or self._waiting_to_stop or self._endings)

    # Requests

    @contextmanager
    def operation(
        self, stage: Stage, request: Request[Any], *, everything: bool = False
    ) -> Generator[Operation, None, None]:
        """Wait until no operation of the other stage is under way, and keep one from beginning.

        Args:
            stage: ``Stage.START`` or ``Stage.STOP``.
            request: The request that the operation is for.
            everything: Whether all plugins are to be stopped: from now on none begins to start that has not begun.

        Raises:
            RefusedError: Plugin code asks for it, and an operation of the other stage may be waiting for that code.
        """
        with self._changed:
            operation = Operation(stage, request, self._owner())
            self._endings += everything
        try:
            with self._changed:
                if operation.owner is None and request.caller is None:
                    self._await_turn(stage, request)
                elif self._has_others(stage):
                    raise RefusedError
                self._operations.append(operation)
            yield operation
        finally:
            with self._changed:
                self._endings -= everything
                if operation in self._operations:
                    self._operations.remove(operation)
                self._changed.notify_all()

    def _has_others(self, stage: Stage) -> bool:
        return any(other.stage is not stage for other in self._operations)

    def _await_turn(self, stage: Stage, request: Request[Any]) -> None:
        stopping = stage is Stage.STOP
        self._waiting_to_stop += stopping
        request.interrupted.add_done_callback(self._wake)
        try:
            while self._has_others(stage) or (not stopping and self._waiting_to_stop):
                if request.interrupted.done():
                    raise InterruptedRequestError
                self._changed.wait()
        finally:
            self._waiting_to_stop -= stopping
            self._changed.notify_all()

    def _wake(self, _interrupted: object) -> None:
        with self._changed:
            self._changed.notify_all()

    @property
    def is_ending(self) -> bool:
        """Whether all plugins are about to be stopped."""
        return self._endings > 0

    # Plugin code

    def in_plugin_context(self, ref: PluginRef, function: Callable[[], Any]) -> Callable[[], Any]:
        """Mark a function as a plugin's code, so that its requests are known as that plugin's."""
        return as_plugin_code(self._registry, ref, function)

    def _owner(self) -> PluginRef | None:
        # A task that a plugin left running is marked too, but nobody waits for it any more.
        return next((ref for ref in calling_plugins(self._registry) if ref in self._transitions), None)

    def announce(
        self, operation: Operation, predecessors: Mapping[PluginRef, Collection[PluginRef]]
    ) -> frozenset[PluginRef]:
        """Note what an operation will wait for; return those that wait for its owner, which it must not."""
        with self._changed:
            operation.predecessors = predecessors
            if operation.owner is None:
                return frozenset()
            return frozenset(self._waiting_for(operation.owner))

    def _waiting_for(self, owner: PluginRef) -> set[PluginRef]:
        """Return all plugins that cannot begin or end before ``owner`` does."""
        waiters: dict[PluginRef, set[PluginRef]] = {}
        for operation in self._operations:
            for ref, others in operation.predecessors.items():
                for other in others:
                    waiters.setdefault(other, set()).add(ref)
                if operation.owner is not None and ref != operation.owner:
                    waiters.setdefault(ref, set()).add(operation.owner)
        # The owner's own request waits for everything in it.
        found, queue = {owner}, [owner]
        while queue:
            for waiter in waiters.get(queue.pop(), set()) - found:
                found.add(waiter)
                queue.append(waiter)
        return found

    # Plugins

    def begin_or_join(self, ref: PluginRef) -> tuple[Future[Outcome], bool]:
        """Return the outcome of a plugin's transition to come, and whether the caller makes and ``finish``es it."""
        with self._lock:
            mine = ref not in self._transitions
            return self._transitions.setdefault(ref, Future()), mine

    def finish(
        self,
        entry: Entry,
        outcome: Outcome,
        *,
        state: PluginState | None = None,
        error: PluginError | None = None,
        running: StartedPlugin | None = None,
    ) -> Future[Outcome]:
        """End a transition and return its outcome; everybody sees the new state, if there is one, before that."""
        with self._lock:
            # What could not be configured has failed before it was to be started.
            is_new = state is not None and (entry.state is not state or entry.error is not error)
            if state is not None:
                entry.state, entry.error = state, error
                self._running.pop(entry.ref, None)
            if running is not None:
                self._running[entry.ref] = running
            done = self._transitions.pop(entry.ref)
        if is_new:
            self._on_change(entry)
        log_outcome(outcome)
        done.set_result(outcome)
        return done

    @contextmanager
    def excluded(self, entry: Entry, timeout: float) -> Generator[None, None, None]:
        """Keep everybody from starting or stopping a plugin; waits up to ``timeout`` seconds for who does.

        Raises:
            PluginError: The plugin's own code asks for it, or the other one does not end, or it is started again.
        """
        while True:
            done, mine = self.begin_or_join(entry.ref)
            if mine:
                break
            with self._changed:
                is_own = self._owner() == entry.ref
            if is_own or futures.wait([done], timeout).not_done:
                raise entry.failure(PluginError, "it cannot be taken out while it is being started or stopped")
        try:
            if self.is_running(entry.ref):
                raise entry.failure(PluginError, "it was started again")
            yield
        finally:
            outcome = Outcome(
                ref=entry.ref, stage=Stage.RESOLVE, state=OutcomeState.SKIPPED, message="it is being taken out"
            )
            with self._changed:
                del self._transitions[entry.ref]
            done.set_result(outcome)

    def configured(self, entry: Entry, error: PluginError | None = None) -> None:
        """Note that a plugin's configuration is valid, or the error; one that is started stays so."""
        with self._lock:
            if entry.ref not in self._running:
                entry.state = PluginState.CONFIGURED if error is None else PluginState.FAILED
                entry.error = error
        self._on_change(entry)

    def retry_load(self, entry: Entry) -> None:
        """Forget a failed load, so that the next one tries again."""
        with self._changed:
            if entry.plugin is None:
                entry.state, entry.error = PluginState.DISCOVERED, None

    def running(self) -> dict[PluginRef, StartedPlugin]:
        """Return the started plugins, in the order in which they started."""
        with self._changed:
            return dict(self._running)

    def is_running(self, ref: PluginRef) -> bool:
        """Whether a plugin is started."""
        return ref in self._running

    def dependents_of(self, refs: Sequence[PluginRef]) -> set[PluginRef]:
        """Return ``refs`` and the started plugins that depend on them, directly or not.

        An optional dependency does not count: a plugin goes on without it.
        """
        running = self.running()
        found = set(refs)
        # Each started after its dependencies, so that one pass sees the whole chain.
        for ref, each in running.items():
            if each.dependencies & found:
                found.add(ref)
        return found


def log_outcome(outcome: Outcome) -> None:
    """Log how a start or stop ended: a failure as a warning, that of a required plugin as an error."""
    done = "stopped" if outcome.stage is Stage.STOP else "started"
    how = f"{done} in {outcome.seconds:.3f} s" if outcome.ok else f"not {done}, {outcome.state}: {outcome.message}"
    log(
        "info" if outcome.ok else "error" if outcome.required else "warning",
        "%s %s",
        outcome.ref,
        how,
        stage=outcome.stage,
    )
