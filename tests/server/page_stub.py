"""A server of the page for its tests: static files, a snapshot and events, from a view that a test controls."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import floe_plugins

STATIC = Path(floe_plugins.__file__).parent / "server" / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class FixedView:
    """A view whose snapshot is what the test says, and that counts how often it was asked."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.asked = 0
        self._callbacks: list[Callable[[dict[str, Any]], object]] = []
        self._lock = threading.Lock()

    def snapshot(self) -> dict[str, Any]:
        with self._lock:
            self.asked += 1
        return self.data

    def subscribe(self, callback: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def act(self, action: str, ref: str) -> dict[str, Any]:
        raise NotImplementedError

    def publish(self, **event: Any) -> None:
        for callback in [*self._callbacks]:
            callback(event)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
        if path == "/api/snapshot":
            # Foreign text may hold lone surrogates, which UTF-8 cannot: they stay escaped.
            self.answer("application/json", json.dumps(self.server.view.snapshot()).encode())
        elif path == "/api/events":
            self.events()
        elif (path == "/" or path.startswith("/static/")) and file.is_file():
            self.answer(TYPES[file.suffix], file.read_bytes())
        else:
            self.answer("text/plain", b"not found", 404)

    def answer(self, kind: str, body: bytes | None, status: int = 200) -> None:
        self.send_response_only(status)
        self.send_header("Date", formatdate(usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'self'")
        if body is None:
            self.send_header("Connection", "close")
            self.end_headers()
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self) -> None:
        events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        unsubscribe = self.server.view.subscribe(events.put)
        self.server.streams.append(events)
        self.close_connection = True
        try:
            self.answer("text/event-stream", None)
            self.wfile.write(b": connected\n\n")
            while (event := events.get()) is not None:
                self.wfile.write(f"event: {event['event']}\ndata: {json.dumps(event)}\n\n".encode())
        except OSError:
            pass  # the page went away
        finally:
            unsubscribe()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, view: FixedView, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.view = view
        self.streams: list[queue.Queue[dict[str, Any] | None]] = []
        self.connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, *_: object) -> None:
        pass  # a browser closes connections as it likes


@contextmanager
def serve(view: FixedView, port: int = 0) -> Iterator[str]:
    """Serve the page of a view, and give its base URL; afterwards nobody listens there any more."""
    server = _Server(view, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        for stream in server.streams:
            stream.put(None)
        server.shutdown()
        thread.join()
        server.server_close()
        for connection in server.connections:  # those that a browser keeps open for the next request too
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
