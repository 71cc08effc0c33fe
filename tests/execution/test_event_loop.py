"""An event loop of a thread's own: what is awaited there, what is left running, and its end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from support import SOON

from floe_plugins.execution.background_errors import BackgroundErrors
from floe_plugins.execution.event_loop import EventLoop


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    loop = EventLoop(BackgroundErrors("compute:test"))
    yield loop
    loop.close()


async def never() -> None:
    raise AssertionError("it has begun")


class Later:
    """Awaitable, though no coroutine."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self._value


def test_what_is_awaited_runs_here_and_gives_its_value(loop: EventLoop) -> None:
    async def thread() -> threading.Thread:
        await asyncio.sleep(0)
        assert loop._loop.is_running()
        return threading.current_thread()

    assert loop.run(thread()) is threading.current_thread()
    assert loop.run(Later(7)) == 7
    assert not loop._loop.is_running()


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_is_awaited_raises_here(loop: EventLoop, error: BaseException) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(type(error)):
        loop.run(fail())
    assert loop.run(Later("again")) == "again"


@pytest.mark.parametrize("make", [Later, lambda _: never()], ids=["awaitable", "coroutine"])
def test_nothing_begins_that_is_refused_at_its_beginning(
    loop: EventLoop, make: Callable[[object], Awaitable[Any]]
) -> None:
    with pytest.raises(asyncio.CancelledError):
        loop.run(make(1), lambda _cancel: False)
    gc.collect()  # a coroutine that is neither awaited nor closed would be warned of, which is an error here


def test_what_is_awaited_can_be_cancelled_from_any_thread(loop: EventLoop) -> None:
    entered = threading.Event()

    async def hang() -> None:
        entered.set()
        await asyncio.Event().wait()

    def begin(cancel: Callable[[], None]) -> bool:
        threading.Thread(target=lambda: entered.wait(SOON) and cancel(), daemon=True).start()
        return True

    with pytest.raises(asyncio.CancelledError):
        loop.run(hang(), begin)


def test_cancelling_what_is_over_harms_nothing() -> None:
    loop, cancels = EventLoop(BackgroundErrors("compute:test")), list[Callable[[], None]]()
    assert loop.run(Later(1), lambda cancel: cancels.append(cancel) is None) == 1
    cancels[0]()
    assert loop.run(Later(2)) == 2
    loop.close()
    cancels[0]()


def test_what_a_coroutine_awaits_cannot_wait_for_its_own_loop(loop: EventLoop) -> None:
    async def outer() -> str:
        with pytest.raises(RuntimeError, match="cannot run inside another one of the same plugin"):
            loop.run(never())
        gc.collect()
        return "went on"

    assert loop.run(outer()) == "went on"


def test_a_task_left_behind_that_exits_takes_nothing_with_it(loop: EventLoop, caplog: pytest.LogCaptureFixture) -> None:
    kept = []

    async def leave() -> None:
        sys.exit(1)

    async def work() -> str:
        kept.append(asyncio.ensure_future(leave()))
        await asyncio.sleep(0.01)
        return "done"

    assert loop.run(work()) == "done"
    assert isinstance(kept[0].exception(), SystemExit)
    assert "compute:test: a background task tried to end the thread" in caplog.text


def test_tasks_that_are_left_go_on_while_it_is_idle_until_it_is_woken(loop: EventLoop) -> None:
    kept = []

    async def background() -> str:
        await asyncio.sleep(0)
        loop.wake(future)
        loop.wake(future)  # as often as wanted
        return "went on"

    async def begin() -> None:
        kept.append(asyncio.ensure_future(background()))

    loop.run(begin())
    assert not kept[0].done()
    future = loop.future()
    loop.idle(future)
    assert future.done()
    loop.run(Later(None))
    assert kept[0].result() == "went on"


def test_it_can_be_woken_from_any_thread_even_before_it_is_idle(loop: EventLoop) -> None:
    future = loop.future()
    thread = threading.Thread(target=loop.wake, args=(future,))
    thread.start()
    thread.join(SOON)
    loop.idle(future)
    assert future.done()


def test_a_task_that_exits_while_it_is_idle_does_not_end_the_thread(
    loop: EventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    kept = []

    async def leave() -> None:
        await asyncio.sleep(0)
        sys.exit(1)

    async def begin() -> None:
        kept.append(asyncio.ensure_future(leave()))

    loop.run(begin())
    loop.idle(loop.future())
    assert isinstance(kept[0].exception(), SystemExit)
    assert "tried to end the thread" in caplog.text


def test_a_thread_that_a_coroutine_asks_for_is_a_daemon_with_the_same_context(loop: EventLoop) -> None:
    variable = contextvars.ContextVar("variable", default="")

    def here() -> tuple[bool, str]:
        return threading.current_thread().daemon, variable.get()

    def fail() -> None:
        raise SystemExit(3)

    async def ask() -> tuple[bool, str]:
        variable.set("the coroutine's")
        with pytest.raises(SystemExit):
            await asyncio.to_thread(fail)
        return await asyncio.to_thread(here)

    assert loop.run(ask()) == (True, "the coroutine's")


def test_as_many_threads_run_at_once_as_are_asked_for(loop: EventLoop) -> None:
    together = threading.Barrier(50)

    async def ask() -> list[int]:
        return await asyncio.gather(*(asyncio.to_thread(together.wait, SOON) for _ in range(50)))

    assert sorted(loop.run(ask())) == list(range(50))


def test_an_error_that_the_collector_finds_on_another_thread_is_not_read_there(
    forever: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    class HangingError(Exception):
        def __str__(self) -> str:
            readers.append(threading.current_thread())
            forever.wait()
            return "hung"

    async def fail(error: Exception) -> None:
        raise error

    async def begin() -> None:
        tasks.extend(asyncio.ensure_future(fail(error)) for error in (ValueError("first"), HangingError()))
        await asyncio.wait(tasks)

    readers: list[threading.Thread] = []
    tasks: list[asyncio.Task[None]] = []
    loops: list[EventLoop] = []
    thread = threading.Thread(
        target=lambda: (loops.append(EventLoop(BackgroundErrors("compute:test"))), loops[0].run(begin()))
    )
    thread.start()
    thread.join(SOON)
    while tasks:
        tasks.pop(0)
        gc.collect()
    assert "ValueError: first" in caplog.text
    assert threading.current_thread() not in readers
    loops[0].close()


def test_the_end_cancels_what_is_left_and_waits_for_it() -> None:
    loop, ended, kept = EventLoop(BackgroundErrors("compute:test")), list[str](), list[Any]()

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append("task")

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.append("generator")

    async def begin() -> None:
        kept.append(asyncio.ensure_future(background()))
        kept.append(numbers())
        await kept[1].__anext__()

    loop.run(begin())
    loop.close()
    assert ended == ["task", "generator"]
