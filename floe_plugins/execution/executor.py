"""Calls on many workers along a graph, driven by the thread that waits for them."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar, cast

import attrs

from floe_plugins.core.log import log
from floe_plugins.execution.worker import Call, Worker

K = TypeVar("K", bound=Any)
R = TypeVar("R")
K_contra = TypeVar("K_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

# How often the log names what is still waited for, in seconds.
LOG_INTERVAL = 10.0


@attrs.frozen(kw_only=True)
class Task:
    """One call to make for a node.

    Attributes:
        timeout: how long to wait for all its tries; None for as long as it takes.
        limit: the time that the log shows, where the call itself keeps to one.
        here: run it on the waiting thread, which leaves it no deadline.
        late: what the worker does with a result that comes after the deadline.
        withdraw: whether a call that could not begin within the deadline is given up.
    """

    worker: Worker
    function: Callable[[], Any]
    timeout: float | None = None
    limit: float | None = None
    caller_thread: bool = False
    on_late_result: Callable[[Any], object] | None = None
    cancel_unstarted: bool = True


@attrs.frozen
class Retry:
    """Make the call again after so many seconds."""

    seconds: float


@attrs.define(eq=False)
class TaskRun:
    """A task under way.

    Attributes:
        began: when its first try began, by ``time.monotonic``.
        tries: how many there were, this one included.
        call: the present try.
        note_at: when the log names it next.
        retry_at: when the next try begins, if this one asked for it.
    """

    task: Task
    began: float
    attempts: int
    call: Call[Any]
    note_at: float = math.inf
    retry_at: float | None = None

    @property
    def seconds(self) -> float:
        """How long it has taken, or took, from the first try on."""
        ended = self.call.ended
        return (time.monotonic() if ended is None else ended) - self.began

    @property
    def deadline(self) -> float:
        """When it is over, by ``time.monotonic``."""
        return math.inf if self.task.timeout is None else self.began + self.task.timeout

    @property
    def due(self) -> float:
        """When it wants attention next."""
        return min(self.note_at, self.deadline if self.retry_at is None else self.retry_at)

    @property
    def limit(self) -> float | None:
        """The time it has, as the log shows it."""
        return self.task.limit if self.task.timeout is None else self.task.timeout


class Shared(Protocol[R_co]):
    """Something that another schedule is doing."""

    def when_done(self, callback: Callable[[R_co], object]) -> None:
        """Have ``callback(result)`` run on any thread, now if it is done."""
        ...


class Driver(Protocol[K_contra, R_co]):
    """What a schedule does with each node. All of it runs on the waiting thread."""

    def begin(self, node: K_contra, /) -> Task | Shared[R_co] | R_co:
        """The node's turn has come: a call to make, something to wait for, or the result at once."""
        ...

    def ended(self, node: K_contra, attempt: TaskRun, /) -> Retry | R_co:
        """The node's call has ended in time."""
        ...

    def overdue(self, node: K_contra, attempt: TaskRun, /) -> R_co:
        """The node's call has not ended in time."""
        ...

    def interrupted(self, node: K_contra, attempt: TaskRun, /) -> object:
        """The waiting thread was interrupted while the node's call was under way."""
        ...


