"""A thread that was started has begun; one that cannot begin is an error, and hangs nobody."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import Lab

from floe_plugins.execution import threads
from floe_plugins.execution.call import Call
from floe_plugins.execution.worker import Worker

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SETTERS = [threading.settrace, threading.setprofile]


@pytest.fixture(autouse=True)
def keep_hooks() -> Iterator[None]:
    trace, profile = threading.gettrace(), threading.getprofile()
    yield
    threading.settrace(trace)  # type: ignore[arg-type]
    threading.setprofile(profile)


def broken(*_: Any) -> Any:
    raise RuntimeError("broken")


def harmless(*_: Any) -> None:
    pass


def test_a_thread_runs_what_it_is_given_and_never_keeps_the_process_from_ending() -> None:
    ran = threading.Event()
    thread = threads.start(ran.set, "acme")
    assert ran.wait(60)
    assert (thread.name, thread.daemon) == ("acme", True)


@pytest.mark.parametrize("set_hook", SETTERS)
def test_a_function_that_lets_no_thread_begin_is_removed_and_told(
    set_hook: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    ran = threading.Event()
    set_hook(broken)
    threads.start(ran.set, "acme")
    assert ran.wait(60)
    assert threading.getprofile() is None
    [record] = caplog.records
    assert __file__ in record.getMessage()
    assert "raises, and was removed" in record.getMessage()


def test_a_function_that_raises_nothing_stays() -> None:
    threading.setprofile(harmless)
    threads.start(harmless, "acme")
    assert threading.getprofile() is harmless


@pytest.mark.parametrize("breaks", ["trace", "profile", "trace and profile"])
def test_only_what_keeps_threads_from_beginning_is_removed(breaks: str) -> None:
    threading.settrace(broken if "trace" in breaks else harmless)
    threading.setprofile(broken if "profile" in breaks else harmless)
    threads.start(harmless, "acme")
    assert (threading.gettrace() is harmless) == ("trace" not in breaks)
    assert (threading.getprofile() is harmless) == ("profile" not in breaks)


@pytest.mark.parametrize("set_hook", SETTERS)
@pytest.mark.parametrize("stage", ["importing", "startup"])
def test_a_plugin_that_breaks_all_new_threads_breaks_no_other_plugin(
    lab: Lab, set_hook: Callable[[Any], None], stage: str
) -> None:
    bad = lab.plugin("bad", lambda _: set_hook(broken))
    after = lab.plugin("after", dependencies=["secrets:bad"])
    registry = lab.registry(bad, after)
    if stage == "importing":
        set_hook(broken)
    report = registry.startup()
    assert report.ok
    assert registry.shutdown().ok


def test_a_call_ends_with_the_error_of_the_thread_that_died_while_it_was_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    raised: list[str] = []

    def raise_when_it_ends(frame: Any, _event: str, _arg: object) -> None:
        if frame.f_code.co_name == "_finish":
            raised.append(frame.f_code.co_name)
            raise RuntimeError("broken")

    worker = Worker("compute:test")
    call: Call[None] = Call(lambda: sys.settrace(raise_when_it_ends))
    worker.enqueue(call)
    with pytest.raises(RuntimeError, match="broken"):
        call.result(60)
    assert raised
    assert not worker.busy
    assert "its thread died" in caplog.text
    assert worker.submit(lambda: 7).result(60) == 7
    worker.close()


def test_who_starts_a_thread_is_told_what_leaves_it() -> None:
    told: list[BaseException] = []
    done = threading.Event()

    def died(error: BaseException) -> None:
        told.append(error)
        done.set()

    threads.start(broken, "acme", died)
    assert done.wait(60)
    assert str(told[0]) == "broken"


def test_where_no_thread_begins_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_thread: threading.Thread) -> None:
        raise SystemExit

    monkeypatch.setattr("floe_plugins.execution.threads._Thread.run", die)
    with pytest.raises(RuntimeError, match="died before it began"):
        threads.start(harmless, "acme")


class Unsayable:
    """A function of a plugin, which says nothing of itself."""

    def __call__(self, *_: Any) -> Any:
        raise RuntimeError("broken")

    def __bool__(self) -> bool:
        raise RuntimeError("not to be asked")

    __eq__ = __bool__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


def test_a_function_that_lets_no_thread_begin_is_not_asked_about_itself() -> None:
    ran = threading.Event()
    threading.settrace(Unsayable())
    threads.start(ran.set, "acme")
    assert ran.wait(60)


def test_a_function_stays_where_no_thread_can_be_started_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        if threading.gettrace() is None:
            raise RuntimeError("can't start new thread")
        real_start(thread)

    real_start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", start)
    threading.settrace(broken)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threads.start(harmless, "acme")
    assert threading.gettrace() is broken
