"""The registry that loads a plugin, for that plugin's code."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

current_registry: ContextVar[Any] = ContextVar("floe_plugins_registry", default=None)


@contextmanager
def as_current(registry: object) -> Generator[None, None, None]:
    """Within the block, ``get_registry()`` gives this registry."""
    token = current_registry.set(registry)
    try:
        yield
    finally:
        current_registry.reset(token)
