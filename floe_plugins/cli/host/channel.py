"""The host's end of the channel to its supervisor: events out, requests in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.cli.protocol import VERSION, MessageReader, encode

# Seconds between two heartbeats.
HEARTBEAT = 0.25


class Channel:
    """Sends events and receives requests. Safe from any thread.

    Without a supervisor at the other end, events are lost and the host ends. ``on_beat`` is called at each heartbeat.
    """

    def __init__(self, events: int, requests: int, on_beat: Callable[[], object] = int) -> None:
        self._events = events
        self._requests = requests
        self._on_beat = on_beat
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def send(self, event: str, **facts: Any) -> None:
        """Send one event. It is out when this returns; it blocks only while the supervisor does not read."""
        data = encode({"event": event, **facts})
        if os.getpid() != self._pid:
            return  # a forked child of a plugin
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._events, data) :]
            except OSError:
                return

    def open(self, receive: Callable[[Mapping[str, Any]], object], on_close: Callable[[], object]) -> None:
        """Greet the supervisor, send heartbeats, and hand requests to ``receive``, each on a thread of its own.

        Returns at once. ``on_close`` is called when the supervisor is gone, on the thread that listens.
        """
        self.send("hello", protocol=VERSION, pid=self._pid)
        self._on_beat()
        threading.Thread(target=self._beat, name="floe heartbeat", daemon=True).start()
        threading.Thread(target=self._listen, args=(receive, on_close), name="floe requests", daemon=True).start()

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(HEARTBEAT):
            self.send("beat")
            self._on_beat()

    def _listen(self, receive: Callable[[Mapping[str, Any]], object], on_close: Callable[[], object]) -> None:
        reader = MessageReader(self._requests)
        while not reader.is_closed:
            for message in reader.read():
                threading.Thread(target=receive, args=(message,), daemon=True).start()
        on_close()
