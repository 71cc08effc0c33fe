"""The protocol of a view: a snapshot of a platform, its events, and requests to start or stop a plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

SCHEMA_VERSION = 1

ACTIONS = ("restart", "start", "stop")

Snapshot = Mapping[str, Any]
Event = Mapping[str, Any]


class PlatformView(Protocol):
    """A platform as the server sees it. All that it gives is plain JSON data, without secrets.

    ``RegistryView`` is that of a registry in this process; the command line has one of a process beside it. Whoever
    writes another one shows any platform by the same probes, metrics and page.
    """

    def snapshot(self) -> Snapshot:
        """Return the state of the platform and its plugins. Cheap; never blocks; any thread may call it."""
        ...

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call ``callback`` with each event, on a thread of the view's; return what ends that.

        When an event arrives, ``snapshot()`` shows what it tells. The callback must not block: the events of all
        subscribers wait for it.
        """
        ...

    def act(self, action: str, ref: str) -> Mapping[str, Any]:
        """Start, stop or restart one plugin and return its outcome. Blocks until it is done.

        Raises:
            LookupError: There is no such plugin.
            PluginError: It cannot be done.
        """
        ...
