"""Calls on many workers along a graph: their order, how many at once, their deadlines."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
from support import SOON

from floe_plugins import OutcomeState
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


@pytest.mark.parametrize(("timeout", "interval"), [(None, 10), (30, 10), (600, 10), (29.7, 9.9), (0.3, 0.1)])
def test_the_log_is_silent_for_ten_seconds_or_a_third_of_a_shorter_timeout(
    timeout: float | None, interval: float
) -> None:
    assert Task(worker=Worker("secrets:a"), function=int, timeout=timeout).log_interval == pytest.approx(interval)
