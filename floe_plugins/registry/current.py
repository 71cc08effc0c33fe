"""The process-wide registry."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from floe_plugins.core.locks import forkable_lock
from floe_plugins.execution.plugin_code import current_registry
from floe_plugins.registry.facade import PluginRegistry

_shared: PluginRegistry | None = None
_shared_lock = forkable_lock()


def get_registry() -> PluginRegistry:
    """Return the process-wide registry, made on first use; in code of a plugin, the registry that runs it.

    So is a plugin's code while it is loaded, configured, started, checked and stopped, also on other threads that take
    its context along. The process-wide registry is configured by the environment alone, and is neither started nor
    stopped by this. May be called from any thread; everybody gets the same one.

    >>> from floe_plugins import get_registry
    >>> get_registry() is get_registry()
    True

    Raises:
        PluginConfigurationError: its configuration cannot be read.
    """
    current: PluginRegistry | None = current_registry()
    if current is not None:
        return current
    global _shared  # noqa: PLW0603 one per process is what it is for
    with _shared_lock:
        if _shared is None:
            _shared = PluginRegistry()
        return _shared


@contextmanager
def use_registry(registry: PluginRegistry) -> Generator[PluginRegistry, None, None]:
    """Within the block, ``get_registry()`` gives this registry in the whole process; meant for tests.

    >>> from floe_plugins import PluginRegistry
    >>> with use_registry(PluginRegistry(autoload="none", environ={})) as registry:
    ...     get_registry() is registry
    True
    """
    global _shared  # noqa: PLW0603 restored below
    with _shared_lock:
        before, _shared = _shared, registry
    try:
        yield registry
    finally:
        with _shared_lock:
            _shared = before
