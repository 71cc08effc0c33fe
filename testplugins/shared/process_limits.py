"""Limits that this process sets itself."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import pytest

# By Linux: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, for which permissions are no obstacle.
_OVERRIDES = 0b110
_CAPABILITIES_3 = 0x20080522


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Let permissions hold for root, too, on this thread and on those that it begins."""
    if os.name != "posix" or os.geteuid() != 0:
        yield
        return
    if not sys.platform.startswith("linux"):
        pytest.skip("only on Linux can root give up its privileges for a while")
    libc = ctypes.CDLL(None)
    this_thread = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    # Effective, permitted and inheritable ones, and again for those above the 32nd.
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(this_thread, held) == 0
    before = held[0]
    held[0] &= ~_OVERRIDES
    assert libc.capset(this_thread, held) == 0
    try:
        yield
    finally:
        held[0] = before
        assert libc.capset(this_thread, held) == 0


@contextlib.contextmanager
def no_space(size: int = 0) -> Iterator[None]:
    """A disk on which no file of this process grows beyond a size."""
    resource = pytest.importorskip("resource", reason="limits are POSIX's")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