class Executor(Generic[K, R]):
    """Runs a driver over a graph without circles.

    Nodes begin in the order of ``sequence`` as far as ``after`` lets them, at most
    ``workers`` at a time; with one worker that is ``sequence`` itself.
    """

    def __init__(
        self,
        sequence: Sequence[K],
        after: Mapping[K, Collection[K]],
        driver: Driver[K, R],
        *,
        workers: int,
        result: type[R] | tuple[type[Any], ...],
    ) -> None:
        self._place = {node: place for place, node in enumerate(sequence)}
        self._sorter: TopologicalSorter[K] = TopologicalSorter({node: after.get(node, ()) for node in sequence})
        self._sorter.prepare()
        self._driver = driver
        self._workers = max(workers, 1)
        self._result = result
        self._ready: list[tuple[int, K]] = []
        self._attempts: dict[K, TaskRun] = {}
        self._events: SimpleQueue[tuple[K, Any]] = SimpleQueue()
        self.results: dict[K, R] = {}

    def run(self) -> dict[K, R]:
        """The result of each node, in the order in which they came; blocks until all are there.

        Raises:
            KeyboardInterrupt: the waiting thread was interrupted; calls under way are left behind.
        """
        try:
            while self._sorter.is_active():
                self._begin_ready()
                if self._sorter.is_active():
                    self._wait()
        except BaseException:
            for node, attempt in self._attempts.items():
                attempt.call.detach(cancel_unstarted=attempt.task.cancel_unstarted)
                self._driver.interrupted(node, attempt)
            raise
        return self.results

    def _begin_ready(self) -> None:
        while True:
            for node in self._sorter.get_ready():
                heapq.heappush(self._ready, (self._place[node], node))
            if not self._ready or len(self._attempts) >= self._workers:
                return
            self._begin(heapq.heappop(self._ready)[1])

    def _begin(self, node: K) -> None:
        step = self._driver.begin(node)
        if isinstance(step, Task):
            self._try(node, step, began=None, attempts=1)
        elif isinstance(step, self._result):
            self._finish(node, cast("R", step))
        else:
            cast("Shared[R]", step).when_done(lambda result: self._events.put((node, result)))

    def _try(self, node: K, task: Task, *, began: float | None, attempts: int) -> None:
        if task.caller_thread or task.worker.is_current_thread:
            call = task.worker.run_in_caller_thread(task.function)
            self._attempts[node] = attempt = TaskRun(task, began or call.began or 0.0, attempts, call)
            self._ended(node, attempt)
            return
        call = task.worker.submit(task.function, on_late_result=task.on_late_result)
        self._attempts[node] = attempt = TaskRun(task, began or time.monotonic(), attempts, call)
        attempt.note_at = time.monotonic() + _log_interval(attempt)
        call.when_done(lambda _: self._events.put((node, attempt)))

    def _wait(self) -> None:
        """Take one event, or see to what is due."""
        due = min((attempt.due for attempt in self._attempts.values()), default=math.inf)
        left = due - time.monotonic()
        try:
            if left <= 0:
                node, event = self._events.get_nowait()
            else:
                node, event = self._events.get(timeout=None if left == math.inf else left)
        except Empty:
            self._handle_due()
            return
        if not isinstance(event, TaskRun):
            self._finish(node, event)
        elif self._attempts.get(node) is event:
            self._ended(node, event)

    def _handle_due(self) -> None:
        now = time.monotonic()
        for node, attempt in [each for each in self._attempts.items() if each[1].due <= now]:
            if attempt.retry_at is not None and attempt.retry_at <= now:
                self._try(node, attempt.task, began=attempt.began, attempts=attempt.attempts + 1)
            elif attempt.retry_at is None and attempt.deadline <= now:
                self._expire(node, attempt)
            else:
                self._log_waiting(node, attempt)

    def _ended(self, node: K, attempt: TaskRun) -> None:
        call, task = attempt.call, attempt.task
        if attempt.attempts == 1 and call.began is not None:
            attempt.began = call.began
        late = not task.caller_thread and call.ended is not None and call.ended > attempt.deadline
        if late:
            # This thread was held up by a call of its own, and saw it only now.
            if call.error is None and task.on_late_result is not None:
                handle, value = task.on_late_result, call.result()
                task.worker.submit(lambda: handle(value))
            self._finish(node, self._driver.overdue(node, attempt))
            return
        result = self._driver.ended(node, attempt)
        if isinstance(result, Retry):
            attempt.retry_at = time.monotonic() + result.seconds
        else:
            self._finish(node, result)

    def _expire(self, node: K, attempt: TaskRun) -> None:
        begun = attempt.call.began
        if attempt.attempts == 1 and begun is not None and begun > attempt.began:
            # What counts is the plugin's own time, not that of its thread's other work.
            attempt.began = begun
        elif attempt.call.detach(cancel_unstarted=attempt.task.cancel_unstarted):
            self._finish(node, self._driver.overdue(node, attempt))
        else:
            self._ended(node, attempt)

    def _finish(self, node: K, result: R) -> None:
        self._attempts.pop(node, None)
        self.results[node] = result
        self._sorter.done(node)

    @staticmethod
    def _log_waiting(node: K, attempt: TaskRun) -> None:
        of = "" if attempt.limit is None else f" of {attempt.limit:g} s"
        log("warning", "still waiting for %s, %.3g s%s", node, attempt.seconds, of)
        attempt.note_at = time.monotonic() + _log_interval(attempt)


def _log_interval(attempt: TaskRun) -> float:
    """How long the log says nothing of a call: a third of its time, if that is not much."""
    return LOG_INTERVAL if not attempt.limit else min(LOG_INTERVAL, attempt.limit / 3)
