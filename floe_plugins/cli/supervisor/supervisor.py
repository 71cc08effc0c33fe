"""Run a job in a host of its own: pass on what it says, and the operator's signals, until it ends."""

from __future__ import annotations

import itertools
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import attrs

from floe_plugins.cli import logs
from floe_plugins.cli.supervisor.ending import Ending
from floe_plugins.cli.supervisor.launch import launch
from floe_plugins.cli.supervisor.monitor import Monitor
from floe_plugins.cli.supervisor.progress import Progress
from floe_plugins.errors import PluginError

_TICK = 0.2

Receive = Callable[[Mapping[str, Any]], object]


@attrs.frozen(kw_only=True)
class Finished:
    """The result of a job.

    Attributes:
        status: The exit status that the host asks for; 1 if it ended without one.
        document: The facts, as JSON data; empty if there are none.
        lines: What a person reads besides tables of these facts.
        error: The error that the job ended with, as JSON data.
        ending: Why the host ended before the job did.
        signal: The signal by which the operator ended the job.
    """

    status: int
    document: Mapping[str, Any] = attrs.field(factory=dict)
    lines: tuple[str, ...] = ()
    error: Mapping[str, Any] | None = None
    ending: Ending | None = None
    signal: int | None = None


def finished(monitor: Monitor, received: int | None) -> Finished:
    """Return what the job of a host that has ended came to."""
    outcome = monitor.state.outcome
    if outcome is None:
        return Finished(status=1, ending=monitor.ending, signal=received)
    return Finished(
        status=outcome.get("status", 1) or int(monitor.ending is not None),
        document=outcome.get("document") or {},
        lines=tuple(outcome.get("lines") or ()),
        error=outcome.get("error"),
        ending=monitor.ending,
        signal=received,
    )


class Supervisor:
    """Runs jobs in hosts, one after another.

    Args:
        receive: Called with each report and each log message of a host, on the thread that runs the job.
        progress: Told what a host does.

    Attributes:
        monitor: That of the host that runs now, or ran last.
        others: Those of the hosts that run side by side.
        received: The signal that was received, if one was.
        observers: Called with each message of a host, on the monitor's thread; they must be quick.
        on_tick: Called several times a second, on the thread that runs the job.
        on_hangup: Called, on the thread that runs the job, after SIGHUP; None if that signal stops the platform.
    """

    def __init__(self, receive: Receive, progress: Progress) -> None:
        self.monitor: Monitor | None = None
        self.others: list[Monitor] = []
        self.received: int | None = None
        self.observers: list[Receive] = []
        self.on_tick: Callable[[], object] = int
        self.on_hangup: Callable[[], object] | None = None
        self._receive = receive
        self._progress = progress
        self._messages: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._replies: dict[int, queue.SimpleQueue[Mapping[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._hung_up = False

    def run(self, job: str, options: Mapping[str, Any]) -> Finished:
        """Run a job in a host and return what it came to. Blocks until the host has ended."""
        self.begin(job, options)
        return self.wait()

    def begin(self, job: str, options: Mapping[str, Any]) -> None:
        """Launch a host that runs a job.

        Raises:
            PluginError: No process can be made.
        """
        try:
            host = launch(job, options)
        except OSError as error:
            hint = "End other processes, or raise the limits of this one (ulimit -n, ulimit -u)."
            raise PluginError(f"no host can be launched: {error.strerror or error}", hint=hint) from None
        self.monitor = monitor = Monitor(host, self._take)
        if self.received is not None:
            monitor.host.send("stop")
        monitor.start()

    def wait(self) -> Finished:
        """Pass on what the host says until it has ended, and return what its job came to."""
        monitor = self.monitor
        assert monitor is not None  # noqa: S101 for type checkers: begin() made it
        try:
            self._pass_on(monitor)
        finally:
            self._progress.clear()
        return finished(monitor, self.received)

    def ask(self, event: str, wait: float, **facts: Any) -> Mapping[str, Any]:
        """Ask the host and return its answer. Blocks up to ``wait`` seconds; for any thread.

        Raises:
            PluginError: No host runs, or it does not answer in time.
        """
        monitor, number = self.monitor, next(self._ids)
        replies = self._replies[number] = queue.SimpleQueue()
        try:
            if monitor is None or monitor.host.status is not None or not monitor.host.send(event, id=number, **facts):
                raise PluginError("no host runs that could answer")
            return replies.get(timeout=wait)
        except queue.Empty:
            silence = monitor.state.silence if monitor is not None else 0.0
            raise PluginError(
                f"the host did not answer within {wait:g} s; it was last heard of {silence:.1f} s ago"
            ) from None
        finally:
            del self._replies[number]

    def pause(self, seconds: float) -> None:
        """Wait, unless a signal arrives."""
        end = time.monotonic() + seconds
        while self.received is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _TICK))
            self.on_tick()

    def _take(self, message: Mapping[str, Any] | None) -> None:
        """Take a message on the monitor's thread."""
        if message is None:
            for waiting in list(self._replies.values()):  # the host has ended, and nobody else will answer
                waiting.put({"error": {"message": "the host ended before it answered"}})
        else:
            if message["event"] == "reply":
                replies = self._replies.get(message.get("id") or 0)
                if replies is not None:
                    replies.put(message.get("answer") or {})
            for observer in self.observers:
                observer(message)
            if message["event"] not in {"report", "log"}:
                return
        self._messages.put(message)

    def _pass_on(self, monitor: Monitor) -> None:
        while True:
            try:
                message = self._messages.get(timeout=_TICK)
            except queue.Empty:
                self._progress.show(monitor.state)
            else:
                if message is None:
                    return
                self._progress.clear()
                self._receive(message)
            self.on_tick()
            if self._hung_up and self.on_hangup is not None:
                self._hung_up = False
                self._progress.clear()
                self.on_hangup()

    @contextmanager
    def signals(self) -> Generator[None, None, None]:
        """Within the block, a first signal has the host stop in order, and a second one ends it at once."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None) and self.on_hangup is not None:
            self._hung_up = True
            return
        monitors = [*self.others, *filter(None, [self.monitor])]
        if self.received is not None:
            _say("second signal received: exiting without stopping the remaining plugins")
            for monitor in monitors:
                monitor.host.kill()
            os._exit(128 + number)
        self.received = number
        _say("stopping; press Ctrl-C or send SIGTERM again to exit at once")
        for monitor in monitors:
            monitor.host.send("stop")


def _say(text: str) -> None:
    # Python's streams refuse a write that interrupts another one.
    try:
        clear = b"\r\x1b[K" if sys.stderr.isatty() and not logs.is_json() else b""
        os.write(2, clear + logs.line("info", text).encode("ascii"))
    except (AttributeError, OSError, ValueError):
        return
