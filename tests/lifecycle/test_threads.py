"""Which thread runs what, how many at once, and interrupts."""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from floe_plugins import (
    OutcomeState,
    PluginState,
    PluginType,
)

SECRETS, STORAGE = PluginType.SECRETS, PluginType.STORAGE
SOON = 30.0  # what never takes long is given this; what must not be waited for never ends by itself


def test_independent_plugins_start_side_by_side(lab: Any) -> None:
    together = threading.Barrier(4)

    def startup(_plugin: Any) -> None:
        together.wait(SOON)

    plugins = [lab.plugin(f"p{number}", startup) for number in range(4)]
    assert lab.registry(*plugins, workers=4).startup().ok


def test_no_more_than_workers_start_at_once(lab: Any) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def startup(_plugin: Any) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    assert lab.registry(*(lab.plugin(f"p{number}", startup) for number in range(12)), workers=3).startup().ok
    assert 1 < most <= 3


def test_hooks_see_the_callers_context(lab: Any) -> None:
    variable = contextvars.ContextVar("variable", default="")
    seen: list[str] = []
    registry = lab.registry(lab.plugin("a", lambda _: seen.append(variable.get())))
    variable.set("caller")
    registry.startup()
    assert seen == ["caller"]


def test_all_hooks_of_a_plugin_run_on_its_own_thread(lab: Any) -> None:
    seen: list[threading.Thread] = []

    def note(_plugin: Any) -> None:
        seen.append(threading.current_thread())

    registry = lab.registry(lab.plugin("a", note, note), lab.plugin("b", note, note))
    registry.startup()
    registry.shutdown()
    assert len(seen) == 4
    assert sorted({thread.name for thread in seen}) == ["secrets:a", "secrets:b"]


def test_a_plugin_can_ask_for_the_callers_thread(lab: Any) -> None:
    seen: list[threading.Thread] = []

    def startup(_plugin: Any) -> None:
        seen.append(threading.current_thread())

    async def shutdown(_plugin: Any) -> None:
        seen.append(threading.current_thread())

    registry = lab.registry(lab.plugin("a", startup, shutdown, caller_thread=True), lab.plugin("b"))
    assert registry.startup().ok
    assert registry.shutdown().ok
    assert seen == [threading.current_thread()] * 2


def test_a_start_that_ended_late_unseen_has_failed_all_the_same(lab: Any) -> None:
    overdue, ended = threading.Event(), threading.Event()

    def slow(_plugin: Any) -> None:
        overdue.wait(SOON)
        ended.set()

    def hold_up(_plugin: Any) -> None:
        time.sleep(0.3)  # past the other's deadline
        overdue.set()
        ended.wait(SOON)

    registry = lab.registry(
        lab.plugin("a", slow), lab.plugin("b", hold_up, caller_thread=True), timeouts={"startup": 0.2}
    )
    report = registry.startup()
    assert lab.of(report, "a").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "b").ok


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


def test_an_interrupted_start_stops_what_it_had_started(lab: Any) -> None:
    def interrupt(_plugin: Any) -> None:
        raise KeyboardInterrupt

    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", interrupt, dependencies=("secrets:a",)),
        lab.plugin("c", dependencies=("secrets:b",)),
    )
    with pytest.raises(KeyboardInterrupt):
        registry.startup()
    assert lab.log == ["+a", "+b", "-a"]
    assert registry.state(SECRETS, "a") is PluginState.STOPPED
    assert registry.state(SECRETS, "b") is PluginState.FAILED


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_during_a_hanging_start_is_answered_at_once() -> None:
    code = """
import os, signal, threading
from conftest import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what runs in the background ignore it
lab = Lab()
# Not print(): its buffer's lock may still be held when the interrupt ends the interpreter.
hanging = lambda plugin: (os.write(1, b"hangs\\n"), threading.Event().wait())
registry = lab.registry(lab.plugin("a"), lab.plugin("b", hanging, dependencies=("secrets:a",)))
try:
    registry.startup()
except KeyboardInterrupt:
    print(*lab.log)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "+a +b -a\n"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}
