"""The memory that this process takes at its peak, as Linux counts it."""

import contextlib
from pathlib import Path

PROCESS = Path("/proc/self")


def forget_peak() -> None:
    """Count from now on; other systems count from the beginning of the process."""
    with contextlib.suppress(OSError):
        (PROCESS / "clear_refs").write_text("5", encoding="ascii")


def peak(process: Path = PROCESS) -> int | str:
    """Megabytes; empty where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in (process / "status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) // 1024
    return ""
