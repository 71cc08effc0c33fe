"""What is being started and stopped right now, by whom: keeps concurrent and nested requests apart.

One lock guards it all. It is never held while plugin code runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Any

import attrs

from floe_plugins.core.log import log
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import Outcome
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.errors import PluginError
from floe_plugins.execution.entry import Entry
from floe_plugins.execution.worker import Worker

# The plugins whose code the present call is part of, outermost first, each with its table's token.
_inside: ContextVar[tuple[tuple[object, PluginRef], ...]] = ContextVar("floe_plugins_inside", default=())


class Action(Enum):
    """What an operation does. Starting and stopping exclude each other; each may be done by several at once."""

    START = "started"
    STOP = "stopped"


class RefusedError(Exception):
    """A plugin's code asks to start plugins while it is part of a stop, or the other way round."""


@attrs.define(eq=False)
class Transition:
    """Starting or stopping one plugin; whoever wants the same waits for it."""

    entry: Entry
    outcome: Outcome | None = None
    _callbacks: list[Callable[[Outcome], object]] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def when_done(self, callback: Callable[[Outcome], object]) -> None:
        """Have ``callback(outcome)`` run on the thread that ends the act, or now if it is over."""
        with self._lock:
            if self.outcome is None:
                self._callbacks.append(callback)
                return
        callback(self.outcome)

    def end(self, outcome: Outcome) -> None:
        """Tell everyone who waits."""
        with self._lock:
            self.outcome = outcome
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(outcome)


@attrs.frozen
class StartedPlugin:
    """A started plugin.

    Attributes:
        after: what it waited for when it started, and so outlives it.
        needs: those of them that it cannot do without.
    """

    entry: Entry
    predecessors: frozenset[PluginRef]
    dependencies: frozenset[PluginRef]


@attrs.define(eq=False)
class Operation:
    """One request under way.

    Attributes:
        owner: the plugin whose code made the request.
        after: which of its plugins waits for which.
        started: what it has started.
    """

    action: Action
    owner: PluginRef | None
    predecessors: Mapping[PluginRef, Collection[PluginRef]] = attrs.field(factory=dict)
    started: list[PluginRef] = attrs.field(factory=list)


