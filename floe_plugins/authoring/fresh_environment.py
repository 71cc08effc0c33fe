"""A fresh virtual environment with chosen packages, made by uv or by Python's own tools, for a limited time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from floe_plugins.authoring.signals import handled_by

_MAX_TAIL = 4_000
_LOOK = 0.2  # seconds until it is seen that a signal was received
_NOT_BEGUN = 127  # as shells have it
# What would reach into the new environment from the one that this runs in.
_NOT_PASSED = ("PYTHON", "VIRTUAL_ENV", "PYTEST_", "UV_PROJECT_ENVIRONMENT", "__PYVENV_LAUNCHER__")


class Done(NamedTuple):
    """How a command ended.

    Attributes:
        status: its exit status; negative for a signal; None if it was ended because the time was over; 127 if the
            system could not begin it.
        tail: the end of what it printed, on both streams; or why it could not be begun.
    """

    status: int | None
    tail: str


class FreshEnvironment:
    """A virtual environment of this Python in a directory.

    Attributes:
        tool: what makes it: ``uv``, where that is on the path, or ``venv``.
        python: its interpreter.
    """

    def __init__(self, directory: Path, *, seconds: float, prefixes: Sequence[str] = ()) -> None:
        """Nothing is made yet.

        Args:
            directory: where it is made.
            seconds: how long all commands together may take.
            prefixes: the environment variables with these prefixes are not passed on.
        """
        self._directory = directory
        self._uv = shutil.which("uv")
        self._deadline = time.monotonic() + seconds
        self._not_passed = (*_NOT_PASSED, *prefixes)
        self.tool = "venv" if self._uv is None else "uv"
        self.python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def create(self) -> Done:
        """Make it, empty. Blocks as ``run``."""
        if self._uv is None:
            return self.run([sys.executable, "-m", "venv", str(self._directory)])
        return self.run([self._uv, "venv", "--quiet", "--python", sys.executable, str(self._directory)])

    def install(self, requirements: Sequence[str]) -> Done:
        """Install requirements, as pip takes them, from the tool's own index. Blocks as ``run``."""
        if self._uv is None:
            pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            return self.run([*pip, *requirements])
        return self.run([self._uv, "pip", "install", "--quiet", "--python", str(self.python), *requirements])

    def run(self, command: Sequence[str], directory: Path | None = None) -> Done:
        """Run a command, and end it and what it started when the time is over or a signal arrives.

        Blocks until then. It has no standard input, and none of the variables that are not passed on. A signal is
        handled once they have ended.

        Raises:
            OSError: what it prints cannot be kept, as on a full disk.
        """
        received: list[int] = []
        # An exception of a handler would leave a process behind that has just begun.
        with handled_by(lambda number, _frame: received.append(number)):
            done = self._run(command, directory, received)
        if received:
            signal.raise_signal(received[0])
        return done

    def _run(self, command: Sequence[str], directory: Path | None, received: Sequence[int]) -> Done:
        with (self._directory.parent / "output").open("w+b") as output:
            try:
                process = subprocess.Popen(  # noqa: S603 a command that was made here
                    command,
                    cwd=directory,
                    env=self._variables(os.environ),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                return Done(_NOT_BEGUN, f"{command[0]}: {error.strerror or error}")
            try:
                status = self._wait(process, received)
            finally:
                _end(process)
            size = output.seek(0, os.SEEK_END)
            output.seek(max(size - _MAX_TAIL, 0))
            return Done(status, output.read().decode("utf-8", "replace"))

    def _wait(self, process: subprocess.Popen[bytes], received: Sequence[int]) -> int | None:
        """Return the status of a process; None once the time is over or a signal was received."""
        while not received and (left := self._deadline - time.monotonic()) > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(min(left, _LOOK))
        return process.poll()

    def _variables(self, inherited: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in inherited.items() if not name.startswith(self._not_passed)}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started and left in its group."""
    if os.name == "nt":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
