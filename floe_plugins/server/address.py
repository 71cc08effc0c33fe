"""Addresses to listen on, as operators write them, and sockets bound to them."""

from __future__ import annotations

import errno
import os
import socket

import attrs

from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginError

LOOPBACK = "127.0.0.1"

MAX_PORT = 65_535

# Clients that may wait to be accepted.
_BACKLOG = 256

_HINT = "Write PORT, HOST:PORT or [IPV6]:PORT, such as 8080, 0.0.0.0:8080 or [::1]:8080"

_REASONS = {
    errno.EADDRINUSE: ("the port is in use", "End what uses it, or take another port"),
    errno.EACCES: ("this user may not use the port", "Take a port from 1024 on"),
    errno.EPERM: ("this user may not use the port", "Take a port from 1024 on"),
    errno.EADDRNOTAVAIL: ("the address is none of this machine's", "Take one of its own, 127.0.0.1 or 0.0.0.0"),
    errno.EAFNOSUPPORT: ("this machine does not have this kind of address", "Take an IPv4 address"),
}


class AddressError(PluginError, ValueError):
    """The server cannot listen on an address: the text is none, or the machine refuses it. The hint says what to do.

    >>> try:
    ...     Address.parse("localhost")
    ... except AddressError as error:
    ...     print(error)
    cannot serve on 'localhost': it has no port. Write PORT, HOST:PORT or [IPV6]:PORT, such as 8080, 0.0.0.0:8080 or [::1]:8080
    """  # noqa: E501


@attrs.frozen
class Address:
    """A host and a port. Port 0 stands for any that is free.

    >>> Address.parse("8080"), str(Address.parse("[::1]:0"))
    (Address(host='127.0.0.1', port=8080), '[::1]:0')

    Attributes:
        host: A name or an address; of IPv6 without brackets.
        port: From 0 to 65535.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL by which a browser on this machine finds it."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104 it is replaced
        return f"http://{Address(host, self.port)}/"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that ``[HOST:]PORT`` stands for; without a host, that of loopback.

        Raises:
            AddressError: It is no such text.
        """
        host, colon, port = text.strip().rpartition(":")
        if not port.isascii() or not port.isdecimal() or len(port) > len(str(MAX_PORT)) or int(port) > MAX_PORT:
            raise _error(text, "it has no port" if not colon else f"the port is not a number from 0 to {MAX_PORT}")
        if not colon:
            return cls(LOOPBACK, int(port))
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise _error(text, "an IPv6 address stands in brackets")
        if not host or not host.isprintable() or set(host) & set("[]/ "):
            raise _error(text, "the host is missing" if not host else "the host is not a name or an address")
        return cls(host, int(port))


def _error(text: str, reason: str, hint: str = _HINT) -> AddressError:
    return AddressError(f"cannot serve on '{escape(text[:200])}': {reason}", hint=hint)


def open_listener(address: Address | str) -> socket.socket:
    """Return a socket that listens on an address; clients wait until a server accepts them.

    So a program can take its port before it does what takes long. ``Server`` closes it; without one, the caller does.
    A host name is looked up, which may take as long as the machine's resolver lets it.

    >>> with open_listener("127.0.0.1:0") as listener:
    ...     host, port = listener.getsockname()
    >>> host, port > 0
    ('127.0.0.1', True)

    Raises:
        AddressError: That is not possible; the message says why.
    """
    wanted = Address.parse(address) if isinstance(address, str) else address
    try:
        found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise _error(str(wanted), "there is no host of that name") from None
    # A name such as localhost has several addresses; nearly every client tries the IPv4 one.
    family, kind, protocol, _, place = min(found, key=lambda each: each[0] != socket.AF_INET)
    try:
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refusal(wanted, error) from None
    try:
        if os.name == "posix":  # elsewhere it would let two processes share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(wanted, error) from None
    return listener


def _refusal(address: Address, error: OSError) -> AddressError:
    reason, hint = _REASONS.get(error.errno or 0, (error.strerror or type(error).__name__, ""))
    return _error(str(address), reason, hint)
