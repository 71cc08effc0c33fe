"""Handle the signals that end a process, while it has to end or to remove something first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], object]) -> Generator[None, None, None]:
    """Within the block, have ``handler`` called for the signals that end a process; afterwards it is as before.

    What is ignored stays so: nohup does that to SIGHUP, and a shell to the SIGINT of background jobs. Does nothing on
    other threads than the main one, on which signals are handled.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        # None stands for a handler that is not of Python, and could not be restored.
        known = {number: signal.getsignal(number) for number in _NUMBERS}
        before = {number: each for number, each in known.items() if each not in {signal.SIG_IGN, None}}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, each in before.items():
            signal.signal(number, each)
