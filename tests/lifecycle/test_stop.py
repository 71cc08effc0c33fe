"""Stopping: each plugin after all that need it, whatever the others do."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest
from support import SOON, entry_of, run_code

from floe_plugins import HealthState, HealthStatus, OutcomeState, PluginShutdownError, PluginState, PluginType, Stage

SECRETS = PluginType.SECRETS


def test_a_shutdown_that_raises_does_not_keep_the_others_from_stopping(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b", None, lab.fail, dependencies=("secrets:a",)))
    registry.startup()
    report = registry.shutdown()
    assert lab.names(report) == ["b", "a"]
    assert isinstance(lab.of(report, "b").cause, PluginShutdownError)
    assert lab.of(report, "a").ok
    assert registry.state(SECRETS, "a") is PluginState.STOPPED
    assert registry.state(SECRETS, "b") is PluginState.FAILED


def test_a_hanging_shutdown_is_left_behind_at_its_deadline(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"), lab.plugin("b", None, lab.hang, dependencies=("secrets:a",), timeouts={"shutdown": 0.1})
    )
    registry.startup()
    report = registry.shutdown()
    assert not lab.forever.is_set()
    assert lab.of(report, "b").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "a").ok


def test_a_stop_that_could_not_begin_is_made_when_the_thread_is_free(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), timeouts={"shutdown": 0.1})
    registry.startup()
    worker = entry_of(registry, "a").worker
    worker.submit(lab.hang)
    outcome = registry.shutdown().outcomes[0]
    assert outcome.state is OutcomeState.TIMED_OUT
    assert outcome.message == "shutdown could not begin within 0.1 s: its thread is busy with an earlier call"
    assert outcome.attempts == 0
    assert lab.log == ["+a"]
    lab.forever.set()
    assert worker.submit(lambda: None).wait(SOON)
    assert lab.log == ["+a", "-a"]


def test_the_thread_of_a_plugin_that_is_stopped_alone_ends(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b"))
    registry.startup()
    threads = {thread.name: thread for thread in threading.enumerate() if thread.name.startswith("secrets:")}
    assert registry.stop(SECRETS, "a").ok
    threads["secrets:a"].join(SOON)
    assert not threads["secrets:a"].is_alive()
    assert threads["secrets:b"].is_alive()


def test_an_outcome_has_its_stage_seconds_and_attempts(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", None, lambda _: time.sleep(0.05)), lab.plugin("b", None, lab.fail, dependencies=("secrets:a",))
    )
    registry.startup()
    report = registry.shutdown()
    a, b = lab.of(report, "a"), lab.of(report, "b")
    assert [(each.stage, each.attempts) for each in (a, b)] == [(Stage.STOP, 1)] * 2
    assert a.waited_for == (b.ref,)
    assert 0.05 <= a.seconds <= report.seconds
    assert 0 <= b.began <= a.began < report.seconds
    assert isinstance(b.cause.__cause__, ConnectionError)
    assert registry.stop(SECRETS, "a").message == "it is not started, but stopped"
    assert registry.stop(SECRETS, "a").stage is Stage.STOP


def test_a_shutdown_that_returns_something_has_failed(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", None, lambda _: False))
    registry.startup()
    outcome = registry.shutdown().outcomes[0]
    assert outcome.message == "shutdown returned an object of type bool, and must return None"
    assert registry.state(SECRETS, "a") is PluginState.FAILED


def test_a_whole_stop_has_a_deadline_too(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"), lab.plugin("b", None, lab.hang, dependencies=("secrets:a",)), timeouts={"shutdown_total": 0.2}
    )
    registry.startup()
    begun = time.monotonic()
    report = registry.shutdown()
    assert time.monotonic() - begun < SOON / 2
    assert "timeouts.shutdown_total" in lab.of(report, "b").message
    assert lab.of(report, "b").state is OutcomeState.TIMED_OUT


def test_stopping_one_plugin_leaves_what_needs_it_optionally(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", dependencies=("secrets:a",)),
        lab.plugin("c", dependencies=("secrets:b",)),
        lab.plugin("d", optional_dependencies=("secrets:a",)),
    )
    registry.startup()
    assert registry.stop(SECRETS, "a").ok
    assert lab.log[4:] == ["-c", "-b", "-a"]
    assert registry.state(SECRETS, "d") is PluginState.STARTED


def test_while_a_thread_is_stuck_no_other_hook_of_its_plugin_is_called(lab: Any) -> None:
    called: list[str] = []

    def check(plugin: Any) -> HealthStatus:
        called.append("health_check")
        lab.hang(plugin)
        return HealthStatus(HealthState.HEALTHY)

    registry = lab.registry(lab.plugin("a", health_check=check), timeouts={"health": 0.05, "shutdown": 0.05})
    registry.startup()
    registry.health()
    registry.health()
    registry.shutdown()
    registry.startup()
    assert (lab.log, called) == (["+a"], ["health_check"])


def test_a_stop_has_its_seconds_and_when_it_was(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", shutdown=lambda _: time.sleep(0.05)))
    registry.startup()
    before = time.time()
    report = registry.shutdown()
    assert 0.05 <= report.seconds < SOON
    assert before <= report.time <= time.time()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_during_a_hanging_stop_is_answered_at_once_and_the_stop_has_failed() -> None:
    code = """
    import os, signal, threading, time
    from support import Lab, SOON
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lab, stopping = Lab(), threading.Event()
    registry = lab.registry(
        lab.plugin("a", None, lambda plugin: (stopping.set(), threading.Event().wait())), timeouts={"shutdown": SOON}
    )
    registry.startup()
    def interrupt():
        stopping.wait(SOON)
        time.sleep(0.3)  # a signal that comes just before a thread blocks does not wake it
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    begun = time.monotonic()
    try:
        registry.shutdown()
    except KeyboardInterrupt:
        said = "soon" if time.monotonic() - begun < SOON / 2 else "late"
        [info] = registry.infos()
        os.write(1, f"{said}: {info.state}, {registry.problems[0].message}".encode())
    """
    assert run_code(code, check=True).stdout == "soon: failed, its stop was interrupted"
