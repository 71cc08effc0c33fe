"""Locks that no fork of the process leaves locked."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def forkable_lock() -> Any:
    """Return a lock that is free in each forked child, whoever held it in the parent. Its thread may take it again.

    >>> with forkable_lock():
    ...     pass
    """
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def _renew() -> None:
    for lock in _locks:
        lock._at_fork_reinit()  # noqa: SLF001 as the standard library's modules do


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
