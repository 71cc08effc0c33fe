"""Find the thread of another process that keeps the interpreter's lock, by what the threads do meanwhile."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import attrs

_SAMPLE = 0.15
_MOST_SAMPLES = 4

# A thread that waits for the lock looks for it every 5 ms, and does nothing in between.
_MIN_WAKES = 5
_COMPUTES = 0.001  # seconds of the processor for each time it is woken; one that waits takes less than a tenth of it


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
    """Observe the threads of a process that does not answer, for a moment. Finds nothing on systems but Linux.

    Blocks for 0.15 s, on a busy machine for up to 0.6 s. Raises nothing, also if the process ends meanwhile.
    """
    before = _sample(pid)
    used: dict[int, tuple[float, int]] = {}
    for _ in range(_MOST_SAMPLES):
        time.sleep(_SAMPLE)
        after = _sample(pid)
        used = {
            each: (after[each][0] - before[each][0], after[each][1] - before[each][1])
            for each in before.keys() & after.keys()
        }
        # On a busy machine a thread is woken more seldom: then a longer look tells more.
        if not any(0 < wakes < _MIN_WAKES for _, wakes in used.values()):
            break
    computing = {thread for thread, (seconds, wakes) in used.items() if seconds > _COMPUTES * (wakes + 1)}
    return LockUse(
        keeper=max(computing, key=lambda thread: used[thread][0], default=None),
        waiting=frozenset(thread for thread, (_, wakes) in used.items() if wakes >= _MIN_WAKES) - computing,
    )


def _sample(pid: int) -> dict[int, tuple[float, int]]:
    """Return the processor time in seconds and the number of voluntary waits of each thread."""
    found: dict[int, tuple[float, int]] = {}
    folder = f"/proc/{pid}/task"
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 it is a moment of a process, not a folder of files
            with suppress(OSError, ValueError, IndexError):
                seconds = _seconds(f"{folder}/{name}")
                waits = _read(f"{folder}/{name}/status").partition("\nvoluntary_ctxt_switches:")[2].split()[0]
                found[int(name)] = seconds, int(waits)
    return found


def _seconds(folder: str) -> float:
    try:
        return int(_read(f"{folder}/schedstat").split()[0]) / 1e9
    except OSError:  # a kernel without it; clock ticks are less exact
        fields = _read(f"{folder}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 a Path costs more
        return file.read()
