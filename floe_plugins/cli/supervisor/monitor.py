"""Watch over a host from outside: read what it says, end it when it does not answer, and say how it ended."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.cli.protocol import VERSION, MessageReader
from floe_plugins.cli.supervisor.captured_output import Captured
from floe_plugins.cli.supervisor.ending import Ending, explain, explain_signal
from floe_plugins.cli.supervisor.interpreter_lock import LockUse, observe
from floe_plugins.cli.supervisor.launch import START_TIMEOUT, HostProcess
from floe_plugins.cli.supervisor.standstill import MAX_STANDSTILL
from floe_plugins.cli.supervisor.state import HostState

# Seconds without a word after which a host is ended: past the deadline of a call, and at any other time.
MAX_SILENCE_PAST_DEADLINE = 1.0
MAX_SILENCE = 10.0

# Seconds that a host has to write its stacks, and to leave once its work is done.
LAST_WORDS = 1.0
LEAVING = 2.0

# What a job whose time is limited has of it to leave, at most: an interpreter with much in it takes a while.
LONG_LEAVING = 15.0

_TICK = 0.1
_MAX_STACKS = 2**20

# What a host wrote before its end fits into its pipes; what it has forked and left behind may write for ever.
_LAST_READS = 100


class Monitor:
    """Watches over one host, on a thread of its own.

    Args:
        host: The host.
        receive: Called with each message of the host, and at last with None, on the monitor's thread.
        timeout: The seconds that the job may take once code of a plugin runs; None for no limit.

    Attributes:
        state: What is known of the host.
        captured: What it printed, if that is captured.
        ending: Why the host ended although nobody asked it to; None if it has done its work and left.
        is_overdue: Whether it was ended because its time was over.
        is_stuck: Whether it had to be ended although its work was done.
    """

    def __init__(
        self,
        host: HostProcess,
        receive: Callable[[Mapping[str, Any] | None], object],
        timeout: float | None = None,
    ) -> None:
        self.host = host
        self.state = HostState()
        self.captured = Captured()
        self.ending: Ending | None = None
        self.is_stuck = False
        self._timeout = timeout
        self.is_overdue = False
        self._receive = receive
        self._reader = MessageReader(host.events)
        self._stacks = bytearray()
        self._silent: float | None = None
        self._still: float | None = None
        self._is_to_stop = False
        self._lock_use = LockUse()
        self._begun = time.monotonic()
        self._done: float | None = None
        self._thread = threading.Thread(target=self._run, name="floe monitor", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the host has ended, and all that it said was received; at most ``timeout`` seconds."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while self.host.poll() is None:
                self._read(_TICK)
                self._watch()
                if os.getpid() == 1:
                    self.host.reap_orphans()
            for _ in range(_LAST_READS):
                if not self._read(0):
                    break
            signalled = None if self.host.is_asked_to_stop else self.state.signalled
            if self.state.outcome is None or self._left_abruptly():
                stacks = self._stacks.decode("utf-8", "replace")
                self.ending = explain(
                    self.state,
                    self.host.status,
                    stacks,
                    silent=self._silent,
                    still=self._still,
                    over=self._timeout if self.is_overdue else None,
                    lock_use=self._lock_use,
                )
            elif signalled is not None:
                self.ending = explain_signal(self.state, signalled)
        finally:
            self.host.close()
            self._receive(None)

    def _left_abruptly(self) -> bool:
        """Whether code of a plugin ended the host after its work was done."""
        status = self.host.status or 0
        return not self.is_stuck and (status < 0 or self.state.exiting is not None)

    def _read(self, timeout: float) -> bool:
        """Wait for something to read, and read it; return whether there may be more."""
        output = None if self.captured.is_closed else self.host.output
        descriptors = [self.host.stacks] if self._reader.is_closed else [self.host.events, self.host.stacks]
        descriptors += [] if output is None else [output]
        try:
            readable, _, _ = select.select(descriptors, [], [], timeout)
        except ValueError:  # more than a thousand descriptors are open
            time.sleep(timeout)
            readable = descriptors
        found = False
        if self.host.stacks in readable:
            data = _read_all(self.host.stacks)
            found = bool(data)
            self._stacks = (self._stacks + data)[:_MAX_STACKS]
            if not data and timeout:
                time.sleep(min(timeout, 0.01))  # closed, and so always readable
        if self.host.events in readable:
            for message in self._reader.read():
                self.state.apply(message)
                self._receive(message)
            found = found or self._reader.has_read
        if output is not None and output in readable:
            found = self.captured.read(output) or found
        return found

    def _watch(self) -> None:
        now, state = time.monotonic(), self.state
        if self.host.is_asked_to_stop and not self._is_to_stop:
            self._is_to_stop = True
            state.standstill.apply({"event": "stop"})
        if state.outcome is not None:
            self._done = self._done or now
            if now - self._done > self._leaving(self._done):
                # Its work is done, and something keeps it from leaving.
                self.is_stuck = True
                self.host.kill()
        elif state.protocol is None:
            if now - self._begun > START_TIMEOUT:
                self._end()
        elif state.protocol != VERSION:
            self.host.kill()
        elif self._timeout is not None and state.begun is not None and now - state.begun > self._timeout:
            self.is_overdue = True
            self._end()
        elif state.silence > MAX_SILENCE or (state.silence > MAX_SILENCE_PAST_DEADLINE and self._is_past_deadline(now)):
            self._end()
        elif state.standstill.seconds() > MAX_STANDSTILL:
            self._still = MAX_STANDSTILL
            self._end()

    def _leaving(self, done: float) -> float:
        """Return how many seconds the host has to leave, now that its work is done."""
        if self._timeout is None or self.state.begun is None:
            return LEAVING
        return max(LEAVING, min(LONG_LEAVING, self.state.begun + self._timeout - done))

    def _is_past_deadline(self, now: float) -> bool:
        return any(call.deadline is not None and now > call.deadline for call in self.state.calls)

    def _end(self) -> None:
        """Have the host write its stacks, which works whatever its threads do, and end it."""
        self._silent = self.state.silence
        self._lock_use = observe(self.host.pid)
        self.host.signal(signal.SIGABRT)
        end = time.monotonic() + LAST_WORDS
        while self.host.poll() is None and time.monotonic() < end:
            self._read(_TICK)
        self.host.kill()


def _read_all(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _MAX_STACKS)
    except OSError:
        return b""
