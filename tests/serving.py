"""Shared by the tests of the server: a view made of plain data, and clients that speak over real connections."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from support import SOON

from floe_plugins.server import Server


def plugin_row(ref: str = "compute:duckdb", **facts: Any) -> dict[str, Any]:
    """A plugin as it stands in a snapshot: started and well, unless ``facts`` say otherwise."""
    category, _, name = ref.partition(":")
    row = {
        "ref": ref,
        "category": category,
        "name": name,
        "version": "1.0",
        "floe_api_version": "1.0",
        "description": "",
        "distribution": "acme 1.0",
        "dependencies": [],
        "optional_dependencies": [],
        "state": "started",
        "selected": True,
        "required": False,
        "reason": "",
        "needs": [],
        "needed_by": [],
        "health": {"state": "healthy", "message": "", "details": {}, "seconds": 0.25, "time": 1.0},
        "start": {"state": "succeeded", "seconds": 1.5, "began": 0.0, "attempts": 2, "waited_for": [], "message": ""},
        "calls": [],
        "restarts": 0,
    }
    assert facts.keys() <= row.keys()
    return row | facts


def snapshot_of(*plugins: Mapping[str, Any], problems: Any = (), **platform: Any) -> dict[str, Any]:
    """A snapshot of a platform that runs, unless ``platform`` says otherwise."""
    facts = {
        "state": "running",
        "health": "healthy",
        "ready": True,
        "reasons": [],
        "version": "1.2",
        "pid": 1,
        "started_at": 100.0,
        "host_pid": None,
        "heartbeat_age": None,
        "restarts": 0,
        "last_end": None,
        "configuration": None,
    }
    assert platform.keys() <= {*facts, "name"}
    return {
        "schema_version": 1,
        "platform": facts | platform,
        "plugins": list(plugins),
        "problems": list(problems),
        "startup": None,
        "critical_chain": [],
        "settings": [],
        "schema": None,
    }


class FakeView:
    """A view that shows what a test gives it."""

    def __init__(self, *plugins: Mapping[str, Any]) -> None:
        self.current: dict[str, Any] = snapshot_of(*plugins)
        self.callbacks: list[Callable[[Mapping[str, Any]], object]] = []
        self.acts: list[tuple[str, str]] = []
        self.on_act: Callable[[], Mapping[str, Any]] = lambda: {"state": "succeeded"}
        self.subscribed = threading.Event()
        self.unsubscribed = threading.Event()

    def snapshot(self) -> Mapping[str, Any]:
        return self.current

    def subscribe(self, callback: Callable[[Mapping[str, Any]], object]) -> Callable[[], None]:
        self.callbacks.append(callback)
        self.subscribed.set()

        def end() -> None:
            self.callbacks.remove(callback)
            self.unsubscribed.set()

        return end

    def tell(self, **event: Any) -> None:
        for callback in list(self.callbacks):
            callback(event)

    def act(self, action: str, ref: str) -> Mapping[str, Any]:
        self.acts.append((action, ref))
        return self.on_act()


@attrs.frozen
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> Reply:
    """Ask over a connection of its own; ``_`` in the names of headers stands for ``-``."""
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=SOON)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        found = connection.getresponse()
        return Reply(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
    finally:
        connection.close()


def connect(server: Server) -> socket.socket:
    """A connection on which nothing was sent yet."""
    return socket.create_connection((server.address.host, server.address.port), timeout=SOON)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    data = b""
    try:
        while received := connection.recv(65_536):
            data += received
    except ConnectionError:
        pass
    return data


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    """What comes until a mark, which must come."""
    data = b""
    while mark not in data:
        received = connection.recv(65_536)
        assert received, f"the connection was closed after {data!r}"
        data += received
    return data


GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
