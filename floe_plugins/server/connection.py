"""Connections of the server, which neither slow nor many clients can use up."""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Collection
from typing import Any

import attrs
from uvicorn.protocols.http.h11_impl import H11Protocol

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 25\r\nconnection: close\r\n\r\n"
    b"the request is too large\n"
)

_NO_LINGER = struct.pack("ii", 1, 0)

# What clients send is no news: one that sends nonsense must not fill the log.
_SILENT = logging.Logger("silent", level=logging.CRITICAL + 1)  # noqa: LOG001 it has no parent
_SILENT.addHandler(logging.NullHandler())


@attrs.frozen
class Limits:
    """The limits of what the server does for its clients.

    Attributes:
        connections: How many may be open. One more ends the one that has waited longest without a request.
        head_bytes: How long the request line and the headers may be together.
        head_seconds: Seconds within which they must have arrived, from the beginning or the last response.
        read_seconds: Seconds after which a client that reads nothing of what was sent is left.
        end_seconds: Seconds that requests under way have when the server stops.
    """

    connections: int = 500
    head_bytes: int = 16 * 1024
    head_seconds: float = 10.0
    read_seconds: float = 30.0
    end_seconds: float = 1.0


class Connection(H11Protocol):
    """One connection."""

    def __init__(self, limits: Limits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _SILENT
        self.access_log = False
        self.limits = limits
        self.waiting_since = time.monotonic()
        self.unread = 0
        self.unread_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Take the connection; end another one if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            waiting = [each for each in _connections(self.connections) if each.is_waiting and each is not self]
            min(waiting, key=lambda each: each.waiting_since, default=self).abort()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        # h11 limits only a head whose end is missing, so it never gets more than the longest one at once.
        while data and not self.transport.is_closing():
            room = max(self.limits.head_bytes - len(self.conn.trailing_data[0]), 1)
            super().data_received(data[:room])
            data = data[room:]

    @property
    def is_waiting(self) -> bool:
        """Whether no request is under way."""
        cycle: Any = self.cycle
        return cycle is None or bool(cycle.response_complete)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.waiting_since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is none, or is too large."""
        if len(self.conn.trailing_data[0]) < self.limits.head_bytes:
            super().send_400_response(msg)
        else:
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def shutdown(self) -> None:
        """Close; a response under way may end, but a stream has no end."""
        cycle: Any = self.cycle
        if not self.is_waiting and cycle.response_started:
            self.abort()
        else:
            super().shutdown()

    def check(self, now: float) -> None:
        """Leave a client that is too slow."""
        unread = self.transport.get_write_buffer_size()
        if unread < self.unread or 0 in {unread, self.unread}:
            self.unread_since = now
        self.unread = unread
        if unread and now - self.unread_since > self.limits.read_seconds:
            # Without this, the system would go on offering the client what it does not read.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.abort()
        elif self.is_waiting and not unread and now - self.waiting_since > self.limits.head_seconds:
            self.abort()

    def abort(self) -> None:
        """End the connection at once, whatever was not sent yet."""
        self.transport.abort()


def check_all(connections: Collection[Any]) -> None:
    """Leave all clients that are too slow."""
    now = time.monotonic()
    for each in _connections(connections):
        each.check(now)


def _connections(connections: Collection[Any]) -> list[Connection]:
    return [each for each in list(connections) if isinstance(each, Connection)]


def abort_all(connections: Collection[Any]) -> None:
    """End all connections at once."""
    for each in _connections(connections):
        each.abort()
