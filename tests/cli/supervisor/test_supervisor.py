"""The first signal stops the platform, the second ends the process."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from floe_plugins import PluginError
from floe_plugins.cli.supervisor import supervisor
from floe_plugins.cli.supervisor.progress import Progress

pytestmark = pytest.mark.once


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(environment: Any, write: Callable[..., str]) -> Iterator[Start]:
    """Start ``floe-plugins run`` with some plugins; it is killed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start(names: tuple[str, ...], config: str, *options: str) -> subprocess.Popen[str]:
            plugins = environment(*names)
            process = subprocess.Popen(
                [sys.executable, "-m", "floe_plugins", "run", *options, "--config", write(config)],
                env=plugins.variables(),
                cwd=plugins.home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def serving(run: Start) -> Start:
    """Start it with a plugin, and wait until it serves."""

    def serve(name: str, config: str) -> subprocess.Popen[str]:
        process = run((name,), config, "--json")
        assert process.stdout
        events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
        assert events == ["startup", "health"]
        return process

    return serve


def interrupted_while_waiting(process: subprocess.Popen[str]) -> str:
    """Interrupt it once it waits for a plugin, and return what it printed."""
    assert process.stderr
    assert any("still waiting for" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_platform(serving: Any, number: signal.Signals) -> None:
    process = serving("storage-local", "plugins: {storage: {local: {root: data}}}")
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["event"] == "shutdown"
    assert process.returncode == 0


def test_the_second_signal_exits_at_once(serving: Any) -> None:
    process = serving("hanging-stop", "registry: {autoload: all, timeouts: {shutdown: 600}}")
    process.send_signal(signal.SIGINT)
    assert any("stopping" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "second signal received: exiting without stopping the remaining plugins" in err
    assert process.returncode == 128 + signal.SIGINT


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["run", "once"])
def test_a_signal_during_the_start_is_a_failure(run: Start, once: list[str]) -> None:
    config = "registry: {autoload: all, timeouts: {startup: 200}}\nplugins: {storage: {local: {root: data}}}"
    process = run(("hanging-start", "storage-local"), config, *once)
    assert "platform healthy" not in interrupted_while_waiting(process)
    assert process.returncode == 1


def test_a_signal_during_a_check_with_once_is_a_failure(run: Start) -> None:
    process = run(("hanging-stop",), "registry: {autoload: all, timeouts: {shutdown: 200}}", "--once")
    interrupted_while_waiting(process)
    assert process.returncode != 0


def test_a_host_that_cannot_be_made_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_args: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(supervisor, "launch", exhausted)
    with pytest.raises(PluginError, match=r"no host can be launched: Too many open files.*ulimit -n"):
        supervisor.Supervisor(print, Progress(None)).run("check", {})
