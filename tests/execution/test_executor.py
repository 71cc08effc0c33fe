"""Calls on many workers along a graph: their order, how many at once, their deadlines."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from typing import Any

import pytest
from support import SOON, entry_of, named

from floe_plugins import OutcomeState, PluginUnavailableError
from floe_plugins.execution.call import Call, Site
from floe_plugins.execution.executor import Task
from floe_plugins.execution.worker import Worker


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


def test_what_a_plugin_took_does_not_count_what_kept_its_thread_before(lab: Any) -> None:
    blocked, go_on, freed = threading.Event(), threading.Event(), 0.0

    def keep_busy() -> None:
        nonlocal freed
        blocked.set()
        go_on.wait(SOON)
        freed = time.monotonic()

    def let_go(_plugin: Any) -> None:
        time.sleep(0.3)  # longer than a start that does nothing
        go_on.set()

    registry = lab.registry(lab.plugin("a", lambda _: None), lab.plugin("b", let_go), workers=2)
    entry_of(registry, "a").worker.submit(keep_busy)
    assert blocked.wait(SOON)
    report = registry.startup()
    assert lab.of(report, "a").ok
    assert lab.of(report, "a").seconds <= time.monotonic() - freed


def test_the_log_names_what_is_still_waited_for(lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    lab.registry(lab.plugin("a", lab.hang), timeouts={"startup": 0.3}).startup()
    notes = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any(note.startswith("still waiting for secrets:a, 0.") and note.endswith(" s of 0.3 s") for note in notes)


@pytest.mark.parametrize("fails", [False, True])
def test_a_start_that_ended_late_unseen_is_shut_down(lab: Any, fails: bool) -> None:  # noqa: FBT001
    overdue, stopped = threading.Event(), threading.Event()

    def slow(_plugin: Any) -> None:
        overdue.wait(SOON)
        if fails:
            raise OSError("too late")

    def hold_up(_plugin: Any) -> None:
        time.sleep(0.3)  # past the other's deadline
        overdue.set()
        time.sleep(0.2)

    registry = lab.registry(
        lab.plugin("a", slow, lambda _: stopped.set()),
        lab.plugin("b", hold_up, caller_thread=True),
        timeouts={"startup": 0.2},
        workers=2,
    )
    # On a thread that is not the main one the held-up thread is the executor's own.
    reports: list[Any] = []
    thread = threading.Thread(target=lambda: reports.append(registry.startup()))
    thread.start()
    thread.join(SOON)
    outcome = lab.of(reports[0], "a")
    assert outcome.state is OutcomeState.TIMED_OUT
    assert outcome.message == "startup did not end within 0.2 s"
    assert stopped.wait(SOON)


def task(**options: Any) -> Task:
    return Task(worker=Worker("secrets:a"), function=int, **options)


@pytest.mark.parametrize(("timeout", "interval"), [(None, 10), (30, 10), (600, 10), (29.7, 9.9), (0.3, 0.1)])
def test_the_log_is_silent_for_ten_seconds_or_a_third_of_a_shorter_timeout(
    timeout: float | None, interval: float
) -> None:
    assert task(timeout=timeout).log_interval == pytest.approx(interval)
    shown = task(timeout=300.0, shown_timeout=timeout)
    assert shown.log_interval == pytest.approx(interval)
    assert shown.limit == (timeout or 300.0)


def test_a_task_under_way_knows_when_it_wants_attention() -> None:
    made = task(timeout=2.0)
    made.log_at, made.begin_at = 10.0, 5.0
    assert (made.seconds, made.error, made.result, made.has_begun) == (0.0, None, None, False)
    assert (made.deadline, made.due) == (math.inf, 5.0)
    made.call, made.began = Call(lambda: 3), 6.0
    assert (made.deadline, made.due) == (8.0, 8.0)
    for options in ({"inline": True}, {"caller_thread": True}, {"timeout": None}):
        other = task(**{"timeout": 2.0, **options})
        other.log_at, other.call, other.began = 10.0, made.call, 6.0
        assert (other.deadline, other.due) == (math.inf, 10.0)
    made.call.run(Site())
    made.began = made.call.began or 0.0
    assert (made.has_begun, made.result, made.error) == (True, 3, None)
    assert made.seconds == (made.call.ended or 0.0) - made.began


def test_the_log_says_why_a_call_is_made_again(lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    tried: list[int] = []

    def startup(_plugin: Any) -> None:
        tried.append(1)
        if len(tried) == 1:
            raise PluginUnavailableError("not yet")
        lab.hang()

    lab.registry(lab.plugin("a", startup), timeouts={"startup": 0.6}).startup()
    notes = [record.getMessage() for record in caplog.records if "still waiting" in record.getMessage()]
    assert any(note.endswith(" s of 0.6 s: attempt 1 failed: PluginUnavailableError: not yet") for note in notes)


def test_a_start_that_ended_too_late_is_told_in_the_log(lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    stopped = threading.Event()
    registry = lab.registry(lab.plugin("a", lab.hang, lambda _: stopped.set()), timeouts={"startup": 0.1})
    registry.startup()
    lab.forever.set()
    assert stopped.wait(SOON)
    assert "secrets:a: startup ended too late; shutting it down again" in caplog.messages


def test_waiting_for_calls_takes_no_time_of_the_processor(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", lab.hang), timeouts={"startup": 0.8})
    begun, used = time.monotonic(), time.process_time()
    registry.startup()
    assert time.process_time() - used < (time.monotonic() - begun) / 2


def test_what_undoes_a_late_start_may_be_async(lab: Any) -> None:
    stopped = threading.Event()

    async def shutdown(_plugin: Any) -> None:
        await asyncio.sleep(0)
        stopped.set()

    registry = lab.registry(lab.plugin("a", lab.hang, shutdown), timeouts={"startup": 0.1})
    registry.startup()
    lab.forever.set()
    assert stopped.wait(SOON)


def test_a_plugin_without_hooks_of_its_own_gets_no_thread(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)
    registry = lab.registry(named("a"), lab.plugin("b"))
    assert registry.startup().ok
    registry.health()
    assert registry.shutdown().ok
    assert "secrets:b" in started
    assert "secrets:a" not in started
