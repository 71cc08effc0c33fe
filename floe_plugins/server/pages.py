"""The page and its files, read once: only what was found then is ever sent."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.core.platform import FLOE
from floe_plugins.server.messages import NOT_MODIFIED, Headers, Response, Scope, error_response, header_values

STATIC = Path(__file__).parent / "static"

# What the file of the page calls its platform.
_OURS = b"floe-plugins"

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
    """The files of a directory by their path in it, held in memory. Those of unknown types are left out.

    >>> scope = {"headers": []}
    >>> Pages().respond("index.html", scope).status, Pages().respond("../runner.py", scope).status
    (200, 404)
    """

    def __init__(self, directory: Path = STATIC) -> None:
        self._files: Mapping[str, _File] = {
            path.relative_to(directory).as_posix(): _read(path)
            for path in sorted(directory.rglob("*"))
            if path.suffix in _TYPES and path.is_file() and not path.is_symlink()
        }

        self._page: tuple[tuple[str, str], _File] | None = None

    def respond(self, name: str, scope: Scope) -> Response:
        """Return a file; 404 if there is none, and 304 if the client has it already."""
        file = self._files.get(name)
        return error_response(404, "there is no such file") if file is None else _answer(file, scope)

    def respond_page(self, platform: Mapping[str, Any], scope: Scope) -> Response:
        """Return the page in the words of a platform: the title and the command of ``words`` in its snapshot."""
        words = str(platform.get("title") or FLOE.title), str(platform.get("command") or FLOE.command)
        if self._page is None or self._page[0] != words:
            title, command = (html.escape(word).encode("utf-8") for word in words)
            body = self._files["index.html"].response.body
            body = body.replace(b"<code>%s " % _OURS, b"<code>%s " % command)
            body = body.replace(b"%s</" % _OURS, b"%s</" % title)
            self._page = words, _file(body, ".html")
        return _answer(self._page[1], scope)


def _answer(file: _File, scope: Scope) -> Response:
    return file.unchanged if file.tag in header_values(scope, b"if-none-match") else file.response


def _read(path: Path) -> _File:
    return _file(path.read_bytes(), path.suffix)


def _file(body: bytes, suffix: str) -> _File:
    tag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode("ascii")
    # Browsers ask again each time, so that a new version is never mixed with an old one.
    headers: Headers = ((b"cache-control", b"no-cache"), (b"etag", tag))
    content_type = _TYPES[suffix]
    return _File(Response(200, body, content_type, headers), Response(NOT_MODIFIED, b"", content_type, headers), tag)
