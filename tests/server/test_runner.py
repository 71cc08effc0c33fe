from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from serving import GET, FakeView, ask, connect, read_all, read_until
from support import SOON, run_code

from floe_plugins.server import AddressError, Server, create_app, open_listener
from floe_plugins.server.connection import Limits


def test_it_serves_until_the_end_of_the_block_and_frees_its_port(view: FakeView) -> None:
    with Server(create_app(view), open_listener("0")) as server:
        assert ask(server, "/livez").status == 200
        with pytest.raises(AddressError, match="in use"):
            open_listener(server.address)
    with pytest.raises(ConnectionError):
        connect(server)
    open_listener(server.address).close()


def test_clients_that_come_before_it_starts_are_answered(view: FakeView) -> None:
    server = Server(create_app(view), open_listener("0"))
    with connect(server) as connection:
        connection.sendall(GET % b"/livez")
        server.start()
        assert read_until(connection, b"ok")
    assert server.stop()


def test_stopping_twice_or_before_the_start_is_no_error(view: FakeView) -> None:
    server = Server(create_app(view), open_listener("0"))
    assert server.stop()
    assert server.stop()
    with pytest.raises(ConnectionError):
        connect(server)


def test_what_keeps_it_from_starting_is_raised(view: FakeView, caplog: pytest.LogCaptureFixture) -> None:
    listener = open_listener("0")
    server = Server(create_app(view), listener)
    listener.close()
    with pytest.raises(RuntimeError, match="could not be started") as caught:
        server.start()
    assert isinstance(caught.value.__cause__, (OSError, ValueError))
    assert "the server has ended" in caplog.text


def test_signals_and_logging_stay_as_they_are(view: FakeView, capfd: pytest.CaptureFixture[str]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    loggers = [logging.getLogger(name) for name in ("", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")]

    def state() -> list[Any]:
        return [
            *map(signal.getsignal, numbers),
            *((each.level, each.propagate, each.disabled, list(each.handlers)) for each in loggers),
        ]

    before = state()
    with Server(create_app(view), open_listener("0")) as server:
        ask(server, "/livez")
        assert state() == before
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_that_no_descriptor_is_left_for_a_client_is_logged_once(
    view: FakeView, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, left = socket.socket.accept, [5000]

    def accept_later(listener: socket.socket) -> Any:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", accept_later)
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0)
    with Server(create_app(view), open_listener("0")) as server:
        assert ask(server, "/livez").status == 200
    assert left == [0]
    assert caplog.messages == ["the server accepts no more clients for now: Too many open files"]


def test_a_stream_of_events_does_not_delay_the_end(view: FakeView) -> None:
    server = Server(create_app(view), open_listener("0"), Limits(end_seconds=1000.0))
    server.start()
    with connect(server) as connection:
        connection.sendall(GET % b"/api/events")
        read_until(connection, b"retry: 2000")
        assert server.stop(SOON)
        read_all(connection)
    assert view.callbacks == []


def test_a_request_under_way_is_answered_before_the_end(view: FakeView) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait() -> Mapping[str, Any]:
        entered.set()
        go_on.wait(SOON)
        return {"state": "succeeded"}

    view.on_act = wait
    server = Server(create_app(view, token="t"), open_listener("0"), Limits(end_seconds=SOON))  # noqa: S106
    server.start()
    replies: list[int] = []

    def act() -> None:
        replies.append(ask(server, "/api/plugins/compute:duckdb/stop", "POST", Authorization="Bearer t").status)

    asker = threading.Thread(target=act)
    asker.start()
    assert entered.wait(SOON)
    assert not server.stop(timeout=0.2)
    go_on.set()
    asker.join(SOON)
    assert replies == [200]
    assert server.stop(SOON)


def test_a_request_that_hangs_does_not_keep_the_server_from_ending(view: FakeView, forever: threading.Event) -> None:
    entered = threading.Event()

    def hang() -> Mapping[str, Any]:
        entered.set()
        forever.wait(SOON)
        return {"state": "succeeded"}

    view.on_act = hang
    server = Server(create_app(view, token="t"), open_listener("0"), Limits(end_seconds=0.1))  # noqa: S106
    server.start()
    with connect(server) as connection:
        head = b"POST /api/plugins/compute:duckdb/stop HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n\r\n"
        connection.sendall(head)
        assert entered.wait(SOON)
        assert server.stop(SOON)
        assert read_all(connection) == b""
    forever.set()


def test_a_process_ends_while_it_serves() -> None:
    code = """
        import socket
        from serving import GET, FakeView, connect, read_until
        from floe_plugins.server import Server, create_app, open_listener

        server = Server(create_app(FakeView()), open_listener("0"))
        server.start()
        connection = connect(server)
        connection.sendall(GET % b"/api/events")
        read_until(connection, b"retry")
        print("served")
    """
    done = run_code(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "served\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_holds_neither_the_port_nor_the_connections() -> None:
    code = """
        import os, warnings
        warnings.simplefilter("ignore")  # of forks of processes with threads
        from serving import GET, FakeView, connect, read_all, read_until
        from floe_plugins.server import Server, create_app, open_listener

        server = Server(create_app(FakeView()), open_listener("0"))
        server.start()
        connection = connect(server)
        connection.sendall(GET % b"/livez")
        read_until(connection, b"ok")
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(writing)
            os.read(reading, 1)  # until the parent is done
            os._exit(0)
        assert server.stop()
        assert read_all(connection) == b""
        open_listener(server.address).close()
        os.close(writing)
        os.waitpid(child, 0)
        print("free")
    """
    done = run_code(code)
    assert (done.stdout, done.stderr) == ("free\n", "")


def test_its_address_is_the_one_that_it_is_bound_to(view: FakeView) -> None:
    server = Server(create_app(view), open_listener("127.0.0.1:0"))
    assert server.address.host == "127.0.0.1"
    assert server.address.url == f"http://127.0.0.1:{server.address.port}/"
    server.stop()


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_it_serves_ipv6_where_the_machine_has_it(view: FakeView) -> None:
    try:
        listener = open_listener("[::1]:0")
    except AddressError:
        pytest.skip("this machine has no IPv6")
    with Server(create_app(view), listener) as server:
        assert ask(server, "/livez").status == 200
        assert ask(server, "/livez", Host="evil.example").status == 403
