"""Server-sent events: each client has a stream of what happens, as long as it keeps up."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import attrs

from floe_plugins.core.log import log
from floe_plugins.core.safe_text import type_name
from floe_plugins.server.messages import (
    NO_STORE,
    Headers,
    Message,
    Receive,
    Send,
    error_response,
    start_message,
    to_json,
)
from floe_plugins.server.views.protocol import Event, PlatformView

_HEADERS: Headers = (*NO_STORE, (b"x-accel-buffering", b"no"))
_OPENING = b"retry: 2000\n\n"
_STILL_THERE = b": still there\n\n"


@attrs.frozen
class StreamLimits:
    """The limits of what one server does for clients that wait for events.

    Attributes:
        streams: How many clients may wait at once.
        backlog: How many events a client may be behind. One that is further behind has to connect anew.
        silence: Seconds without an event after which a comment is sent, so that proxies keep the connection.
        send_seconds: Seconds within which a client must read what was sent.
        lifetime: Seconds after which a client has to connect anew.
    """

    streams: int = 64
    backlog: int = 1_000
    silence: float = 15.0
    send_seconds: float = 30.0
    lifetime: float = 600.0


class EventStreams:
    """The streams of one application."""

    def __init__(self, view: PlatformView, limits: StreamLimits | None = None) -> None:
        self._view = view
        self._limits = limits or StreamLimits()
        self._open = 0

    async def serve(self, method: str, receive: Receive, send: Send) -> None:
        """Send events until the client leaves, falls behind, or has been there for long enough.

        If too many clients wait already, it is answered with 503 and asked to come back after 5 seconds.
        """
        if self._open >= self._limits.streams:
            message = f"{self._limits.streams} clients wait for events already"
            await error_response(503, message, ((b"retry-after", b"5"),)).send(method, send)
            return
        stream = _Stream(self._limits, receive, send)
        try:
            unsubscribe = self._view.subscribe(stream.put)
        except Exception as error:  # noqa: BLE001 the view's; the client is told
            log("error", "the view gives no events: %s", type_name(error))
            await error_response(500, "the server failed to answer; its log says more").send(method, send)
            return
        self._open += 1
        try:
            await send(start_message(200, b"text/event-stream", _HEADERS))
            if method == "HEAD" or await stream.run():
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._open -= 1
            unsubscribe()


class _Stream:
    def __init__(self, limits: StreamLimits, receive: Receive, send: Send) -> None:
        self._limits = limits
        self._receive = receive
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._backlog: deque[bytes] = deque()
        self._is_over = False

    async def run(self) -> bool:
        """Send events; return whether the client reads them."""
        end = time.monotonic() + self._limits.lifetime
        leaving = self._loop.create_task(self._await_leaving())
        try:
            await self._write(_OPENING)
            while not self._is_over and time.monotonic() < end:
                data = await self._next()
                if data:
                    await self._write(data)
        except asyncio.TimeoutError:
            return False
        finally:
            leaving.cancel()
        return True

    async def _next(self) -> bytes:
        """Return the events that have come, or a comment if none comes for a while."""
        try:
            await asyncio.wait_for(self._changed.wait(), self._limits.silence)
        except asyncio.TimeoutError:
            return _STILL_THERE
        self._changed.clear()
        data = b""
        while self._backlog:
            data += b"data: %s\n\n" % self._backlog.popleft()
        return data

    async def _write(self, data: bytes) -> None:
        message: Message = {"type": "http.response.body", "body": data, "more_body": True}
        await asyncio.wait_for(self._send(message), self._limits.send_seconds)

    async def _await_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end()

    def put(self, event: Event) -> None:
        """Take an event, on a thread of the view's."""
        if self._is_over:
            return
        if len(self._backlog) < self._limits.backlog:
            self._backlog.append(to_json(event))
        else:
            self._is_over = True
        try:
            self._loop.call_soon_threadsafe(self._changed.set)
        except RuntimeError:
            self._is_over = True  # the loop has ended, and the stream with it

    def _end(self) -> None:
        self._is_over = True
        self._changed.set()
