"""The page and its files, read once: only what was found then is ever sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs

from floe_plugins.server.messages import NOT_MODIFIED, Headers, Response, Scope, error_response, header_values

STATIC = Path(__file__).parent / "static"

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/vnd.microsoft.icon",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".woff2": b"font/woff2",
}


@attrs.frozen
class _File:
    response: Response
    unchanged: Response
    tag: bytes


class Pages:
    """The files of a directory by their path in it, held in memory. Those of unknown types are left out."""

    def __init__(self, directory: Path = STATIC) -> None:
        self._files: Mapping[str, _File] = {
            path.relative_to(directory).as_posix(): _read(path)
            for path in sorted(directory.rglob("*"))
            if path.suffix in _TYPES and path.is_file() and not path.is_symlink()
        }

    def respond(self, name: str, scope: Scope) -> Response:
        """Return a file; 404 if there is none, and 304 if the client has it already."""
        file = self._files.get(name)
        if file is None:
            return error_response(404, "there is no such file")
        return file.unchanged if file.tag in header_values(scope, b"if-none-match") else file.response


def _read(path: Path) -> _File:
    body = path.read_bytes()
    tag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode("ascii")
    # Browsers ask again each time, so that a new version is never mixed with an old one.
    headers: Headers = ((b"cache-control", b"no-cache"), (b"etag", tag))
    content_type = _TYPES[path.suffix]
    return _File(Response(200, body, content_type, headers), Response(NOT_MODIFIED, b"", content_type, headers), tag)
