"""Make the host: a fork of this process as long as it has imported nothing, else a new interpreter."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import attrs

from floe_plugins.cli.protocol import encode

# Seconds that a host may take to begin.
START_TIMEOUT = 60.0


@attrs.define(eq=False)
class HostProcess:
    """A host that was launched.

    Attributes:
        pid: Its process, and its process group.
        events: The descriptor from which its events are read.
        stacks: The descriptor from which the stacks are read that it writes when it ends abruptly.
        output: The descriptor from which it is read what the host prints; None if it prints to standard error.
        status: How it ended, as ``os.waitstatus_to_exitcode`` says it; None while it runs.
        is_asked_to_stop: Whether it was sent the request to stop.
        peak: The most memory that it used, in MiB, if what it prints is captured; None while it runs, or where the
            system does not say so.
    """

    pid: int
    events: int
    stacks: int
    _requests: int
    output: int | None = None
    status: int | None = None
    peak: float | None = None
    is_asked_to_stop: bool = attrs.field(default=False, init=False)
    # Reentrant, since a signal handler may run within the methods that hold it.
    _lock: Any = attrs.field(factory=threading.RLock, init=False)

    def send(self, event: str, **facts: Any) -> bool:
        """Send a request; return whether it could be written. Does not wait for a host that reads none."""
        data = encode({"event": event, **facts})
        with self._lock:
            self.is_asked_to_stop = self.is_asked_to_stop or event == "stop"
            # What is longer might be written in part.
            if self._requests < 0 or len(data) > select.PIPE_BUF:
                return False
            try:
                os.write(self._requests, data)
            except OSError:
                return False
        return True

    def poll(self) -> int | None:
        """Return how the host ended, or None while it runs."""
        with self._lock:
            if self.status is None:
                self._reap()
            return self.status

    def _reap(self) -> None:
        try:
            if hasattr(os, "waitid"):
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    return
                # As long as the host is not reaped, its group is no other's. What a plugin forked does not outlive it.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
            pid, status = self._wait()
        except ChildProcessError:
            self.status = 1  # somebody else has reaped it
            return
        if pid:
            self.status = os.waitstatus_to_exitcode(status)

    def reap_orphans(self) -> None:
        """Collect the processes that have ended and were left to this one, which is the first of its container."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and found.si_pid != self.pid:
                os.waitpid(found.si_pid, os.WNOHANG)

    def _wait(self) -> tuple[int, int]:
        if self.output is None or "resource" not in sys.modules:  # which os.wait4 needs
            return os.waitpid(self.pid, os.WNOHANG)
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        self.peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10) if pid else None
        return pid, status

    def signal(self, number: int) -> None:
        """Send a signal to the host alone, unless it has ended."""
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self.status is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the host and all that it has forked and that did not leave its group."""
        with self._lock:
            if self.status is None:  # else the number may be another's
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                self.signal(signal.SIGKILL)

    def close(self) -> None:
        """Close this side's descriptors. What is sent later is not written, whoever has their numbers then.

        Does not end the host, which notices that nobody reads it, and stops.
        """
        with self._lock:
            requests, self._requests = self._requests, -1
        for descriptor in filter(None, (self.events, self.stacks, requests, self.output)):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def can_fork() -> bool:
    """Whether a fork is safe: no other thread may hold a lock that the child would wait for. Never on macOS."""
    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


def launch(job: str, options: Mapping[str, Any], *, is_apart: bool = False) -> HostProcess:
    """Launch a host that runs a job.

    Args:
        job: The job.
        options: What the job is given, as JSON data.
        is_apart: Whether the host is a new interpreter, which is the same whatever this process has imported, and what
            it prints is captured.

    Raises:
        OSError: No process can be made.
    """
    if is_apart:
        with contextlib.suppress(ImportError):
            importlib.import_module("resource")  # it is needed to read how much memory the host used
    pipes = [os.pipe()]
    try:
        requests_end, requests = os.pipe()
        pipes.append((requests, requests_end))
        pipes.extend(os.pipe() for _ in range(2 if is_apart else 1))
        ours, theirs = [pipe[0] for pipe in pipes], [pipe[1] for pipe in pipes]
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        pid = _spawn(job, options, theirs) if is_apart or not can_fork() else os.fork()
        if pid == 0:
            # They stay open as long as the host runs: others must not get their numbers, to which its threads write.
            pipes.clear()
            for descriptor in ours:
                os.close(descriptor)
            _become_host(job, options, *theirs)
    except OSError:
        for descriptor, _ in pipes:
            os.close(descriptor)
        raise
    finally:
        for _, descriptor in pipes:
            os.close(descriptor)
    with contextlib.suppress(OSError, AttributeError):
        # The host does the same: whoever is first.
        os.setpgid(pid, pid)
    events, _, *others = ours
    for descriptor in (events, requests, *others):
        os.set_blocking(descriptor, False)
    return HostProcess(pid, events, others[0], requests, *others[1:])


def _become_host(job: str, options: Mapping[str, Any], *descriptors: int) -> NoReturn:
    from floe_plugins.cli.host.process import serve

    try:
        status = serve(job, options, *descriptors)
    except OSError as error:  # the code that forked would take it for its own
        sys.exit(f"the host cannot go on: {error}")
    # Through the interpreter's own end: plugins may have registered functions for it.
    sys.exit(status)


def _spawn(job: str, options: Mapping[str, Any], theirs: Sequence[int]) -> int:
    for descriptor in theirs:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 its only parameter
    arguments = [json.dumps(sys.path), job, json.dumps(options), *map(str, theirs)]
    return os.posix_spawn(sys.executable, [sys.executable, *_interpreter_flags(), "-c", _MAIN, *arguments], os.environ)


_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from floe_plugins.cli.host.__main__ import main; main()"
)


def _interpreter_flags() -> list[str]:
    import subprocess

    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 as multiprocessing does
    return flags
