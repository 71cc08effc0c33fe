"""Run calls on many workers along a graph, driven by the thread that waits for them."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from graphlib import TopologicalSorter
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import attrs

from floe_plugins.core.log import log
from floe_plugins.execution.call import Call, Watch
from floe_plugins.execution.shield import InterruptedRequestError, Request
from floe_plugins.execution.worker import Worker

K = TypeVar("K", bound=Any)
R = TypeVar("R")

# How often the log names what is still waited for, in seconds.
LOG_INTERVAL = 10.0


def completed(result: R) -> Future[R]:
    """Return a future that holds a result."""
    future: Future[R] = Future()
    future.set_result(result)
    return future


@attrs.define(eq=False, kw_only=True)
class Task:
    """One call to make for a node, and how far it has come. Times are of ``time.monotonic``.

    Attributes:
        worker: The worker of the plugin, on whose thread it is made.
        function: What to call; it takes no arguments.
        timeout: Seconds to wait for its end; None for as long as it takes.
        delay: Seconds to wait before it is made.
        convert: Turns the result of plugin code into plain values; None for this package's own code.
        caller_thread: Whether to make it on the thread that made the request, without a deadline.
        inline: Whether to make it on the executor's own thread, without a deadline.
        on_late_end: Called on the worker's thread if the call ends after its deadline, whichever way.
        cancel_unstarted: Whether a call that could not begin within the deadline is given up.
        shown_timeout: The timeout that the log shows, where it is another one.
        reason: Why the call is made again, for the log.
        watch: Entered while the call runs.
        call: The call, once the delay is over.
        began: When the call began, as far as that is known, else when it was submitted.
        since: When the node's first task was begun.
        begin_at: When the call is to be made.
        log_at: When the log names it next.
    """

    worker: Worker
    function: Callable[[], Any]
    timeout: float | None = None
    delay: float = 0.0
    convert: Callable[[Any], Any] | None = None
    caller_thread: bool = False
    inline: bool = False
    on_late_end: Callable[[], object] | None = None
    cancel_unstarted: bool = True
    shown_timeout: float | None = None
    reason: str = ""
    watch: Watch | None = None
    call: Call[Any] | None = attrs.field(default=None, init=False)
    began: float = attrs.field(default=0.0, init=False)
    since: float = attrs.field(default=0.0, init=False)
    begin_at: float = attrs.field(default=0.0, init=False)
    log_at: float = attrs.field(default=0.0, init=False)

    @property
    def limit(self) -> float | None:
        """The timeout that the log shows."""
        return self.timeout if self.shown_timeout is None else self.shown_timeout

    @property
    def log_interval(self) -> float:
        """The seconds between two log messages about the call: a third of its timeout, at most ``LOG_INTERVAL``."""
        return min(LOG_INTERVAL, self.limit / 3) if self.limit else LOG_INTERVAL

    @property
    def seconds(self) -> float:
        """Seconds that the call has taken, or took; 0 if it was not made."""
        if self.call is None:
            return 0.0
        ended = self.call.ended
        return (time.monotonic() if ended is None else ended) - self.began

    @property
    def error(self) -> BaseException | None:
        """The exception of the call, if it has ended with one."""
        return None if self.call is None else self.call.exception()

    @property
    def result(self) -> Any:
        """The result of the call, once it has ended without an error."""
        return None if self.call is None else self.call.result()

    @property
    def has_begun(self) -> bool:
        """Whether the call's function was entered."""
        return self.call is not None and self.call.began is not None

    @property
    def deadline(self) -> float:
        """When the call has to have ended."""
        if self.call is None or self.timeout is None or self.caller_thread or self.inline:
            return math.inf
        return self.began + self.timeout

    @property
    def due(self) -> float:
        """When it wants attention next."""
        return min(self.log_at, self.deadline if self.call is not None else self.begin_at)


class Driver(Generic[K, R]):
    """Says what an executor does with each node. All methods run on the executor's thread.

    Each returns the next task of the node, or a future of its result.
    """

    def begin(self, node: K) -> Task | Future[R]:
        """The node's turn has come."""
        raise NotImplementedError

    def ended(self, node: K, task: Task) -> Task | Future[R]:
        """The node's call has ended in time."""
        raise NotImplementedError

    def overdue(self, node: K, task: Task) -> Task | Future[R]:
        """The node's call has not ended in time, or the executor's own deadline is over."""
        raise NotImplementedError

    def interrupted(self, node: K, task: Task) -> object:
        """The request was interrupted while the node's call was under way, or about to be made."""


