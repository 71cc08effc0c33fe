"""A ``flush`` that breaks one promise, for a correct plugin that keeps what it has to send in ``waiting``."""

from __future__ import annotations

import threading
import time
from typing import Any


class HasNothingToSend:
    """And says so as long as it has never had anything."""

    used = False

    def put(self, item: Any):
        self.used = True
        super().put(item)  # type: ignore[misc]

    def flush(self, deadline):
        return super().flush(deadline) and self.used  # type: ignore[misc]


class SaysAllWasSent:
    def flush(self, deadline):
        super().flush(deadline)  # type: ignore[misc]
        return True


class WaitsForItsDeadline:
    def flush(self, deadline):
        found = super().flush(deadline)  # type: ignore[misc]
        time.sleep(0.6 if deadline == 2.0 else 0.0)
        return found


class TriesLater:
    """After some failures, for a while."""

    failures = 0

    def flush(self, deadline):
        if self.failures >= 4:
            return False
        found = super().flush(deadline)  # type: ignore[misc]
        self.failures = 0 if found else self.failures + 1
        return found


class FlushesAlone:
    """Another thread that flushes is sent away."""

    lock: threading.Lock

    def flush(self, deadline):
        if not self.lock.acquire(blocking=False):
            return False
        try:
            if threading.current_thread().name.startswith("conformance-"):
                time.sleep(0.02)
        finally:
            self.lock.release()
        return super().flush(deadline)  # type: ignore[misc]
