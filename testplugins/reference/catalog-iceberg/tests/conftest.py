"""Limits that this process sets itself."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

# By Linux: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, for which permissions are no obstacle.
OVERRIDES = 0b110
CAPABILITIES_3 = 0x20080522


@pytest.fixture
def without_privileges() -> Iterator[None]:
    """Let permissions hold for root, too, on this thread and on those that it begins."""
    if os.name != "posix" or os.geteuid() != 0:
        yield
        return
    if not sys.platform.startswith("linux"):
        pytest.skip("only on Linux can root give up its privileges for a while")
    libc = ctypes.CDLL(None)
    this_thread = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0)
    # Effective, permitted and inheritable ones, and again for those above the 32nd.
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(this_thread, held) == 0
    before = held[0]
    held[0] &= ~OVERRIDES
    assert libc.capset(this_thread, held) == 0
    yield
    held[0] = before
    assert libc.capset(this_thread, held) == 0


@pytest.fixture
def no_space() -> Callable[[int], AbstractContextManager[Any]]:
    """A disk on which no file of this process grows beyond a size."""
    resource = pytest.importorskip("resource", reason="limits are POSIX's")

    @contextlib.contextmanager
    def limited(size: int = 0) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
