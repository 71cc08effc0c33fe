"""Threads come between each other where a plugin does not guard against it, and nowhere else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator

import pytest

from floe_plugins.testing.conformance.samples.pauses import Pauses

HERE = __name__.partition(".")[0]
MANY = 8


@pytest.fixture(autouse=True)
def _unmeasured() -> Generator[None, None, None]:
    """No thread is followed by a measurement of coverage."""
    before = threading.gettrace()
    threading.settrace(None)  # type: ignore[arg-type]
    yield
    threading.settrace(before)  # type: ignore[arg-type]


def with_threads(function: Callable[[], object], package: str = HERE) -> None:
    barrier = threading.Barrier(MANY)

    def work(number: int) -> None:
        barrier.wait()
        with Pauses(package, number).taken():
            function()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Counter:
    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()

    def add(self) -> None:
        found = self.count
        self.count = found + 1

    def add_alone(self) -> None:
        with self.lock:
            self.add()


def test_threads_that_are_not_guarded_come_between_each_other() -> None:
    def count() -> int:
        counter = Counter()
        with_threads(counter.add)
        return counter.count

    # Most times; on a busy machine a thread may be through before the next one gets its turn.
    assert any(count() < MANY for _ in range(100))


def test_threads_that_are_guarded_do_not() -> None:
    counter = Counter()
    with_threads(counter.add_alone)
    assert counter.count == MANY


def test_nothing_follows_a_thread_behind_the_block() -> None:
    found: list[object] = []

    def work() -> None:
        with Pauses(HERE, 1).taken():
            found.append(sys.gettrace())
        found.append(sys.gettrace())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0] is not None
    assert found[1] is None


def test_who_is_followed_already_stays_so() -> None:
    def trace(*_: object) -> None:
        """A debugger's."""

    found: list[object] = []

    def work() -> None:
        sys.settrace(trace)
        with Pauses(HERE, 1).taken():
            found.append(sys.gettrace())
        found.append(sys.gettrace())
        sys.settrace(None)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [trace, trace]
