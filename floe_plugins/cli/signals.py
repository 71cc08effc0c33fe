"""SIGINT and SIGTERM: the first stops the platform, the second ends the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class SignalHandler:
    """Raises ``KeyboardInterrupt`` at the first signal and exits at the second."""

    def __init__(self) -> None:
        self.received: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Handle one signal."""
        # os.write, since Python's streams refuse a write that interrupts another one.
        if self.received is not None:
            os.write(2, b"floe-plugins: second signal received: exiting without stopping the remaining plugins\n")
            os._exit(128 + number)
        self.received = number
        os.write(2, b"floe-plugins: stopping; press Ctrl-C or send SIGTERM again to exit at once\n")
        raise KeyboardInterrupt

    @contextmanager
    def installed(self) -> Generator[None, None, None]:
        """Handle both signals within the block."""
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
