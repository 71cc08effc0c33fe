from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import GET, FakeView, ask, connect, plugin_row, read_all, read_until
from support import SOON

from floe_plugins.server import Server
from floe_plugins.server.connection import Limits

Serve = Callable[..., Server]


def dribble(connection: socket.socket, data: bytes) -> bytes:
    """Send byte after byte as slowly as the server allows, and return what it says before it closes."""
    connection.settimeout(0.02)
    received, sent = b"", 0
    while True:
        try:
            if sent < len(data):
                connection.sendall(data[sent : sent + 1])
                sent += 1
            part = connection.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            return received
        if not part:
            return received
        received += part


def is_left(connection: socket.socket) -> bool:
    """Whether the server has ended a connection from which nothing is read."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(SOON * 1000))


def test_two_hundred_clients_at_once_are_answered(server: Server) -> None:
    clients = [connect(server) for _ in range(200)]
    try:
        for client in clients:
            client.sendall(GET % b"/readyz")
        for client in clients:
            assert read_until(client, b"ok").startswith(b"HTTP/1.1 200")
    finally:
        for client in clients:
            client.close()


def test_two_hundred_clients_that_ask_for_everything_are_answered(server: Server) -> None:
    paths = ("/livez", "/readyz?verbose", "/metrics", "/api/snapshot", "/nothing")
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda number: ask(server, paths[number % len(paths)]).status, range(200)))
    assert found == [200, 200, 200, 200, 404] * 40


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_client_that_does_not_finish_its_request_is_left(serve: Serve, view: FakeView, sent: bytes) -> None:
    server = serve(view, limits=Limits(head_seconds=0.2))
    with connect(server) as connection:
        connection.sendall(sent)
        assert read_all(connection) == b""


def test_a_client_that_dribbles_its_headers_is_left(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(head_seconds=0.2))
    with connect(server) as connection:
        assert dribble(connection, b"GET /livez HTTP/1.1\r\nX: " + b"x" * 10_000) == b""


def test_a_client_that_dribbles_its_second_request_is_left(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(head_seconds=1.0))
    with connect(server) as connection:
        connection.sendall(GET % b"/livez")
        read_until(connection, b"ok")
        assert dribble(connection, b"GET /livez HTTP/1.1\r\nX: " + b"x" * 10_000) == b""


def test_a_client_that_goes_on_asking_is_answered_on_one_connection(serve: Serve, view: FakeView) -> None:
    limits = Limits(head_seconds=1.0)
    server = serve(view, limits=limits)
    end = time.monotonic() + 2.5 * limits.head_seconds
    with connect(server) as connection:
        while time.monotonic() < end:
            connection.sendall(GET % b"/livez")
            assert read_until(connection, b"ok")


def test_a_client_that_dribbles_a_body_that_nobody_wants_is_left(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(head_seconds=1.0))
    with connect(server) as connection:
        head = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        connection.sendall(head)
        assert dribble(connection, b"x" * 10_000).startswith(b"HTTP/1.1 405")


def test_others_are_answered_while_many_clients_dribble(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(connections=20))
    slow = [connect(server) for _ in range(100)]
    try:
        for each in slow:
            each.sendall(b"GET /livez HTTP/1.1\r\nX: ")
        for _ in range(20):
            assert ask(server, "/livez").status == 200
    finally:
        for each in slow:
            each.close()


def test_one_client_too_many_ends_the_one_that_waits_longest(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(connections=3))
    clients = []
    for _ in range(4):
        clients.append(connect(server))
        clients[-1].sendall(GET % b"/livez")
        read_until(clients[-1], b"ok")
    assert read_all(clients[0]) == b""
    for client in clients[1:]:
        client.sendall(GET % b"/livez")
        assert read_until(client, b"ok")
    for client in clients:
        client.close()


def test_clients_whose_requests_are_under_way_are_not_ended_for_others(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(connections=2))
    streams = [connect(server) for _ in range(2)]
    for stream in streams:
        stream.sendall(GET % b"/api/events")
        read_until(stream, b"retry: 2000")
    with connect(server) as newcomer:
        assert read_all(newcomer) == b""
    view.tell(event="state")
    for stream in streams:
        assert read_until(stream, b"state")
        stream.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 60_000,
        b"GET /" + b"x" * 60_000,
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 8_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(1_000)) + b"\r\n",
    ],
    ids=["a header without an end", "a path without an end", "a header", "many headers"],
)
def test_a_head_that_is_too_large_is_refused(serve: Serve, view: FakeView, request_: bytes) -> None:
    server = serve(view, limits=Limits(head_bytes=8_000))
    with connect(server) as connection:
        connection.sendall(request_)
        assert read_all(connection).startswith(b"HTTP/1.1 431 ")
    assert ask(server, "/livez").status == 200


def test_a_head_of_ordinary_size_is_read(server: Server) -> None:
    assert ask(server, "/livez", Cookie="x" * 8_000).status == 200


@pytest.mark.parametrize(("more", "status"), [(0, b"200"), (1, b"431")])
def test_the_limit_of_a_head_is_exact(serve: Serve, view: FakeView, more: int, status: bytes) -> None:
    begin, end = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ", b"\r\n\r\n"
    with connect(serve(view, limits=Limits(head_bytes=1_000))) as connection:
        connection.sendall(begin + b"x" * (1_000 + more - len(begin + end)) + end)
        assert read_all(connection).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # what a client says that expects TLS
        b"GET /livez\r\n\r\n",
        b"GET /li\x00vez HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HELLO\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_without_a_word_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], nonsense: bytes
) -> None:
    with connect(server) as connection:
        connection.sendall(nonsense)
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert ask(server, "/livez").status == 200
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_an_upgrade_is_not_made(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = ask(server, "/livez", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13")
    assert reply.status == 200
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_requests_that_are_sent_at_once_are_answered_in_order(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(GET % b"/livez" + GET % b"/nothing" + b"GET /livez HTTP/1.0\r\n\r\n")
        answers = read_all(connection)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def test_a_client_that_reads_nothing_is_left(serve: Serve) -> None:
    view = FakeView(plugin_row("compute:large", description="x" * 50_000_000))
    server = serve(view, limits=Limits(read_seconds=0.2, head_seconds=SOON))
    with connect(server) as connection:
        connection.sendall(GET % b"/api/snapshot")
        assert is_left(connection)
    assert ask(server, "/livez").status == 200


def test_a_client_that_reads_a_large_document_slowly_gets_all_of_it(serve: Serve) -> None:
    view = FakeView(plugin_row("compute:large", description="x" * 20_000_000))
    server = serve(view, limits=Limits(read_seconds=3.0, head_seconds=SOON))
    with connect(server) as connection:
        connection.sendall(b"GET /api/snapshot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        size = 0
        while part := connection.recv(16_384):
            size += len(part)
    assert size > 20_000_000


def test_a_stream_that_is_not_read_is_left(serve: Serve, view: FakeView) -> None:
    server = serve(view, limits=Limits(read_seconds=0.2))
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        assert view.subscribed.wait(SOON)
        stop = threading.Event()

        def flood() -> None:
            while not stop.is_set() and view.callbacks:
                view.tell(event="state", reason="x" * 100_000)
                stop.wait(0.001)

        flooder = threading.Thread(target=flood)
        flooder.start()
        try:
            assert is_left(connection)
            assert view.unsubscribed.wait(SOON)
        finally:
            stop.set()
            flooder.join(SOON)
