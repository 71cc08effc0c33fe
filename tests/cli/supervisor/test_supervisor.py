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


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["run", "once"])
def test_a_signal_during_the_start_is_a_failure(environment: Any, write: Callable[..., str], once: list[str]) -> None:
    plugins = environment("hanging-start", "storage-local")
    config = write("registry: {autoload: all, timeouts: {startup: 20}}\nplugins: {storage: {local: {root: data}}}")
    process = subprocess.Popen(
        [sys.executable, "-m", "floe_plugins", "run", *once, "--config", config],
        env=plugins.variables(),
        cwd=plugins.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            assert any("still waiting for" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=15)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "platform healthy" not in out


def test_a_signal_during_a_check_with_once_is_a_failure(environment: Any, write: Callable[..., str]) -> None:
    plugins = environment("hanging-stop")
    config = write("registry: {autoload: all, timeouts: {shutdown: 20}}")
    process = subprocess.Popen(
        [sys.executable, "-m", "floe_plugins", "run", "--once", "--config", config],
        env=plugins.variables(),
        cwd=plugins.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            assert any("still waiting for" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=15)
        finally:
            process.kill()
    assert process.returncode != 0