class Coordinator:
    """The table of one registry."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._operations: list[Operation] = []
        self._waiting_to_stop = 0
        self._transitions: dict[PluginRef, Transition] = {}
        self._running: dict[PluginRef, StartedPlugin] = {}
        self._token = object()
        self._endings = 0

    # Requests

    @contextmanager
    def operation(self, action: Action) -> Generator[Operation, None, None]:
        """Wait for the other kind to be over, and keep it from beginning.

        Raises:
            RefusedError: plugin code asks for it, and the other kind may be waiting for that very code.
        """
        with self._changed:
            operation = Operation(action, self._owner())
            if operation.owner is not None or Worker.current() is not None:
                self._refuse(operation)
            else:
                self._await_turn(action)
            self._operations.append(operation)
        try:
            yield operation
        finally:
            with self._changed:
                self._operations.remove(operation)
                self._changed.notify_all()

    def _refuse(self, operation: Operation) -> None:
        if any(other.action is not operation.action for other in self._operations):
            raise RefusedError

    def _await_turn(self, action: Action) -> None:
        stopping = action is Action.STOP
        self._waiting_to_stop += stopping
        try:
            while any(other.action is not action for other in self._operations) or (
                not stopping and self._waiting_to_stop
            ):
                self._changed.wait()
        finally:
            self._waiting_to_stop -= stopping
            self._changed.notify_all()

    @contextmanager
    def ending(self, *, everything: bool) -> Generator[None, None, None]:
        """While entered for everything, nothing that has not begun to start begins."""
        with self._changed:
            self._endings += everything
        try:
            yield
        finally:
            with self._changed:
                self._endings -= everything

    @property
    def is_ending(self) -> bool:
        """Whether everything is about to be stopped."""
        return self._endings > 0

    # Plugin code

    def in_plugin_context(self, ref: PluginRef, function: Callable[[], Any]) -> Callable[[], Any]:
        """``function``, marked as the code of a plugin; call it in a context of its own."""

        def marked() -> Any:
            _inside.set((*_inside.get(), (self._token, ref)))
            return function()

        return marked

    def _owner(self) -> PluginRef | None:
        # A task that a plugin left running has the mark too, but nobody waits for it any more.
        marks = (ref for token, ref in reversed(_inside.get()) if token is self._token)
        return next((ref for ref in marks if ref in self._transitions), None)

    def announce(
        self, operation: Operation, predecessors: Mapping[PluginRef, Collection[PluginRef]]
    ) -> frozenset[PluginRef]:
        """Say what an operation will wait for; those that wait for its owner, it must not wait for."""
        with self._changed:
            operation.predecessors = predecessors
            if operation.owner is None:
                return frozenset()
            return frozenset(self._waiting_for(operation.owner))

    def _waiting_for(self, owner: PluginRef) -> set[PluginRef]:
        """All whose turn or end cannot come before ``owner``'s."""
        waiters: dict[PluginRef, set[PluginRef]] = {}
        for operation in self._operations:
            for ref, others in operation.predecessors.items():
                for other in others:
                    waiters.setdefault(other, set()).add(ref)
                if operation.owner is not None and ref != operation.owner:
                    waiters.setdefault(ref, set()).add(operation.owner)
        # The request of the owner itself waits for everything in it: that is what is being asked.
        found, queue = {owner}, [owner]
        while queue:
            for waiter in waiters.get(queue.pop(), set()) - found:
                found.add(waiter)
                queue.append(waiter)
        return found

    # Plugins

    def begin_or_join(self, entry: Entry) -> tuple[Transition, bool]:
        """The act on a plugin, and whether it is the caller's to do and to ``settle``."""
        with self._changed:
            transition = self._transitions.get(entry.ref)
            if transition is not None:
                return transition, False
            transition = self._transitions[entry.ref] = Transition(entry)
            return transition, True

    def finish(
        self,
        transition: Transition,
        outcome: Outcome,
        *,
        state: PluginState | None = None,
        error: PluginError | None = None,
        running: StartedPlugin | None = None,
    ) -> Outcome:
        """End an act; its plugin's new state, if it has one, is seen by all before its outcome is."""
        ref = transition.entry.ref
        with self._changed:
            if state is not None:
                transition.entry.state, transition.entry.error = state, error
                self._running.pop(ref, None)
            if running is not None:
                self._running[ref] = running
            del self._transitions[ref]
        _note(outcome)
        transition.end(outcome)
        return outcome

    def configured(self, entry: Entry, error: PluginError | None = None) -> None:
        """Note that a plugin's configuration is valid, or what is wrong with it."""
        with self._changed:
            if entry.ref not in self._running:
                entry.state = PluginState.CONFIGURED if error is None else PluginState.FAILED
                entry.error = error

    def retry_load(self, entry: Entry) -> None:
        """Let a failed load be tried again."""
        with self._changed:
            if entry.plugin is None and entry.state is PluginState.FAILED:
                entry.state, entry.error = PluginState.DISCOVERED, None

    def running(self) -> dict[PluginRef, StartedPlugin]:
        """The started plugins, in the order in which they started."""
        with self._changed:
            return dict(self._running)

    def is_running(self, ref: PluginRef) -> bool:
        """Whether a plugin is started."""
        return ref in self._running

    def dependents_of(self, refs: Sequence[PluginRef]) -> set[PluginRef]:
        """``refs`` and the started plugins that cannot do without them, directly or not."""
        running = self.running()
        found = set(refs)
        # Each started after what it needs, so that one pass sees the whole chain.
        for ref, each in running.items():
            if each.dependencies & found:
                found.add(ref)
        return found


def _note(outcome: Outcome) -> None:
    done = "stopped" if outcome.stage is Stage.STOP else "started"
    how = f"{done} in {outcome.seconds:.3f} s" if outcome.ok else f"not {done}, {outcome.state}: {outcome.message}"
    log("info", "%s %s", outcome.ref, how)
