"""Responses of the ASGI application, and what it reads of a request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import attrs

from floe_plugins.core.record import to_plain

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"

NOT_MODIFIED = 304

NO_STORE: Headers = ((b"cache-control", b"no-store"),)
_SECURITY: Headers = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@attrs.frozen
class Response:
    """A response that is sent at once.

    Attributes:
        status: The status code of HTTP.
        body: All of it, also for HEAD, which is answered without.
        content_type: The value of that header.
        headers: Headers besides content type, length and those that every response has.
        start: The message of ASGI that begins it, made once.
    """

    status: int
    body: bytes
    content_type: bytes = TEXT
    headers: Headers = NO_STORE
    start: Message = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # What was not modified has a length, but it is not this body's.
        length: Headers = () if self.status == NOT_MODIFIED else ((b"content-length", b"%d" % len(self.body)),)
        object.__setattr__(self, "start", start_message(self.status, self.content_type, (*length, *self.headers)))

    async def send(self, method: str, send: Send) -> None:
        """Send it; without its body in answer to HEAD."""
        await send(self.start)
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else self.body})


def start_message(status: int, content_type: bytes, headers: Headers) -> Message:
    """Return the message that begins a response, with the headers that every response has."""
    everything = ((b"content-type", content_type), *headers, *_SECURITY)
    return {"type": "http.response.start", "status": status, "headers": list(everything)}


def to_json(data: object) -> bytes:
    r"""Return data as one line of ASCII; what JSON does not allow becomes text.

    >>> to_json({"name": "\ud800", "size": float("inf")})
    b'{"name":"\\ud800","size":"inf"}'
    """
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(to_plain(data), separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def json_response(data: object, status: int = 200, headers: Headers = ()) -> Response:
    """Return a response with data as JSON."""
    return Response(status, to_json(data), JSON, NO_STORE + headers)


def error_response(status: int, message: str, headers: Headers = (), **facts: object) -> Response:
    """Return an error as JSON."""
    return json_response({"error": {"message": message}, **facts}, status, headers)


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of all headers with this name, which is in lower case."""
    return [value for key, value in scope["headers"] if key == name]


def has_parameter(scope: Scope, name: bytes) -> bool:
    """Return whether the query has a parameter, with or without a value.

    >>> [has_parameter({"query_string": query}, b"verbose") for query in (b"verbose", b"a=1&verbose=0", b"verbosely")]
    [True, True, False]
    """
    query: bytes = scope.get("query_string", b"")
    return any(part.partition(b"=")[0] == name for part in query.split(b"&"))


def path_of(scope: Scope) -> str:
    """Return the path below the place where the application is mounted; empty at that place, without a slash.

    >>> path_of({"path": "/plugins/readyz", "root_path": "/plugins"}), path_of({"path": "/readyz"})
    ('/readyz', '/readyz')
    """
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :]
    return path


def plugins_of(snapshot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the plugins of a snapshot."""
    return list(snapshot.get("plugins") or ())
