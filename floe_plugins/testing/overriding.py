"""Put another plugin in the place of one, for tests of what uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.errors import PluginNotFoundError
from floe_plugins.registry.facade import PluginRegistry


@contextlib.contextmanager
def override(registry: PluginRegistry, ref: str | PluginRef, plugin: Any) -> Generator[Any, None, None]:
    """Let a registry have ``plugin``, a class or an instance, as ``ref`` while the block lasts, and give it.

    The plugin that was there is stopped, with those that depend on it, and the new one takes its place; what ran is
    started again, at the end with the old one. A plugin that is installed cannot be overridden: leave it out with
    ``PluginRegistry(disable=...)`` and register the one of the test. All threads see the new one; two overrides of one
    plugin have to be nested, and not side by side. Entering and leaving block as ``stop`` and ``start`` do.

    >>> from floe_plugins import PluginRegistry, SecretsPlugin
    >>> class Fixed(SecretsPlugin):
    ...     name, version, floe_api_version = "vault", "1.0", "1.0"
    ...     def get_secret(self, key): ...
    ...     def secret_names(self, prefix=""): return ("token",)
    ...     def put_secret(self, key, value): ...
    >>> class Empty(Fixed):
    ...     def secret_names(self, prefix=""): return ()
    >>> registry = PluginRegistry(autoload="none", environ={})
    >>> refs = registry.register(Fixed)
    >>> with registry, override(registry, "secrets:vault", Empty):
    ...     registry.one(SecretsPlugin).secret_names()
    ()

    Raises:
        PluginNotFoundError: there is no plugin of that ref that was registered, or ``plugin`` has another ref.
        PluginError: it is not a plugin, or does not start.
    """
    target = registry.platform.ref(str(ref))
    running = [info.ref for info in registry.infos() if info.state is PluginState.STARTED]
    if registry.info(target.type, target.name).entry_point is not None:
        hint = "Make the registry with disable=[...], and register the plugin of the test."
        raise PluginNotFoundError("an installed plugin cannot be overridden", ref=target, hint=hint)
    old = registry.unregister(target.type, target.name)
    try:
        refs = registry.register(plugin)
        if refs != (target,):
            registry.unregister(refs[0].type, refs[0].name)
            raise PluginNotFoundError(f"the plugin of the test is {refs[0]}, and not {target}", ref=target)
        try:
            _start(registry, running)
            yield registry.get(target.type, target.name)
        finally:
            registry.unregister(target.type, target.name)
    finally:
        registry.register(old)
        _start(registry, running)


def _start(registry: PluginRegistry, refs: list[PluginRef]) -> None:
    for ref in refs:
        if registry.state(ref.type, ref.name) is not PluginState.STARTED:
            outcome = registry.start(ref.type, ref.name)
            if outcome.cause is not None:
                raise outcome.cause