class Executor(Generic[K, R]):
    """Runs a driver over a graph without cycles.

    Nodes begin in the order of ``sequence`` as soon as their predecessors are done, at most ``workers`` at a time;
    with one worker that is ``sequence`` itself. At ``deadline`` (by ``time.monotonic``) every call is overdue.
    """

    def __init__(  # noqa: PLR0913 all but the first three are keyword-only
        self,
        sequence: Sequence[K],
        predecessors: Mapping[K, Collection[K]],
        driver: Driver[K, R],
        *,
        request: Request[Any],
        workers: int,
        deadline: float = math.inf,
    ) -> None:
        self._place = {node: place for place, node in enumerate(sequence)}
        self._sorter: TopologicalSorter[K] = TopologicalSorter({node: predecessors.get(node, ()) for node in sequence})
        self._sorter.prepare()
        self._driver = driver
        self._request = request
        self._workers = max(workers, 1)
        self._deadline = deadline
        self._ready: list[tuple[int, K]] = []
        self._tasks: dict[K, Task] = {}
        self._due = deadline  # no task wants attention before, though one that has ended may have wanted it then
        self._events: SimpleQueue[tuple[K, Future[Any]] | None] = SimpleQueue()
        self._results: dict[K, R] = {}

    def run(self) -> dict[K, R]:
        """Return the result of each node, in the order in which they came; blocks until all are there.

        Raises:
            InterruptedRequestError: The request was interrupted; calls under way are left behind.
        """
        events = self._events  # the executor itself would never be let go of by a plugin that hangs
        self._request.interrupted.add_done_callback(lambda _: events.put(None))
        try:
            while self._sorter.is_active():
                self._begin_ready()
                if self._sorter.is_active():
                    self._wait()
        except BaseException:
            for node, task in self._tasks.items():
                if task.call is not None:
                    task.call.detach(cancel_unstarted=task.cancel_unstarted)
                self._driver.interrupted(node, task)
            raise
        return self._results

    def _begin_ready(self) -> None:
        while True:
            for node in self._sorter.get_ready():
                heapq.heappush(self._ready, (self._place[node], node))
            if not self._ready or len(self._tasks) >= self._workers:
                return
            node = heapq.heappop(self._ready)[1]
            self._follow(node, self._driver.begin(node), time.monotonic())

    def _follow(self, node: K, step: Task | Future[R], since: float) -> None:
        """Make the node's next call, or take its result."""
        if isinstance(step, Future):
            self._tasks.pop(node, None)
            if step.done():
                self._finish(node, step)
            else:
                self._expect(node, step)
            return
        now = time.monotonic()
        step.since, step.log_at, step.begin_at = since, now + step.log_interval, now + step.delay
        self._tasks[node] = step
        if step.delay:
            self._due = min(self._due, step.due)
        else:
            self._make(node, step)

    def _make(self, node: K, task: Task) -> None:
        task.call = call = Call(task.function, convert=task.convert, on_late_end=task.on_late_end, watch=task.watch)
        task.began = time.monotonic()
        if task.inline or task.worker.is_current_thread:
            task.worker.run_in_caller_thread(call)
            self._end(node, task, call)
            return
        self._due = min(self._due, task.due)
        self._expect(node, call)
        if task.caller_thread:
            self._request.run_on_caller(task.worker, call)
        else:
            task.worker.enqueue(call)

    def _expect(self, node: K, future: Future[Any]) -> None:
        events = self._events
        future.add_done_callback(lambda ended: events.put((node, ended)))

    def _wait(self) -> None:
        """Take one event, or handle what is due."""
        left = (self._due if self._tasks else math.inf) - time.monotonic()
        try:
            event = self._events.get_nowait() if left <= 0 else self._events.get(timeout=min(left, 1e6))
        except Empty:
            self._handle_due()
            return
        if event is None:
            raise InterruptedRequestError
        node, ended = event
        task = self._tasks.get(node)
        if not isinstance(ended, Call):
            self._finish(node, ended)
        elif task is not None and task.call is ended:
            self._end(node, task, ended)

    def _handle_due(self) -> None:
        now = time.monotonic()
        is_over = now >= self._deadline
        for node, task in [each for each in self._tasks.items() if is_over or each[1].due <= now]:
            if is_over or (task.call is not None and task.deadline <= now):
                self._expire(node, task, is_over=is_over)
            elif task.call is None and task.begin_at <= now:
                self._make(node, task)
            else:
                self._log_waiting(node, task)
        self._due = min((task.due for task in self._tasks.values()), default=math.inf)
        self._due = min(self._due, self._deadline)

    def _end(self, node: K, task: Task, call: Call[Any]) -> None:
        if call.began is not None:
            task.began = call.began
        if call.ended is not None and call.ended > task.deadline:
            # This thread was held up by another call, and saw it only now.
            if task.on_late_end is not None:
                task.worker.submit(task.on_late_end)
            self._follow(node, self._driver.overdue(node, task), task.since)
        else:
            self._follow(node, self._driver.ended(node, task), task.since)

    def _expire(self, node: K, task: Task, *, is_over: bool) -> None:
        call = task.call
        if call is not None:
            if not is_over and call.began is not None and call.began > task.began:
                # The plugin's own time counts, not that of its thread's earlier calls.
                task.began = call.began
                return
            if not call.detach(cancel_unstarted=task.cancel_unstarted):
                self._end(node, task, call)
                return
        self._follow(node, self._driver.overdue(node, task), task.since)

    def _finish(self, node: K, future: Future[R]) -> None:
        self._results[node] = future.result()
        self._sorter.done(node)

    @staticmethod
    def _log_waiting(node: K, task: Task) -> None:
        now = time.monotonic()
        of = "" if task.limit is None else f" of {task.limit:g} s"
        reason = f": {task.reason}" if task.reason else ""
        log("warning", "still waiting for %s, %.3g s%s%s", node, now - task.since, of, reason)
        task.log_at = now + task.log_interval
