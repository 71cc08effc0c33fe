"""The process-wide registry."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from floe_plugins.core.locks import forkable_lock
from floe_plugins.registry.context import current_registry
from floe_plugins.registry.facade import PluginRegistry

_shared: PluginRegistry | None = None
_shared_lock = forkable_lock()


def get_registry() -> PluginRegistry:
    """The process-wide registry, made on first use; while a plugin is being loaded, the one that loads it."""
    current: PluginRegistry | None = current_registry.get()
    if current is not None:
        return current
    global _shared  # noqa: PLW0603 one per process is what it is for
    with _shared_lock:
        if _shared is None:
            _shared = PluginRegistry()
        return _shared


@contextmanager
def use_registry(registry: PluginRegistry) -> Generator[PluginRegistry, None, None]:
    """Within the block, ``get_registry()`` gives this registry in the whole process; meant for tests."""
    global _shared  # noqa: PLW0603 restored below
    with _shared_lock:
        before, _shared = _shared, registry
    try:
        yield registry
    finally:
        with _shared_lock:
            _shared = before
