"""The subscribers of a view: those who are told of the events of a platform."""

from __future__ import annotations

import threading
from collections.abc import Callable

from floe_plugins.core.log import log
from floe_plugins.core.safe_text import type_name
from floe_plugins.server.views.protocol import Event


class Subscribers:
    """Functions that are called with each event. For any thread.

    >>> subscribers = Subscribers()
    >>> end = subscribers.add(lambda event: print(event["event"]))
    >>> subscribers.publish({"event": "state"})
    state
    >>> end()
    >>> subscribers.publish({"event": "state"})
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[_Subscription, ...] = ()

    def add(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call ``callback`` with each event from now on; return what ends that."""
        added = _Subscription(callback)
        with self._lock:
            self._subscriptions = (*self._subscriptions, added)

        def end() -> None:
            with self._lock:
                self._subscriptions = tuple(each for each in self._subscriptions if each is not added)

        return end

    def publish(self, event: Event) -> None:
        """Call all with an event. What one of them raises is logged, and keeps the event from no other."""
        for each in self._subscriptions:
            try:
                each.callback(event)
            except Exception as error:  # noqa: BLE001 it is the subscriber's own
                log("warning", "a subscriber of the view raised %s", type_name(error))


class _Subscription:
    """One call of ``add``: the same function may be added twice."""

    def __init__(self, callback: Callable[[Event], object]) -> None:
        self.callback = callback
