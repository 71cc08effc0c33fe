"""One thread per plugin: order, deadlines, awaiting, the thread's end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from support import SOON, run_code

from floe_plugins.execution.boundary import ForeignError
from floe_plugins.execution.call import Call
from floe_plugins.execution.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("compute:test")
    yield worker
    worker.close()


def call(worker: Worker, function: Callable[[], Any], timeout: float = SOON, **options: Any) -> Any:
    """The result of a call that is waited for as a caller with a deadline does."""
    made: Call[Any] = Call(function, **options)
    if worker.is_current_thread:
        worker.run_in_caller_thread(made)
    else:
        worker.enqueue(made)
    if not made.wait(timeout) and made.detach():
        raise TimeoutError
    return made.result()


def thread_of(worker: Worker) -> threading.Thread:
    return call(worker, threading.current_thread)  # type: ignore[no-any-return]


def test_calls_run_on_one_daemon_thread_named_after_the_plugin(worker: Worker) -> None:
    first, second = thread_of(worker), thread_of(worker)
    assert first is second
    assert first.name == "compute:test"
    assert first.daemon


def test_no_thread_is_started_before_the_first_call() -> None:
    before = threading.active_count()
    worker = Worker("compute:test")
    assert worker.busy is False
    worker.close()
    assert threading.active_count() == before


def test_a_call_returns_what_the_function_returns_and_raises_what_it_raises(worker: Worker) -> None:
    assert call(worker, lambda: 7) == 7
    for error in (ValueError("bad"), SystemExit(3), GeneratorExit(), KeyboardInterrupt()):

        def fail(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            call(worker, fail)
        assert caught.value is error


def test_what_only_its_class_says_can_be_awaited_is_awaited(worker: Worker) -> None:
    class Anything:
        """Such as a mock, or a proxy of an object elsewhere."""

        def __getattr__(self, name: str) -> Any:
            return self

    made = Anything()
    assert call(worker, lambda: made) is made


def test_a_worker_whose_call_has_been_answered_is_not_busy(worker: Worker) -> None:
    for _ in range(500):
        call(worker, int)
        assert not worker.busy
    worker.close()
    assert not worker.busy


def test_a_call_sees_the_callers_context_and_leaves_it_alone(worker: Worker) -> None:
    variable = contextvars.ContextVar("variable", default="outside")

    def change() -> str:
        seen = variable.get()
        variable.set("inside")
        return seen

    variable.set("caller")
    assert call(worker, change) == "caller"
    assert variable.get() == "caller"


def test_the_caller_returns_at_the_deadline_while_the_function_hangs(worker: Worker, forever: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        call(worker, forever.wait, 0.05)
    assert not forever.is_set()
    assert worker.busy
    assert worker.overdue is not None


def test_an_overdue_call_is_known_until_it_ends(worker: Worker, forever: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        call(worker, forever.wait, 0.05)
    assert worker.overdue is not None
    forever.set()
    assert worker.submit(lambda: 2).wait(SOON)
    assert worker.overdue is None


@pytest.mark.parametrize("fails", [True, False], ids=["fails", "returns"])
def test_what_ends_late_is_cleaned_up_after_on_the_workers_own_thread(
    worker: Worker,
    forever: threading.Event,
    fails: bool,  # noqa: FBT001
) -> None:
    cleaned: list[threading.Thread] = []
    thread = thread_of(worker)

    def hang() -> None:
        forever.wait()
        if fails:
            raise ValueError

    with pytest.raises(TimeoutError):
        call(worker, hang, 0.05, on_late_end=lambda: cleaned.append(threading.current_thread()))
    forever.set()
    assert worker.submit(lambda: None).wait(SOON)
    assert cleaned == [thread]


def test_what_ends_in_time_is_not_cleaned_up_after(worker: Worker) -> None:
    cleaned: list[int] = []
    call(worker, lambda: None, on_late_end=lambda: cleaned.append(1))
    assert worker.submit(lambda: None).wait(SOON)
    assert cleaned == []


def test_a_failing_late_handler_is_logged_and_the_thread_goes_on(
    worker: Worker, forever: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise ConnectionError("gone")

    with pytest.raises(TimeoutError):
        call(worker, forever.wait, 0.05, on_late_end=refuse)
    forever.set()
    assert worker.submit(lambda: None).wait(SOON)
    assert "gone" in caplog.text


def test_what_had_not_begun_by_its_deadline_never_does(worker: Worker, forever: threading.Event) -> None:
    ran: list[int] = []
    worker.submit(forever.wait)
    with pytest.raises(TimeoutError):
        call(worker, lambda: ran.append(1), 0.05)
    kept = worker.submit(lambda: ran.append(2))
    assert kept.detach(cancel_unstarted=False)
    forever.set()
    assert kept.wait(SOON)
    assert ran == [2]


def test_a_call_made_on_the_workers_own_thread_runs_at_once(worker: Worker) -> None:
    assert call(worker, lambda: call(worker, lambda: Worker.current() is worker, 0))
    assert Worker.current() is None


def test_what_is_awaited_runs_on_the_workers_thread(worker: Worker) -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert call(worker, name) == "compute:test"


def test_tasks_that_are_left_running_go_on_between_calls(worker: Worker) -> None:
    alive, tasks = threading.Event(), []

    async def background() -> None:
        await asyncio.sleep(0.01)
        alive.set()

    async def startup() -> None:
        tasks.append(asyncio.ensure_future(background()))

    call(worker, startup)
    assert alive.wait(SOON)
    assert call(worker, tasks[0].done)


def test_a_task_that_is_left_running_cannot_end_the_thread(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    tried = threading.Event()
    kept = []

    async def leave() -> None:
        tried.set()
        sys.exit(1)

    async def startup() -> None:
        kept.append(asyncio.ensure_future(leave()))

    thread = thread_of(worker)
    call(worker, startup)
    assert tried.wait(SOON)
    assert thread_of(worker) is thread
    assert call(worker, lambda: kept[0].done() and isinstance(kept[0].exception(), SystemExit))
    assert "background task" in caplog.text


def test_a_coroutine_is_cancelled_at_its_deadline(worker: Worker) -> None:
    cancelled = threading.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(TimeoutError):
        call(worker, hang, 0.05)
    assert cancelled.wait(SOON)
    assert worker.submit(lambda: 1).wait(SOON)


def test_a_coroutine_that_is_overdue_before_it_awaits_never_begins(worker: Worker, forever: threading.Event) -> None:
    ran: list[int] = []

    async def startup() -> None:
        ran.append(1)

    def slow() -> object:
        forever.wait()
        return startup()

    late: Call[object] = worker.submit(slow)
    assert late.detach()
    forever.set()
    assert late.wait(SOON)
    assert ran == []


def test_an_async_call_inside_an_async_call_is_refused(worker: Worker) -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        call(worker, inner)

    with pytest.raises(RuntimeError, match="cannot run inside another"):
        call(worker, outer)


def test_a_done_callback_is_called_for_running_and_for_ended_calls(worker: Worker, forever: threading.Event) -> None:
    told: SimpleQueue[Call[bool]] = SimpleQueue()
    running: Call[bool] = worker.submit(forever.wait)
    running.add_done_callback(told.put)
    forever.set()
    assert told.get(timeout=SOON) is running
    running.add_done_callback(told.put)
    assert told.get_nowait() is running
    assert not running.detach()


def test_here_runs_on_the_calling_thread_and_keeps_the_error(worker: Worker) -> None:
    async def startup() -> threading.Thread:
        return threading.current_thread()

    awaited: Call[threading.Thread] = Call(startup)
    worker.run_in_caller_thread(awaited)
    assert awaited.result() is threading.current_thread()
    failing: Call[float] = Call(lambda: 1 / 0)
    worker.run_in_caller_thread(failing)
    assert isinstance(failing.exception(), ZeroDivisionError)


def test_a_call_of_plugin_code_gives_plain_values_made_on_the_workers_thread(worker: Worker) -> None:
    converted: list[threading.Thread] = []

    def convert(value: Any) -> str:
        converted.append(threading.current_thread())
        return f"converted {value}"

    assert call(worker, lambda: 7, convert=convert) == "converted 7"
    assert converted == [thread_of(worker)]
    with pytest.raises(ForeignError, match="SystemExit: 3"):
        call(worker, lambda: sys.exit(3), convert=convert)


def test_a_call_ends_with_the_error_where_no_thread_can_be_started(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        call(worker, lambda: 7)
    monkeypatch.undo()
    assert call(worker, lambda: 7) == 7


def test_a_call_that_comes_while_the_thread_dies_is_made_on_another(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly(Call[int]):
        def run(self, *_: Any) -> None:
            raise MemoryError

    later: SimpleQueue[Call[int]] = SimpleQueue()
    monkeypatch.setattr(worker.background, "log_error", lambda *_: later.put(worker.submit(lambda: 3)))
    worker.enqueue(Deadly(int))
    made = later.get(timeout=SOON)
    assert made.wait(SOON)
    assert made.result() == 3


def test_close_ends_the_thread_after_what_is_queued_and_a_later_call_starts_another(worker: Worker) -> None:
    thread = thread_of(worker)
    queued = worker.submit(lambda: 5)
    worker.close()
    worker.close()
    assert queued.wait(SOON)
    thread.join(SOON)
    assert not thread.is_alive()
    assert thread_of(worker).is_alive()


def test_close_cancels_the_tasks_that_are_left(worker: Worker) -> None:
    ended, kept = threading.Event(), []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def startup() -> None:
        kept.append(asyncio.ensure_future(background()))
        await asyncio.sleep(0)

    call(worker, startup)
    worker.close()
    assert ended.wait(SOON)


def test_a_forgotten_worker_ends_its_thread() -> None:
    worker = Worker("compute:test")
    thread = thread_of(worker)
    del worker
    gc.collect()
    thread.join(SOON)
    assert not thread.is_alive()


@pytest.mark.parametrize("hang", ["threading.Event().wait", "forever", "in_thread"])
def test_a_hanging_call_does_not_keep_the_interpreter_from_exiting(hang: str) -> None:
    code = f"""
