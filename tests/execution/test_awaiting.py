"""What takes its time on a thread is awaited in an event loop, and ends with the waiting."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest
from support import SOON, until

from floe_plugins.execution.awaiting import run
from floe_plugins.execution.call import Call
from floe_plugins.execution.shield import InterruptedRequestError, Proxy, Request
from floe_plugins.execution.worker import Worker


def test_a_function_runs_on_another_thread_and_its_result_is_awaited() -> None:
    assert asyncio.run(run(threading.current_thread)) is not threading.current_thread()


def test_without_an_event_loop_of_asyncio_the_error_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="no event loop of asyncio runs here"):
        run(int).send(None)


def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run(fail))


def cancelled(function: Any, entered: threading.Event, **options: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(run(function, **options))
        await until(entered.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, SOON)

    asyncio.run(main())


def test_cancelling_interrupts_the_request_and_awaits_its_end() -> None:
    entered, ended = threading.Event(), []

    def work(request: Request[None]) -> None:
        entered.set()
        request.interrupted.result(SOON)
        ended.append(True)
        raise InterruptedRequestError

    cancelled(lambda: Request(work).run(), entered)
    assert ended == [True]


def test_what_cleans_up_after_the_interrupt_is_not_interrupted() -> None:
    entered, cleaned = threading.Event(), []

    def work(request: Request[None]) -> None:
        entered.set()
        request.interrupted.result(SOON)
        raise InterruptedRequestError

    def function() -> None:
        try:
            Request(work).run()
        except KeyboardInterrupt:
            Request(lambda request: cleaned.append(request.interrupted.done())).run()
            raise

    cancelled(function, entered)
    assert cleaned == [False]


def test_a_request_that_ended_all_the_same_is_undone() -> None:
    entered, undone = threading.Event(), []

    def work(request: Request[str]) -> str:
        entered.set()
        request.interrupted.result(SOON)
        return "done"

    cancelled(lambda: Request(work, undo=lambda: undone.append(True)).run(), entered)
    assert undone == [True]


def test_what_is_left_behind_goes_on_alone() -> None:
    entered, go, ended = threading.Event(), threading.Event(), threading.Event()

    def function() -> None:
        entered.set()
        assert go.wait(SOON)
        ended.set()

    cancelled(function, entered, is_left_behind=True)
    assert not ended.is_set()
    go.set()
    assert ended.wait(SOON)


def test_a_call_for_the_caller_is_made_on_the_loops_thread() -> None:
    def work(request: Request[threading.Thread]) -> threading.Thread:
        call: Call[threading.Thread] = Call(threading.current_thread)
        request.run_on_caller(Worker("compute:test"), call)
        return call.result(SOON)

    assert asyncio.run(run(lambda: Request(work).run())) is threading.current_thread()


def test_a_call_for_a_caller_whose_loop_is_closed_fails() -> None:
    loop = asyncio.new_event_loop()
    proxy = Proxy(loop.call_soon_threadsafe)
    loop.close()
    call: Call[None] = Call(lambda: pytest.fail("it was called"))
    proxy.run_on_caller(Worker("compute:test"), call, Future())
    with pytest.raises(RuntimeError, match="closed"):
        call.result(SOON)


def test_a_call_for_the_caller_that_a_cancellation_overtakes_is_not_made_and_who_waits_for_it_is_told() -> None:
    waiting: list[Any] = []
    proxy = Proxy(waiting.append)
    call: Call[None] = Call(lambda: pytest.fail("it was called"))
    proxy.run_on_caller(Worker("compute:test"), call, proxy.interrupted)
    proxy.interrupted.set_result(None)
    [make] = waiting
    make()
    assert call.done()
    with pytest.raises(InterruptedRequestError):
        call.result()
