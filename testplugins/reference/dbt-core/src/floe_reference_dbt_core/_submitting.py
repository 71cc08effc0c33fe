"""dbt commands in processes of their own, which can be ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any

from floe_plugins import CancelledOperationError, PluginError, PluginUnavailableError
from floe_plugins.hookspecs.dbt import DbtEvent, DbtNodeResult, DbtReport
from floe_plugins.hookspecs.running import Running, RunState
from floe_reference_dbt_core._running import lock_of, revealed

_GRACE = 3.0  # seconds in which dbt may end what it has begun, before it is killed
_GLANCE = 0.05


class DbtProcess(Running[DbtReport]):
    """A command that begins when it has the database, and whose process is gone once it has a result.

    Args:
        args: the command and its options.
        output: of the profile, passed by a pipe since it may hold secrets.
        environment: of the process.
        alone: entered while the command runs.
        on_event: called with what dbt tells.
    """

    def __init__(
        self,
        args: Sequence[str],
        output: Mapping[str, Any],
        environment: Mapping[str, str],
        alone: Callable[[threading.Event], AbstractContextManager[None]],
        on_event: Callable[[DbtEvent], None] | None,
    ) -> None:
        self._id = str(uuid.uuid4())
        self._request = json.dumps({"args": [*args], "output": dict(output)}, default=revealed)
        self._environment = environment
        self._alone = alone
        self._on_event = on_event
        self._label = f"dbt {args[0]}"
        self._state = RunState.RUNNING
        self._report: DbtReport | None = None
        self._error: BaseException | None = None
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name=f"floe {self._label}", daemon=True).start()

    @property
    def id(self) -> str:
        return self._id

    @property
    def state(self) -> RunState:
        return self._state

    def cancel(self) -> None:
        self._cancelled.set()

    def result(self, timeout: float | None = None) -> DbtReport:
        if not self._ended.wait(timeout):
            raise TimeoutError(f"{self._label} has not ended within {timeout:g} seconds, and goes on")
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def _run(self) -> None:
        try:
            with self._alone(self._cancelled):
                self._report = self._talk()
            self._state = RunState.SUCCEEDED
        except CancelledError:
            self._error = CancelledOperationError(f"{self._label} was cancelled")
            self._state = RunState.CANCELLED
        except BaseException as error:  # noqa: BLE001 raised to whoever asks for the result
            self._error, self._state = error, RunState.FAILED
        finally:
            self._ended.set()

    def _talk(self) -> DbtReport:
        if self._cancelled.is_set():
            raise CancelledError
        printed = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 closed below
        with printed, self._started(printed) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            watcher = threading.Thread(target=self._watch, args=[child], daemon=True)
            watcher.start()
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(self._request + "\n")
                child.stdin.flush()
            last: dict[str, Any] = {}
            for line in child.stdout:
                last = json.loads(line)
                if "event" in last and self._on_event is not None and not self._cancelled.is_set():
                    self._on_event(DbtEvent(**last["event"]))
            child.wait()
            watcher.join()
            if self._cancelled.is_set() and "report" not in last:
                raise CancelledError
            if "report" not in last and "error" not in last:
                printed.seek(0)
                *_, why = ["it said nothing", *printed.read().strip().splitlines()]
                raise PluginError(f"{self._label} ended with status {child.returncode}: {why}")
            return _read(last)

    @contextlib.contextmanager
    def _started(self, printed: IO[str]) -> Generator[subprocess.Popen[str], None, None]:
        child = subprocess.Popen(
            [sys.executable, "-m", "floe_reference_dbt_core._child"],
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            encoding="utf-8",
        )
        with child:
            try:
                yield child
            except BaseException:
                child.kill()
                raise

    def _watch(self, child: subprocess.Popen[str]) -> None:
        while child.poll() is None:
            if self._cancelled.wait(_GLANCE):
                # By an interrupt dbt lets go of what it is doing; there is none on Windows for one process.
                child.terminate() if os.name == "nt" else child.send_signal(signal.SIGINT)
                try:
                    child.wait(_GRACE)
                except subprocess.TimeoutExpired:
                    child.kill()


class CancelledError(Exception):
    """The command was cancelled before it had begun, or while it ran."""


@contextlib.contextmanager
def turn(path: str, cancelled: threading.Event) -> Generator[None, None, None]:
    """Wait for the commands that work on a database in a file, which lets only one in.

    Raises:
        CancelledError: it was cancelled meanwhile.
    """
    lock = lock_of(path)
    while not lock.acquire(timeout=_GLANCE):
        if cancelled.is_set():
            raise CancelledError
    try:
        yield
    finally:
        lock.release()


def _read(last: Mapping[str, Any]) -> DbtReport:
    error = last.get("error")
    if error is None:
        report = last["report"]
        results = tuple(DbtNodeResult(**result) for result in report["results"])
        return DbtReport(report["ok"], results, report["seconds"])
    if error["type"] == "ValueError":
        raise ValueError(error["message"])
    unavailable = error["type"] in {"PluginUnavailableError", "DatabaseInUseError"}
    raise (PluginUnavailableError if unavailable else PluginError)(error["message"], hint=error["hint"])
