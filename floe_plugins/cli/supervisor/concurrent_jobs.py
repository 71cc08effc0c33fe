"""Run several jobs, each in a host of its own, some of them side by side."""

from __future__ import annotations

import queue
import time
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from floe_plugins.cli.supervisor.captured_output import Captured
from floe_plugins.cli.supervisor.launch import launch
from floe_plugins.cli.supervisor.monitor import Monitor
from floe_plugins.cli.supervisor.progress import Progress
from floe_plugins.cli.supervisor.supervisor import Finished, Receive, Supervisor, finished

# Seconds that hosts have to stop in order after a signal. A plugin that is being loaded does not stop.
STOPPING = 5.0

_TICK = 0.2


@attrs.frozen(kw_only=True)
class HostRun:
    """The result of one host of several.

    Attributes:
        index: The place of its job among the jobs.
        finished: What its job came to.
        reports: What the job reported on its way, by name.
        captured: What the host printed.
        seconds: How long the host lived since code of a plugin ran first; None if none ran.
        peak: The most memory that it used, in MiB, where the system says so.
        is_overdue: Whether it was ended because its time was over.
        is_stuck: Whether it had to be ended although its work was done.
    """

    index: int
    finished: Finished
    reports: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    captured: Captured = attrs.field(factory=Captured)
    seconds: float | None = None
    peak: float | None = None
    is_overdue: bool = False
    is_stuck: bool = False


class ConcurrentJobs:
    """Runs several jobs, each in a host that is a new interpreter and whose output is captured.

    Args:
        supervisor: Its signals stop all hosts.
        receive: Called with each log message of a host, on the thread that runs the jobs.
        progress: Told what the hosts do.
    """

    def __init__(self, supervisor: Supervisor, receive: Receive, progress: Progress) -> None:
        self._supervisor = supervisor
        self._receive = receive
        self._progress = progress
        self._messages: queue.SimpleQueue[tuple[int, Mapping[str, Any] | None]] = queue.SimpleQueue()
        self._running: dict[int, Monitor] = {}
        self._reports: dict[int, dict[str, Mapping[str, Any]]] = {}

    def run(
        self, job: str, each: Sequence[Mapping[str, Any]], *, number: int, timeout: float | None = None
    ) -> Generator[HostRun, None, None]:
        """Run a job with each of several options, and yield what became of each, as it ends.

        After a signal no more are begun, and those that run are stopped; what is left after a while is ended.

        Args:
            job: The job.
            each: The options.
            number: How many hosts may run at the same time.
            timeout: The seconds that each job may take once code of a plugin runs.
        """
        waiting = list(enumerate(each))[::-1]
        stopping: float | None = None
        try:
            while self._running or waiting:
                while waiting and len(self._running) < number and self._supervisor.received is None:
                    index, options = waiting.pop()
                    try:
                        self._begin(index, job, options, timeout)
                    except OSError as error:
                        yield HostRun(index=index, finished=Finished(status=1, error=_no_process(error)))
                if self._supervisor.received is not None:
                    waiting.clear()
                    stopping = stopping or time.monotonic()
                    if time.monotonic() - stopping > STOPPING:
                        self._kill()
                if self._running:
                    yield from self._pass_on()
        finally:
            self._progress.clear()
            self._kill()

    def _kill(self) -> None:
        for monitor in self._running.values():
            if monitor.host.status is None:
                monitor.host.kill()

    def _begin(self, index: int, job: str, options: Mapping[str, Any], timeout: float | None) -> None:
        monitor = Monitor(launch(job, options, is_apart=True), partial(self._put, index), timeout)
        self._supervisor.others.append(monitor)
        if self._supervisor.received is not None:
            monitor.host.send("stop")
        self._running[index] = monitor
        monitor.start()

    def _put(self, index: int, message: Mapping[str, Any] | None) -> None:
        self._messages.put((index, message))

    def _pass_on(self) -> Generator[HostRun, None, None]:
        try:
            index, message = self._messages.get(timeout=_TICK)
        except queue.Empty:
            self._progress.show(*(monitor.state for monitor in self._running.values()))
            return
        if message is None:
            yield self._end(index)
        elif message["event"] == "report":
            self._reports.setdefault(index, {})[message["name"]] = message["document"]
        elif message["event"] == "log":
            self._progress.clear()
            self._receive(message)

    def _end(self, index: int) -> HostRun:
        monitor = self._running.pop(index)
        monitor.join()
        self._supervisor.others.remove(monitor)
        self._progress.clear()
        return HostRun(
            index=index,
            finished=finished(monitor, self._supervisor.received),
            reports=self._reports.pop(index, {}),
            captured=monitor.captured,
            seconds=None if monitor.state.begun is None else time.monotonic() - monitor.state.begun,
            peak=monitor.host.peak,
            is_overdue=monitor.is_overdue,
            is_stuck=monitor.is_stuck,
        )


def _no_process(error: OSError) -> dict[str, Any]:
    return {
        "type": "HostNotLaunched",
        "message": f"no host can be launched: {error}",
        "hint": "End other processes, or run fewer hosts side by side with --jobs.",
    }
