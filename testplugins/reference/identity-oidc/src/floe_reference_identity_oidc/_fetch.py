"""Fetch a URL with a timeout for the whole response."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_MOST = 1024 * 1024
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class StatusError(OSError):
    """The server answers, but not with what was asked for."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} answered with status {status}")
        self.status = status


def safe(url: str) -> str:
    """The URL itself.

    Raises:
        ValueError: what it gives could be exchanged by anybody on the way.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise ValueError("this can be exchanged by anybody on the way: expected https://")


def fetched(url: str, timeout: float, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Fetch a URL, or with a body post it there, within ``timeout`` seconds, however slowly the server sends.

    Raises:
        OSError: it cannot be had, or takes too long; a ``StatusError`` if the server says so.
        ValueError: it is longer than 1 MiB, or the URL is not a safe one.
    """
    safe(url)
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(_read(url, timeout, body, headers or {}))
        except Exception as error:  # noqa: BLE001 raised again below
            answers.put(error)

    # On a thread of its own: neither a slow look-up of the name nor a server that
    # sends a byte now and then ends by the time-out of a socket.
    threading.Thread(target=run, name="floe-reference-identity-oidc", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"{url} did not answer within {timeout:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def discovered(issuer: str, timeout: float) -> dict[str, Any]:
    """What an issuer says of itself (OpenID Connect Discovery).

    Raises:
        OSError: it cannot be had.
        ValueError: it is of another issuer, or nothing of the kind.
    """
    found = json.loads(fetched(issuer.rstrip("/") + "/.well-known/openid-configuration", timeout))
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise ValueError("what discovery gives is of another issuer")
    return found


def _read(url: str, timeout: float, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    import urllib.error
    import urllib.request

    # All that build_opener has for HTTP but redirection: trust is in this URL, not in where it may lead to.
    opener = urllib.request.OpenerDirector()
    for kind in ("Proxy", "HTTP", "HTTPS", "HTTPDefaultError"):
        opener.add_handler(getattr(urllib.request, f"{kind}Handler")())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    request = urllib.request.Request(url, body, {"Accept": "application/json", **headers})  # noqa: S310 checked by the caller
    deadline = time.monotonic() + timeout
    try:
        with opener.open(request, timeout=timeout) as response:
            content = bytearray()
            while (chunk := response.read1(_MOST)) and len(content) <= _MOST and time.monotonic() < deadline:
                content += chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise StatusError(url, error.code) from None
    if len(content) > _MOST:
        raise ValueError(f"{url} gives more than {_MOST} bytes")
    return bytes(content)
