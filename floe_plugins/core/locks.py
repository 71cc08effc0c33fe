"""Locks of modules, which live as long as the process and its children."""

from __future__ import annotations

import os
import threading
from typing import Any


def module_lock() -> Any:
    """Return a lock that is free in each forked child, whoever held it in the parent.

    >>> with module_lock():
    ...     pass
    """
    lock: Any = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lock._at_fork_reinit)  # noqa: SLF001 as the standard library's modules do
    return lock
