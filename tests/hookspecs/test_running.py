"""Running: work ends once, in one way, and whoever waits for it hears of that way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from floe_plugins import CancelledOperationError, PluginTimeoutError, UnsupportedOperationError
from floe_plugins.hookspecs.running import InThread, RunState


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What endless work waits for; it ends with the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


def test_work_runs_while_its_caller_goes_on_and_then_has_a_result(released: threading.Event) -> None:
    work = InThread(lambda: released.wait() and "done", "work")
    assert work.state is RunState.RUNNING
    released.set()
    assert work.result() == "done"
    assert work.result() == "done"
    assert work.state is RunState.SUCCEEDED


def test_an_error_is_raised_to_everyone_who_asks() -> None:
    def fail() -> None:
        raise KeyError("gone")

    work = InThread(fail, "work")
    for _ in range(2):
        with pytest.raises(KeyError, match="gone"):
            work.result()
    assert work.state is RunState.FAILED


def test_cancelled_work_is_interrupted_and_has_no_result(released: threading.Event) -> None:
    work = InThread(released.wait, "a query of compute:demo", interrupt=released.set)
    work.cancel()
    with pytest.raises(CancelledOperationError, match="a query of compute:demo was cancelled"):
        work.result()
    assert released.is_set()
    assert work.state is RunState.CANCELLED


def test_work_that_cannot_be_interrupted_says_so_and_goes_on(released: threading.Event) -> None:
    work = InThread(released.wait, "a query of compute:demo")
    with pytest.raises(UnsupportedOperationError, match="compute:demo cannot be cancelled"):
        work.cancel()
    assert work.state is RunState.RUNNING


def test_cancelling_what_has_ended_changes_nothing() -> None:
    interrupts: list[None] = []
    work = InThread(lambda: 1, "work", interrupt=lambda: interrupts.append(None))
    work.result()
    work.cancel()
    assert (work.state, work.result(), interrupts) == (RunState.SUCCEEDED, 1, [])


def test_work_that_takes_too_long_is_interrupted_and_has_failed(released: threading.Event) -> None:
    work = InThread(released.wait, "work", interrupt=released.set, timeout=0.01)
    with pytest.raises(PluginTimeoutError, match=r"within 0\.01 seconds") as caught:
        work.result()
    assert caught.value.seconds == 0.01
    assert work.state is RunState.FAILED
    assert released.wait(60)


def test_whoever_waits_for_a_while_may_wait_again(released: threading.Event) -> None:
    work = InThread(released.wait, "work")
    with pytest.raises(TimeoutError, match="goes on"):
        work.result(timeout=0.01)
    assert work.state is RunState.RUNNING
    released.set()
    assert work.result() is True


def test_no_two_have_the_same_id() -> None:
    assert len({InThread(lambda: None, "work").id for _ in range(20)}) == 20
