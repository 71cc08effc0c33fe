from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import FakeView, ask, connect, read_all

from floe_plugins.server import Server, create_app, read_token
from floe_plugins.server.security import Guard

RESTART = "/api/plugins/compute:duckdb/restart"


def test_a_token_is_what_a_file_contains(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("  hunter2\n", encoding="utf-8")
    assert read_token(file) == "hunter2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"two words", "visible ASCII"),
        (b"two\nlines", "visible ASCII"),
        (b"caf\xc3\xa9", "ASCII"),
        (b"x" * 5_000, "longer than 4096"),
        (b"x" * 1_000_000, "longer than 4096"),
    ],
)
def test_a_file_without_a_usable_token_is_refused_and_its_content_is_not_shown(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_token(file)
    assert content.decode("latin-1").strip()[:5] not in str(caught.value) or not content.strip()
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("token", ["", "two words", "x\r\ny"])
def test_an_application_is_not_made_with_a_token_that_nobody_can_send(view: FakeView, token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        create_app(view, token=token)


def test_without_a_token_nothing_can_be_changed(server: Server, view: FakeView) -> None:
    reply = ask(server, RESTART, "POST", Authorization="Bearer anything")
    assert reply.status == 403
    assert "read-only" in reply.json["error"]["message"]
    assert view.acts == []


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer hunter",
        "Bearer hunter22",
        "Basic hunter2",
        "hunter2",
        "Bearer caf\xe9",
    ],
)
def test_a_wrong_token_changes_nothing_and_stands_nowhere(
    serve: Callable[..., Server], view: FakeView, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(view, token="hunter2")  # noqa: S106
    reply = ask(server, RESTART, "POST", Authorization=given)
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert view.acts == []
    assert "hunter2" not in reply.text
    assert "hunter2" not in caplog.text


def test_a_request_without_a_token_is_told_how_to_send_one(serve: Callable[..., Server], view: FakeView) -> None:
    reply = ask(serve(view, token="hunter2"), RESTART, "POST")  # noqa: S106
    assert reply.status == 401
    assert "Authorization: Bearer TOKEN" in reply.json["error"]["message"]


@pytest.mark.parametrize("given", ["Bearer hunter2", "bearer hunter2", "Bearer  hunter2 "])
def test_the_right_token_lets_a_plugin_be_restarted(
    serve: Callable[..., Server], view: FakeView, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(view, token="hunter2")  # noqa: S106
    assert ask(server, RESTART, "POST", Authorization=given).status == 200
    assert view.acts == [("restart", "compute:duckdb")]
    assert "hunter2" not in caplog.text


def test_two_tokens_are_none(serve: Callable[..., Server], view: FakeView) -> None:
    server = serve(view, token="hunter2")  # noqa: S106
    head = f"POST {RESTART} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n"
    with connect(server) as connection:
        connection.sendall((head + "Authorization: Bearer hunter2\r\n" * 2 + "\r\n").encode())
        assert read_all(connection).startswith(b"HTTP/1.1 401")
    assert view.acts == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:1",
        "[::1]:8080",
        "10.0.0.1",
        "platform",
        "a.localhost:80",
        "localhost.",
    ],
)
def test_a_name_that_no_web_page_can_have_is_answered(server: Server, host: str) -> None:
    assert ask(server, "/livez", Host=host).status == 200


def test_the_name_of_this_machine_is_answered(server: Server) -> None:
    assert ask(server, "/livez", Host=f"{socket.gethostname()}:80").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example"]
)
@pytest.mark.parametrize("path", ["/livez", "/api/snapshot", "/api/events", "/", "/metrics"])
def test_a_page_whose_name_was_bound_to_loopback_reads_nothing(server: Server, host: str, path: str) -> None:
    for _ in range(2):
        reply = ask(server, path, Host=host)
        assert reply.status == 403
        assert "compute" not in reply.text
        assert host.partition(":")[0] in reply.json["error"]["message"]


def test_a_page_whose_name_was_bound_to_loopback_changes_nothing_even_with_the_token(
    serve: Callable[..., Server], view: FakeView
) -> None:
    server = serve(view, token="hunter2")  # noqa: S106
    reply = ask(server, RESTART, "POST", Host="evil.example", Authorization="Bearer hunter2")
    assert reply.status == 403
    assert view.acts == []


def test_the_host_that_is_refused_is_shown_escaped(server: Server) -> None:
    reply = ask(server, "/livez", Host="<b>.\xff\x7f.example")
    assert reply.status in {400, 403}
    assert b"\x7f" not in reply.body
    assert reply.headers["content-type"] in {"application/json", "text/plain; charset=utf-8"}


def test_a_name_that_the_application_knows_is_answered(serve: Callable[..., Server], view: FakeView) -> None:
    server = serve(view, hosts=["Status.Example.com"])
    assert ask(server, "/livez", Host="status.example.com").status == 200
    assert ask(server, "/livez", Host="other.example.com").status == 403


@pytest.mark.parametrize("server_address", [("10.0.0.5", 80), ("/run/socket", None), None, ("::ffff:10.0.0.5", 80)])
def test_requests_over_other_interfaces_may_name_any_host(server_address: object) -> None:
    scope = {"server": server_address, "headers": [(b"host", b"status.example.com")]}
    assert Guard().refuse_host(scope) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1", "::1%lo"])
def test_every_address_of_loopback_is_guarded(address: str) -> None:
    refused = Guard().refuse_host({"server": (address, 80), "headers": [(b"host", b"evil.example")]})
    assert refused is not None
    assert "evil.example" in json.loads(refused.body)["error"]["message"]


@pytest.mark.parametrize(
    "host",
    [
        "[::1].evil.example",
        "[::1]evil",
        "127.0.0.1%.evil.example",
        "[::1%.evil.example]",
        "evil\u3002example",
        "localhost evil",
        "localhost@evil",
    ],
)
def test_a_host_that_only_looks_like_an_address_or_a_name_is_refused(host: str) -> None:
    scope = {"server": ("127.0.0.1", 80), "headers": [(b"host", host.encode())]}
    assert Guard().refuse_host(scope) is not None


def test_an_address_with_a_zone_is_answered() -> None:
    scope = {"server": ("::1", 80), "headers": [(b"host", b"[fe80::1%eth0]:8080")]}
    assert Guard().refuse_host(scope) is None


def test_one_good_host_does_not_excuse_another() -> None:
    scope = {"server": ("127.0.0.1", 80), "headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}
    assert Guard().refuse_host(scope) is not None


def test_a_host_that_was_good_elsewhere_is_not_good_on_loopback() -> None:
    guard = Guard()
    headers = [(b"host", b"status.example.com")]
    assert guard.refuse_host({"server": ("10.0.0.5", 80), "headers": headers}) is None
    assert guard.refuse_host({"server": ("127.0.0.1", 80), "headers": headers}) is not None


def test_any_number_of_hosts_can_be_asked_for() -> None:
    guard = Guard()
    for number in range(1_000):
        scope = {"server": ("127.0.0.1", 80), "headers": [(b"host", b"name%d" % number)]}
        assert guard.refuse_host(scope) is None
