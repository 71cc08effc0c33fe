"""Tell a service manager, such as systemd, how the platform is: the protocol of ``sd_notify``."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from floe_plugins.core.safe_text import escape


class ServiceManager:
    """Sends notifications to the socket that NOTIFY_SOCKET names; without one, does nothing.

    Call ``alive`` often: it sends the watchdog's sign at half of WATCHDOG_USEC.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._interval = _seconds(environ) / 2
        self._next = 0.0
        self._last: Mapping[str, str] = {}

    def notify(self, **facts: object) -> None:
        """Send facts, such as ``READY=1`` or ``STATUS="..."``; those that were sent last are not repeated."""
        texts = {name: escape(value) for name, value in facts.items()}
        if self._address and texts != self._last:
            self._last = texts
            self._send("\n".join(f"{name}={text}" for name, text in texts.items()))

    def alive(self) -> None:
        """Send the watchdog's sign, if one is expected now."""
        now = time.monotonic()
        if self._interval and self._address and now >= self._next:
            self._next = now + self._interval
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(self._address)
            sender.sendall(text.encode("utf-8", "backslashreplace"))


def _seconds(environ: Mapping[str, str]) -> float:
    text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not text.isdecimal() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(text) / 1e6
