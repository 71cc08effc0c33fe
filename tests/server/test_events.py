from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from serving import GET, FakeView, ask, connect, read_all, read_until
from support import SOON

from floe_plugins.server import Server
from floe_plugins.server.events import EventStreams, StreamLimits


def test_events_come_as_they_happen(server: Server, view: FakeView) -> None:
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        head = read_until(connection, b"retry: 2000\n\n")
        assert b"content-type: text/event-stream\r\n" in head
        assert b"cache-control: no-store" in head
        view.tell(event="state", ref="compute:duckdb", state="failed")
        line = read_until(connection, b"\n\n").split(b"data: ")[1]
        assert json.loads(line.partition(b"\n")[0]) == {"event": "state", "ref": "compute:duckdb", "state": "failed"}


@pytest.mark.parametrize("text", ["a\n\ndata: {}\n\n", "\r\nevent: x", "\ud800\x1b\u2028", 10**400])
def test_what_a_plugin_says_stays_in_its_event(server: Server, view: FakeView, text: object) -> None:
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        read_until(connection, b"retry: 2000\n\n")
        view.tell(event="health", reason=text)
        view.tell(event="last")
        received = read_until(connection, b'"last"}\n\n')
    lines = [line for line in received.split(b"\n") if line.startswith((b"data", b"event", b"retry", b"id"))]
    assert len(lines) == 2
    assert all(line.isascii() and json.loads(line.partition(b"data: ")[2]) for line in lines)


def test_a_client_that_leaves_is_forgotten(server: Server, view: FakeView) -> None:
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        read_until(connection, b"retry: 2000")
        assert len(view.callbacks) == 1
    assert view.unsubscribed.wait(SOON)
    assert view.callbacks == []


def test_one_stream_too_many_is_refused_until_another_ends(serve: Callable[..., Server], view: FakeView) -> None:
    server = serve(view, stream_limits=StreamLimits(streams=1))
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        read_until(connection, b"retry: 2000")
        reply = ask(server, "/api/events")
        assert reply.status == 503
        assert reply.headers["retry-after"] == "5"
        assert ask(server, "/readyz").status == 200
    assert view.unsubscribed.wait(SOON)
    while ask(server, "/api/events", "HEAD").status == 503:  # it is on its way out
        pass
    assert ask(server, "/api/events", "HEAD").status == 200


def test_a_silent_stream_shows_that_it_is_there(serve: Callable[..., Server], view: FakeView) -> None:
    server = serve(view, stream_limits=StreamLimits(silence=0.01))
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        assert read_until(connection, b": still there\n\n")


def test_a_stream_ends_after_its_lifetime(serve: Callable[..., Server], view: FakeView) -> None:
    server = serve(view, stream_limits=StreamLimits(lifetime=0.0))
    with connect(server) as connection:
        connection.sendall((GET % b"/api/events").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).endswith(b"0\r\n\r\n")
    assert view.callbacks == []


def test_a_view_that_gives_no_events_fails_that_request_alone(
    server: Server, view: FakeView, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_callback: object) -> Any:
        raise KeyError("hunter2")

    monkeypatch.setattr(view, "subscribe", fail)
    reply = ask(server, "/api/events")
    assert reply.status == 500
    assert "KeyError" in caplog.text
    assert "hunter2" not in reply.text + caplog.text


class Client:
    """A client that reads as a test tells it to."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.opened = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.received.append(message)
        if len(self.received) == 2:  # the head, and the beginning of the stream
            self.opened.set()


def test_a_client_that_falls_behind_has_to_connect_anew(view: FakeView) -> None:
    async def run() -> Client:
        client = Client()
        streams = EventStreams(view, StreamLimits(backlog=5))
        serving = asyncio.ensure_future(streams.serve("GET", client.receive, client.send))
        await client.opened.wait()
        for number in range(100):  # nothing is sent before this coroutine waits
            view.tell(event="state", number=number)
        await asyncio.wait_for(serving, SOON)
        return client

    client = asyncio.run(run())
    assert b"".join(each["body"] for each in client.received[1:]).count(b"data: ") <= 5
    assert client.received[-1].get("more_body", False) is False
    assert view.callbacks == []


def test_a_client_that_does_not_read_is_left(view: FakeView) -> None:
    async def run() -> None:
        client = Client()
        streams = EventStreams(view, StreamLimits(send_seconds=0.05))
        serving = asyncio.ensure_future(streams.serve("GET", client.receive, client.send))
        await client.opened.wait()
        client.reads.clear()
        view.tell(event="state")
        await serving

    asyncio.run(asyncio.wait_for(run(), SOON))
    assert view.callbacks == []


def test_an_event_after_the_server_has_ended_harms_nobody(view: FakeView) -> None:
    async def run() -> Any:
        client = Client()
        serving = asyncio.ensure_future(EventStreams(view).serve("GET", client.receive, client.send))
        await client.opened.wait()
        [callback] = view.callbacks
        serving.cancel()
        return callback

    callback = asyncio.run(run())
    callback({"event": "state"})
    callback({"event": "state"})
