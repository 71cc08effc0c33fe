"""Start in order, stop in reverse, as often as wanted, also when interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from support import SOON, child_environ

from floe_plugins import PluginNotFoundError, PluginState, PluginType

SECRETS = PluginType.SECRETS


def test_plugins_start_after_what_they_need_and_stop_in_reverse(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("secrets:db", "secrets:log")),
        lab.plugin("db", dependencies=("secrets:log",)),
        lab.plugin("log"),
        workers=1,
    )
    assert lab.names(registry.startup()) == ["log", "db", "app"]
    assert lab.names(registry.shutdown()) == ["app", "db", "log"]
    assert lab.log == ["+log", "+db", "+app", "-app", "-db", "-log"]


def test_startup_twice_starts_once(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    registry.startup()
    again = registry.startup()
    assert again.ok
    assert again.outcomes[0].message == "it was started before"
    assert lab.log == ["+a"]


def test_shutdown_twice_stops_once(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    registry.startup()
    registry.shutdown()
    assert registry.shutdown().outcomes == ()
    assert lab.log == ["+a", "-a"]


def test_a_stopped_plugin_can_be_started_again(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    for _ in range(2):
        assert registry.startup().ok
        assert registry.shutdown().ok
    assert lab.log == ["+a", "-a"] * 2


def test_a_plugin_whose_start_failed_can_be_started_later(lab: Any) -> None:
    down = [ConnectionError("refused")]

    def startup(_plugin: Any) -> None:
        if down:
            raise down.pop()

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b", dependencies=("secrets:a",)))
    assert not registry.startup().ok
    assert registry.start(SECRETS, "b").ok
    assert registry.problems == ()
    assert registry.state(SECRETS, "a") is PluginState.STARTED


def test_start_of_one_plugin_starts_what_it_needs_and_stop_stops_what_needs_it(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", dependencies=("secrets:a",)),
        lab.plugin("c", dependencies=("secrets:b",)),
        lab.plugin("d", optional_dependencies=("secrets:a",)),
    )
    assert registry.start(SECRETS, "b").ok
    assert lab.log == ["+a", "+b"]
    registry.startup()
    assert registry.stop(SECRETS, "a").ok
    assert lab.log[-3:] == ["-c", "-b", "-a"]
    assert registry.state(SECRETS, "d") is PluginState.STARTED


def test_stopping_what_is_not_started_does_nothing_and_says_so(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    outcome = registry.stop(SECRETS, "a")
    assert outcome.ok
    assert "not started" in outcome.message
    with pytest.raises(PluginNotFoundError):
        registry.stop(SECRETS, "gone")


def test_no_thread_is_left_after_shutdown(lab: Any) -> None:
    before = set(threading.enumerate())
    registry = lab.registry(*(lab.plugin(f"p{number}") for number in range(5)))
    registry.startup()
    started = set(threading.enumerate()) - before
    assert len(started) == 5
    registry.shutdown()
    for thread in started:
        thread.join(SOON)
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_during_a_hanging_start_is_answered_at_once() -> None:
    code = """
import os, signal, threading
from support import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what runs in the background ignore it
lab = Lab()
# Not print(): its buffer's lock may still be held when the interrupt ends the interpreter.
hanging = lambda plugin: (os.write(1, b"hangs\\n"), threading.Event().wait())
registry = lab.registry(lab.plugin("a"), lab.plugin("b", hanging, dependencies=("secrets:a",)))
try:
    registry.startup()
except KeyboardInterrupt:
    print(*lab.log, *(str(info.state) for info in registry.infos()))
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environ()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "+a +b -a stopped failed\n"
