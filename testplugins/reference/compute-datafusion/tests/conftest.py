"""Limits that this process sets itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest


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
