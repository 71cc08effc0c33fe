"""A limit to the memory of this process, where the system has one."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

_MIB = 2**20


class MemoryLimit:
    """Limits this process to so many MiB more than it uses now. Without a number there is no limit.

    Raises nothing: where the system has no such limit, or does not allow it, there is none. What wants more memory then
    gets a ``MemoryError``, or in native code whatever that makes of it.
    """

    def __init__(self, mib: int | None) -> None:
        self._before: tuple[int, int] | None = None
        self._resource: Any = None
        if mib is None:
            return
        with suppress(ImportError):  # there is none on Windows
            import resource

            self._resource = resource
            # On Linux, what native code reserves and does not use is not counted by this one.
            self._kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
            soft, hard = resource.getrlimit(self._kind)
            most = [each for each in (_used() + mib * _MIB, soft, hard) if each != resource.RLIM_INFINITY]
            with suppress(ValueError, OSError):  # the system does not know it
                resource.setrlimit(self._kind, (min(most), hard))
                self._before = (soft, hard)

    def lift(self) -> None:
        """Take the limit away, so that there is memory to say what happened."""
        if self._before is not None:
            self._resource.setrlimit(self._kind, self._before)
            self._before = None


def _used() -> int:
    with suppress(OSError, ValueError, IndexError), open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        import os

        return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0
