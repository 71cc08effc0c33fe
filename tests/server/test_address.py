from __future__ import annotations

import os
import socket

import pytest

from floe_plugins.server.address import Address, AddressError, open_listener


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8080", "127.0.0.1", 8080),
        (" 8080 ", "127.0.0.1", 8080),
        ("0", "127.0.0.1", 0),
        ("0.0.0.0:8080", "0.0.0.0", 8080),  # noqa: S104
        ("localhost:65535", "localhost", 65535),
        ("[::1]:80", "::1", 80),
    ],
)
def test_an_address_is_a_port_with_or_without_a_host(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no port"),
        ("localhost", "it has no port"),
        ("localhost:", "the port is not a number"),
        ("localhost:http", "the port is not a number"),
        ("65536", "it has no port"),
        ("127.0.0.1:65536", "the port is not a number from 0 to 65535"),
        ("127.0.0.1:-1", "the port is not a number"),
        ("127.0.0.1:٨٠", "the port is not a number"),
        ("127.0.0.1:" + "9" * 10_000, "the port is not a number"),
        (":8080", "the host is missing"),
        ("::1:8080", "an IPv6 address stands in brackets"),
        ("http://localhost:80", "an IPv6 address stands in brackets"),
        ("a/b:80", "the host is not a name or an address"),
        ("a\nb:80", "the host is not a name or an address"),
    ],
)
def test_any_other_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as caught:
        Address.parse(text)
    assert reason in str(caught.value)
    assert "0.0.0.0:8080" in caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address.parse("0.0.0.0:80"), "http://127.0.0.1:80/"),
        (Address("::", 80), "http://[::1]:80/"),
        (Address("10.0.0.1", 80), "http://10.0.0.1:80/"),
    ],
)
def test_the_url_of_an_address_can_be_opened_on_this_machine(address: Address, url: str) -> None:
    assert address.url == url


def test_port_zero_gives_a_free_port_of_loopback() -> None:
    with open_listener("0") as listener:
        host, port = listener.getsockname()
    assert host == "127.0.0.1"
    assert port > 0


def test_a_port_in_use_is_told_even_before_the_other_server_answers() -> None:
    with open_listener("0") as listener, pytest.raises(AddressError, match="the port is in use") as caught:
        open_listener(Address(*listener.getsockname()))
    assert str(listener.getsockname) not in str(caught.value)
    assert caught.value.hint


def test_a_port_can_be_taken_again_at_once() -> None:
    with open_listener("0") as listener:
        address = Address(*listener.getsockname())
        client = socket.create_connection((address.host, address.port))
        accepted, _ = listener.accept()
        accepted.close()  # whoever closes first keeps the port in TIME_WAIT
    client.close()
    open_listener(address).close()


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "the address is none of this machine's"),
        ("no-such-host.invalid", "there is no host of that name"),
        ("x" * 64 + ".example", "there is no host of that name"),
    ],
)
def test_an_address_that_is_not_of_this_machine_is_told_as_such(host: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        open_listener(f"{host}:0")


def test_a_port_that_the_user_may_not_use_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_self: object, _place: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "socket", type("Socket", (socket.socket,), {"bind": bind}))
    with pytest.raises(AddressError, match=r"'127.0.0.1:80': this user may not use the port. Take a port from 1024 on"):
        open_listener("80")


def test_a_machine_without_ipv6_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(97, os.strerror(97))

    found = socket.getaddrinfo("::1", 0, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(AddressError, match="this machine does not have this kind of address"):
        open_listener("[::1]:0")


def test_a_name_with_several_addresses_is_served_on_its_ipv4_address(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with open_listener("localhost:0") as listener:
        assert listener.family is socket.AF_INET
