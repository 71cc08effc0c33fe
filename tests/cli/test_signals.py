"""The first signal stops the platform, the second ends the process."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def serving(environment: Any, write: Callable[..., str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``floe-plugins run`` with a plugin, and wait until it serves."""
    with contextlib.ExitStack() as stack:

        def serve(name: str, config: str) -> subprocess.Popen[str]:
            plugins = environment(name)
            process = subprocess.Popen(
                [sys.executable, "-m", "floe_plugins", "run", "--json", "--config", write(config)],
                env=plugins.variables(),
                cwd=plugins.home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout
            events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
            assert events == ["startup", "health"]
            return process

        yield serve


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
