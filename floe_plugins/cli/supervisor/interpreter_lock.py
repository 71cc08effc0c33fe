"""Find the thread of another process that keeps the interpreter's lock, by what the threads do meanwhile."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import attrs

_SAMPLE = 0.15

# A thread that waits for the lock looks for it every 5 ms, and does nothing in between.
_MIN_WAKES = 5


@attrs.frozen
class LockUse:
    """The native ids of threads, as far as they are known.

    Attributes:
        keeper: The thread that computes: it keeps the lock, if any does.
        waiting: The threads that wait for the lock.
    """

    keeper: int | None = None
    waiting: frozenset[int] = frozenset()


def observe(pid: int) -> LockUse:
    """Observe the threads of a process that does not answer, for a moment. Finds nothing on systems but Linux."""
    before = _sample(pid)
    time.sleep(_SAMPLE)
    after = _sample(pid)
    used = {
        thread: (ticks - before[thread][0], wakes - before[thread][1])
        for thread, (ticks, wakes) in after.items()
        if thread in before
    }
    keeper = max(used, key=lambda thread: used[thread][0], default=None)
    return LockUse(
        keeper=keeper if keeper is not None and used[keeper][0] > 0 else None,
        waiting=frozenset(thread for thread, (ticks, wakes) in used.items() if wakes >= _MIN_WAKES and not ticks),
    )


def _sample(pid: int) -> dict[int, tuple[int, int]]:
    """Return the processor time and the number of voluntary waits of each thread."""
    found: dict[int, tuple[int, int]] = {}
    folder = f"/proc/{pid}/task"
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 it is a moment of a process, not a folder of files
            with suppress(OSError, ValueError, IndexError):
                fields = _read(f"{folder}/{name}/stat").rpartition(")")[2].split()
                waits = _read(f"{folder}/{name}/status").partition("\nvoluntary_ctxt_switches:")[2].split()[0]
                found[int(name)] = int(fields[11]) + int(fields[12]), int(waits)
    return found


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 a Path costs more
        return file.read()
