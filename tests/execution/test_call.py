"""One call: when it began and ended, who is told, and that it ends whatever plugin code does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support import SOON

from floe_plugins.execution.boundary import ForeignError
from floe_plugins.execution.call import Call, Site
from floe_plugins.execution.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("compute:test")
    yield worker
    worker.close()


class OwnBaseError(BaseException):
    pass


def refuse(*_args: object) -> Any:
    raise OwnBaseError


def odd_error() -> BaseException:
    """An error that refuses every look; made in the test, since pytest would look at one of this module."""
    error: BaseException = type("OddError", (Exception,), {"__getattribute__": refuse})()
    return error


def fail() -> None:
    raise odd_error()


def test_a_call_ends_even_if_its_error_refuses_every_look(worker: Worker) -> None:
    call: Call[None] = Call(fail, convert=lambda value: value)
    worker.enqueue(call)
    assert call.wait(SOON)
    assert isinstance(call.exception(), ForeignError)
    assert worker.submit(lambda: 3).wait(SOON)


def test_a_call_ends_even_if_its_result_cannot_be_converted(worker: Worker) -> None:
    call: Call[None] = Call(lambda: None, convert=refuse)
    worker.enqueue(call)
    assert call.wait(SOON)
    assert isinstance(call.exception(), ForeignError)
    assert call.exception().type_name == "OwnBaseError"


def test_a_call_knows_when_it_began_and_ended(worker: Worker) -> None:
    before = time.monotonic()
    call = worker.submit(lambda: time.sleep(0.05))
    assert call.wait(SOON)
    assert call.began is not None
    assert call.ended is not None
    assert before <= call.began <= call.ended - 0.04
    assert call.ended <= time.monotonic()
    assert call.exception() is None


def test_waiting_for_no_time_or_less_says_at_once_that_it_has_not_ended(
    worker: Worker, forever: threading.Event
) -> None:
    call = worker.submit(forever.wait)
    assert not call.wait(0)
    assert not call.wait(-1)
    forever.set()
    assert call.wait(1e300)
    assert call.wait()


def test_a_call_that_has_ended_cannot_be_detached(worker: Worker) -> None:
    late: list[str] = []
    call: Call[None] = Call(lambda: None, on_late_end=lambda: late.append("late"))
    worker.enqueue(call)
    assert call.wait(SOON)
    assert not call.detach()
    assert not call.detached
    assert worker.submit(lambda: None).wait(SOON)
    assert late == []


def test_a_call_that_began_before_it_was_detached_is_not_cancelled(worker: Worker, forever: threading.Event) -> None:
    begun = threading.Event()

    def work() -> int:
        begun.set()
        forever.wait()
        return 3

    call = worker.submit(work)
    assert begun.wait(SOON)
    assert call.detach()
    assert (call.detached, call.cancelled()) == (True, False)
    forever.set()
    assert call.wait(SOON)
    assert call.result() == 3


@pytest.mark.parametrize("keep", [True, False])
def test_a_queued_call_that_is_detached_begins_only_if_it_is_to_be_kept(
    worker: Worker,
    forever: threading.Event,
    keep: bool,  # noqa: FBT001
) -> None:
    begun = threading.Event()
    worker.submit(forever.wait)
    queued = worker.submit(begun.set)
    assert queued.detach(cancel_unstarted=not keep)
    assert queued.cancelled() is not keep
    forever.set()
    assert worker.submit(lambda: None).wait(SOON)
    assert begun.is_set() is keep


def test_the_site_is_left_before_anybody_who_waits_goes_on() -> None:
    order: list[str] = []
    call: Call[int] = Call(lambda: 3)
    call.add_done_callback(lambda _: order.append("told"))
    site = Site(lambda function, _begin: function(), str, lambda *_: None, lambda _: order.append("left"))
    call.run(site)
    assert order == ["left", "told"]
    call.add_done_callback(lambda _: order.append("told at once"))
    assert order[2:] == ["told at once"]


def test_a_call_that_cannot_begin_ends_with_the_error() -> None:
    call: Call[int] = Call(lambda: 3)
    told: list[Call[int]] = []
    call.add_done_callback(told.append)
    call.fail(OSError("no thread"))
    assert call.wait(0)
    assert told == [call]
    assert call.began is None
    with pytest.raises(OSError, match="no thread"):
        call.result()


@pytest.mark.parametrize("convert", [None, lambda value: value])
def test_an_interrupt_leaves_on_the_main_thread_alone_and_ends_the_call(worker: Worker, convert: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    call: Call[None] = Call(interrupt, convert=convert)
    with pytest.raises(KeyboardInterrupt):
        worker.run_in_caller_thread(call)
    assert call.wait(0)
    assert call.exception() is not None

    call = Call(interrupt, convert=convert)
    worker.enqueue(call)
    assert call.wait(SOON)
    assert type(call.exception()) is (KeyboardInterrupt if convert is None else ForeignError)


def test_a_worker_whose_queued_call_was_given_up_is_not_busy(worker: Worker, forever: threading.Event) -> None:
    worker.submit(forever.wait)
    worker.submit(lambda: None).detach()
    forever.set()
    assert worker.submit(lambda: None).wait(SOON)
    assert not worker.busy


def test_a_call_whose_end_a_signal_kept_from_being_noted_has_ended() -> None:
    def leave(_call: object) -> None:
        raise KeyboardInterrupt

    begun: Call[None] = Call(lambda: None)
    with pytest.raises(KeyboardInterrupt):
        begun.run(Site(run=lambda _function, _begin: None, leave=leave))
    begun.ended = None  # the signal came a moment before
    begun.conclude()
    assert begun.ended is not None
    assert not begun.detach()


def test_what_has_not_begun_is_not_concluded() -> None:
    call: Call[None] = Call(lambda: None)
    call.conclude()
    assert call.ended is None
