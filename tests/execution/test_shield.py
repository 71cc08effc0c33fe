"""A request of the main thread runs where no signal interrupts it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import types
from contextvars import ContextVar

import pytest
from support import SOON, run_code

from floe_plugins.execution.call import Call
from floe_plugins.execution.shield import Request
from floe_plugins.execution.worker import Worker

variable: ContextVar[str] = ContextVar("variable", default="outside")


def test_a_request_of_the_main_thread_runs_on_another_one_in_its_context() -> None:
    assert threading.current_thread() is threading.main_thread()
    variable.set("caller")
    thread, seen = Request(lambda _: (threading.current_thread(), variable.get())).run()
    assert thread is not threading.main_thread()
    assert seen == "caller"


def test_a_request_of_another_thread_runs_there() -> None:
    found: list[threading.Thread] = []
    thread = threading.Thread(target=lambda: found.append(Request(lambda _: threading.current_thread()).run()))
    thread.start()
    thread.join(SOON)
    assert found == [thread]


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Request(lambda _: 1 / 0).run()


def test_calls_for_the_caller_are_made_on_its_thread_while_it_waits() -> None:
    worker = Worker("compute:test")

    def work(request: Request[threading.Thread]) -> threading.Thread:
        call: Call[threading.Thread] = Call(threading.current_thread)
        request.run_on_caller(worker, call)
        assert call.wait(SOON)
        return call.result()

    assert Request(work).run() is threading.main_thread()


def test_without_threads_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert Request(lambda _: 7).run() == 7


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_signal_while_its_thread_is_started_does_not_have_the_work_done_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def start_interrupted(thread: threading.Thread) -> None:
        start(thread)
        error = RuntimeError("release unlocked lock")  # as Python does now and then
        error.__context__ = KeyboardInterrupt()
        raise error

    monkeypatch.setattr(threading.Thread, "start", start_interrupted)
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        Request(lambda _: done.append(7)).run()
    assert done in ([], [7])


def test_an_interrupt_tells_the_work_waits_for_it_and_is_raised() -> None:
    code = """
    import os, signal, threading
    from floe_plugins.execution.shield import Request
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told = threading.Event()
    def work(request):
        request.interrupted.add_done_callback(lambda _: told.set())
        os.kill(os.getpid(), signal.SIGINT)
        assert told.wait(30)
        print("told", request.interrupted.done(), flush=True)
    try:
        Request(work).run()
    except KeyboardInterrupt:
        print("interrupted")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "told True\ninterrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_after_an_interrupt_no_call_is_made_for_the_caller_and_who_waits_for_one_is_told() -> None:
    code = """
    import os, signal, threading
    from floe_plugins.execution.call import Call
    from floe_plugins.execution.shield import Request
    from floe_plugins.execution.worker import Worker
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told = threading.Event()
    def work(request):
        request.interrupted.add_done_callback(lambda _: told.set())
        os.kill(os.getpid(), signal.SIGINT)
        assert told.wait(30)
        again = threading.Event()
        request.interrupted.add_done_callback(lambda _: again.set())
        call = Call(lambda: print("made"))
        request.run_on_caller(Worker("compute:test"), call)
        print(call.wait(30), type(call.exception()).__name__, again.is_set(), flush=True)
    try:
        Request(work).run()
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert run_code(code, check=True).stdout == "True InterruptedRequestError True\ninterrupted\n"


def test_an_interrupt_before_the_work_has_begun_is_raised_and_the_work_never_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    done: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Request(lambda _: done.append(1)).run()
    assert done == []


def test_asyncio_may_be_imported_by_another_thread_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncio", types.ModuleType("asyncio"))  # as it is at its beginning
    assert Request(lambda request: request.is_in_event_loop).run() is False
