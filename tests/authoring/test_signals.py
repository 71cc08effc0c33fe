from __future__ import annotations

import signal
import sys
import threading
from typing import Any

import pytest

from floe_plugins.authoring.signals import handled_by

pytestmark = [pytest.mark.once, pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")]


def test_a_signal_is_handled_in_the_block_and_as_before_after_it() -> None:
    before, received = signal.getsignal(signal.SIGTERM), list[Any]()
    with handled_by(lambda number, _frame: received.append(number)):
        signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_so() -> None:
    before, received = signal.signal(signal.SIGHUP, signal.SIG_IGN), list[Any]()
    try:
        with handled_by(lambda number, _frame: received.append(number)):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert received == []


def test_on_another_thread_it_does_nothing() -> None:
    seen: list[Any] = []

    def look() -> None:
        with handled_by(lambda number, _frame: seen.append(number)):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