import asyncio, threading
from floe_plugins.execution.worker import Worker

async def forever():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def in_thread():
    await asyncio.to_thread(threading.Event().wait)

worker = Worker("compute:test")
if not worker.submit({hang}).wait(0.1):
    print("overdue", flush=True)
"""
    ended = run_code(code, check=True)
    assert ended.stdout == "overdue\n"
    assert ended.stderr == ""


def test_a_call_on_the_callers_thread_has_a_loop_of_its_own_beside_that_of_the_workers_thread(worker: Worker) -> None:
    async def loop() -> Any:
        return asyncio.get_running_loop()

    own = call(worker, loop)
    on_caller: list[Call[Any]] = [Call(loop), Call(loop)]
    for each in on_caller:
        worker.run_in_caller_thread(each)
    assert on_caller[0].result() is on_caller[1].result()
    assert on_caller[0].result() is not own
    worker.close()
    assert on_caller[0].result().is_closed()


def test_a_worker_is_known_on_its_own_thread_alone(worker: Worker) -> None:
    assert Worker.current() is None
    assert not worker.is_current_thread
    assert call(worker, lambda: (Worker.current() is worker, worker.is_current_thread)) == (True, True)


def test_what_runs_in_time_is_not_overdue(worker: Worker, forever: threading.Event) -> None:
    begun = threading.Event()
    assert worker.overdue is None
    running = worker.submit(lambda: (begun.set(), forever.wait()))
    assert begun.wait(SOON)
    assert worker.overdue is None
    assert worker.busy
    assert running.detach()
    assert worker.overdue is not None
    assert 0 <= worker.overdue < SOON
