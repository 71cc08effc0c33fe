"""Events on disk, one a line, from before ``emit`` returns until they were sent."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path


class Spool:
    """A file of events that may not have been sent. Thread-safe, and for one process.

    After a crash some of them may be sent twice, which the id of their run makes harmless.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def events(self) -> list[str]:
        """The events of an earlier process, without one that it had not finished writing."""
        if not self.path.exists():
            return []
        whole, _, rest = self.path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
        if rest:
            # What is added next must not continue half a line.
            self.replace(whole.splitlines())
        return whole.splitlines()

    def add(self, event: str, *, all_sent: bool) -> None:
        """Write an event, so that it survives the end of the process and of the machine.

        Args:
            event: its JSON text.
            all_sent: whether the events before it were sent, and need not be kept.
        """
        with self._lock, self.path.open("wb" if all_sent else "ab") as file:
            file.write(f"{event}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def replace(self, events: Sequence[str]) -> None:
        """Keep these events and no others; without any there is no file."""
        with self._lock:
            if not events:
                self.path.unlink(missing_ok=True)
                return
            unfinished = self.path.with_suffix(".new")
            unfinished.write_text("".join(f"{line}\n" for line in events), encoding="utf-8")
            unfinished.replace(self.path)
