"""Who uses the plugin, so that releasing waits for them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Uses:
    """Statements and blocks that are under way. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._own = threading.local()

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Be under way, as long as the block lasts."""
        with self._changed:
            self._count += 1
        self._own.count = self._of_this_thread + 1
        try:
            yield
        finally:
            self._own.count -= 1
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until nothing is under way.

        Raises:
            RuntimeError: something is, on this thread.
        """
        if self._of_this_thread:
            message = "release() within a block of connect() would wait for itself: call it after the block"
            raise RuntimeError(message)
        with self._changed:
            self._changed.wait_for(lambda: not self._count)

    @property
    def _of_this_thread(self) -> int:
        count: int = getattr(self._own, "count", 0)
        return count
