"""Check the token of a request, and the host that it names."""

from __future__ import annotations

import hmac
import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from floe_plugins.core.safe_text import escape
from floe_plugins.server.messages import Response, Scope, error_response, header_values

MAX_TOKEN = 4_096

_CHALLENGE = ((b"www-authenticate", b"Bearer"),)


def read_token(file: str | Path) -> str:
    r"""Return the token that a file contains, without white space around it.

    It is read once: a server that is to take a new token is made anew.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     file = Path(directory, "token")
    ...     size = file.write_text("s3cret\n")
    ...     read_token(file)
    's3cret'

    Raises:
        OSError: The file cannot be read.
        ValueError: It contains no token; the message says why, and shows nothing of it.
    """
    with Path(file).open("rb") as stream:
        data = stream.read(2 * MAX_TOKEN)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise ValueError("the token must consist of ASCII characters") from None
    return check_token(text.strip())


def check_token(token: str) -> str:
    """Return the token.

    Raises:
        ValueError: It cannot be sent in a header; the message shows nothing of it.
    """
    if not token:
        raise ValueError("the token is empty")
    if len(token) > MAX_TOKEN:
        raise ValueError(f"the token is longer than {MAX_TOKEN} characters")
    if not all("!" <= each <= "~" for each in token):
        raise ValueError("the token must consist of visible ASCII characters, without spaces")
    return token


class Guard:
    """Refuses requests that are not for this server, and changes without the token.

    A web page can have its own name point to 127.0.0.1, and so read what a browser on this machine can reach. So a
    request that comes over loopback must name a host that is no such page's: an address, a name without a dot,
    ``localhost``, this machine's name, or one of ``hosts``.

    Raises:
        ValueError: The token cannot be sent in a header; the message shows nothing of it.
    """

    def __init__(self, token: str | None = None, hosts: Iterable[str] = ()) -> None:
        self._expected = None if token is None else b"Bearer " + check_token(token).encode("ascii")
        self._hosts = frozenset(host.lower() for host in hosts) | {socket.gethostname().lower()}
        # Few hosts are asked for, and parsing them takes longer than all else that a probe does.
        self._known: set[tuple[object, bytes]] = set()

    def refuse_host(self, scope: Scope) -> Response | None:
        """Return the response to a request that must not be answered: 403; None if it may be."""
        server = scope.get("server")
        address = server[0] if server else None
        for value in header_values(scope, b"host"):
            if (address, value) in self._known:
                continue
            host = _without_port(value.decode("latin-1").strip().lower())
            if _is_loopback(address) and not self._is_allowed(host):
                return error_response(403, f"the host {escape(host[:200])!r} is not one that this server answers for")
            if len(self._known) < 100:  # noqa: PLR2004 whoever sends more does not slow down others much
                self._known.add((address, value))
        return None

    def _is_allowed(self, host: str) -> bool:
        name = host.removesuffix(".")
        if name in self._hosts or name.endswith(".localhost") or _NAME.fullmatch(name):
            return True
        address, _, zone = name.partition("%")
        return _NAME.fullmatch(zone) is not None and _address(address) is not None

    def refuse_change(self, scope: Scope) -> Response | None:
        """Return the response to a request that may not change anything; None if it may.

        It is 403 if this server has no token, and 401 for a wrong one. Tokens are compared in constant time.
        """
        if self._expected is None:
            return error_response(403, "this server is read-only, since it has no token; give it one to allow changes")
        given = header_values(scope, b"authorization")
        if not given:
            return error_response(401, "the header 'Authorization: Bearer TOKEN' is missing", _CHALLENGE)
        if len(given) > 1 or not hmac.compare_digest(_with_scheme(given[0]), self._expected):
            return error_response(401, "the token is wrong", _CHALLENGE)
        return None


def _with_scheme(value: bytes) -> bytes:
    """Return the header with its scheme, which may be written in any case, written as in ``_expected``."""
    scheme, space, token = value.strip().partition(b" ")
    return b"Bearer " + token.strip() if space and scheme.lower() == b"bearer" else b""


# Without a dot, and without what other programs may take for one.
_NAME = re.compile("[a-z0-9_-]*")
_PORT = re.compile("(:[0-9]*)?")


def _without_port(host: str) -> str:
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        return name if _PORT.fullmatch(port) else host
    name, colon, port = host.rpartition(":")
    return name if colon and ":" not in name and (port.isdecimal() or not port) else host


def _address(host: object) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(str(host).partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_loopback(host: object) -> bool:
    found = _address(host)
    return found is not None and found.is_loopback
