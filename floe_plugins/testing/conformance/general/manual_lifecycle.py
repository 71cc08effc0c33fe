"""A plugin whose lifecycle hooks are called by hand, all on one thread, as a registry calls them on its own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Generator
from typing import Any

import attrs

from floe_plugins.testing.conformance.case import Case


@attrs.frozen
class ByHand:
    """A configured plugin that is not started, with those that it depends on started.

    Attributes:
        plugin: the plugin.
    """

    plugin: Any
    _loop: asyncio.AbstractEventLoop

    def call(self, name: str) -> Any:
        """Call a lifecycle hook, on an event loop if it is async."""
        found = getattr(self.plugin, name)()
        return self._loop.run_until_complete(_awaited(found)) if inspect.isawaitable(found) else found

    def call_quietly(self, name: str) -> Any:
        """Call a lifecycle hook, and return None where it raises, because its errors are another rule's."""
        with contextlib.suppress(Exception):
            return self.call(name)
        return None


async def _awaited(found: Awaitable[Any]) -> Any:
    return await found


@contextlib.contextmanager
def by_hand(case: Case) -> Generator[ByHand, None, None]:
    """Give a case's plugin, to be started and stopped by hand on this thread. It is stopped at the end."""
    registry, ref = case.new_registry()
    plugin = registry.get(ref.type, ref.name)
    registry.config(ref.type, ref.name)
    loop = asyncio.new_event_loop()
    hand = ByHand(plugin, loop)
    try:
        for info in registry.infos():
            if info.ref != ref:
                registry.start(info.ref.type, info.ref.name)
        yield hand
    finally:
        hand.call_quietly("shutdown")
        loop.close()
        registry.shutdown()
