"""Destinations of events: an HTTP server, or a file with one event per line. OpenLineage's transports send them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from floe_reference_lineage_backend_openlineage._outbox import RefusedError

if TYPE_CHECKING:
    from pydantic import SecretStr

# What a health check waits for a connection, whatever is allowed for sending.
_PROBE_SECONDS = 2.0

# The server has understood, and will not think otherwise the next time.
_NEVER = {400, 413, 415, 422}


class Destination(Protocol):
    """A destination of events."""

    name: str

    def send(self, event: str) -> None:
        """Send an event's JSON text, or raise."""

    def probe(self) -> None:
        """Raise if an event could not be sent now."""

    def close(self) -> None:
        """Close the connections."""


class Server:
    """A server that takes OpenLineage events by HTTP."""

    def __init__(self, url: str, endpoint: str, token: SecretStr | None, timeout: float) -> None:
        from openlineage.client.transport.http import HttpConfig, HttpTransport
        from requests import Session

        self.name = url
        # With the slash, "endpoint" is added to the path that the URL has, instead of replacing it.
        settings: dict[str, Any] = {"url": f"{url.rstrip('/')}/", "endpoint": endpoint, "timeout": timeout}
        if token is not None:
            settings["auth"] = {"type": "api_key", "apiKey": token.get_secret_value()}
        # Trying again is what the outbox is for.
        self._transport = HttpTransport(HttpConfig.from_dict({**settings, "retry": {"total": 0}}))
        self._session = Session()
        # A redirected POST becomes a GET, which any page answers, and the event would be lost.
        self._session.max_redirects = 0
        self._transport.session = self._session

    def send(self, event: str) -> None:
        from requests import HTTPError

        try:
            self._transport.emit(json.loads(event))
        except HTTPError as error:
            status = getattr(error.response, "status_code", None)
            if status in _NEVER:
                raise RefusedError(f"status {status}") from error
            raise

    def probe(self) -> None:
        parts = urlsplit(self.name)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # Servers differ in what else they would answer to.
        with socket.create_connection((parts.hostname or "", port), timeout=_PROBE_SECONDS):
            pass

    def close(self) -> None:
        self._session.close()


class File:
    """A file to which each event is added as one line."""

    def __init__(self, path: Path) -> None:
        from openlineage.client.transport.file import FileConfig, FileTransport

        self.name = str(path)
        self._path = path
        self._transport = FileTransport(FileConfig(log_file_path=str(path), append=True))

    def send(self, event: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        end = self._path.stat().st_size if self._path.exists() else 0
        try:
            self._transport.emit(json.loads(event))
        except Exception:
            # Half a line would spoil the file for all readers.
            with contextlib.suppress(OSError):
                os.truncate(self._path, end)
            raise

    def probe(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab"):
            pass

    def close(self) -> None:
        """Do nothing; nothing is open."""
