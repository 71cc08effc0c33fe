"""Run a plan in processes of its own: one that leads, and one for each step."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from floe_plugins import PluginError
from floe_plugins.hookspecs.orchestrator import RunReport, Step, StepCall
from floe_reference_orchestrator_dagster import _request


def check(steps: Sequence[Step]) -> None:
    """Refuse steps that another process cannot run.

    Raises:
        ValueError: a step is no ``StepCall``, or its function stands in the program that was started.
    """
    for step in steps:
        if not isinstance(step.run, StepCall) or step.run.path.startswith("__main__:"):
            message = (
                f"step {step.name!r} runs {step.run!r}, which another process cannot run: with executor multiprocess, "
                "each step must be a StepCall of a function in a module; or set executor: in_process"
            )
            raise ValueError(message)


class ProcessRun:
    """One run of steps. ``cancel`` and ``stop`` may be called from other threads, and before it begins."""

    def __init__(self, steps: Sequence[Step], *, job: str, retry_delay: float, max_concurrent: int | None) -> None:
        self._steps = steps
        self._settings = _request.Settings(job, retry_delay, max_concurrent)
        self._lock = threading.Lock()
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = self._stopped = False

    def run(self) -> RunReport:
        """Run the steps, and wait until all processes have ended.

        Raises:
            PluginError: the leading process ended before the run had.
        """
        from floe_reference_orchestrator_dagster import _running

        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="floe-dagster-") as name:
            directory = Path(name)
            _request.write(directory, self._steps, self._settings)
            status = self._lead(directory)
            # A run that was cancelled has no report: whoever waits for it was told so.
            if status and not self._cancelled:
                message = f"the process that runs the plan ended with status {status} before the run had ended"
                raise PluginError(message, hint="Its standard error says why")
            return _running.report_of(directory, self._steps, time.perf_counter() - began)

    def cancel(self) -> None:
        """Begin no further step, and interrupt those that run."""
        with self._lock:
            self._cancelled = True
            self._interrupt()

    def stop(self) -> None:
        """Begin no further step."""
        with self._lock:
            self._stopped = True
            if self._directory is not None:
                _request.stop(self._directory)

    def _lead(self, directory: Path) -> int:
        with self._lock:
            self._directory = directory
            if self._stopped:
                _request.stop(directory)
            process = self._process = _started(directory)
            if self._cancelled:
                self._interrupt()
        try:
            return process.wait()
        except BaseException:
            self.cancel()
            process.wait()
            raise
        finally:
            if process.returncode and sys.platform != "win32":
                # It could not see to it that its steps end.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            with self._lock:
                self._directory = self._process = None
                if process.stdin is not None:
                    process.stdin.close()

    def _interrupt(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            # It may have ended meanwhile.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._process.stdin.fileno(), b".")


def _started(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "floe_reference_orchestrator_dagster.lead", str(directory)],
        stdin=subprocess.PIPE,
        # What a terminal sends goes to the caller, who decides what becomes of the run.
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
