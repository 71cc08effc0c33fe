"""The status socket: it answers requests for the state of a running platform, and to start or stop a plugin.

One connection carries one request and its answer, each a JSON object on one line.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from floe_plugins.cli import program
from floe_plugins.cli.protocol import MAX_LINE, decode, encode
from floe_plugins.core.safe_text import type_name
from floe_plugins.errors import PluginError

MAX_REQUEST = 64 * 1024
MAX_CONNECTIONS = 32

# Seconds in which a request has to arrive, and in which the answer has to be read.
REQUEST_TIMEOUT = 2.0
ANSWER_TIMEOUT = 10.0

_MAX_ADDRESS = 100

# Seconds until another connection is accepted, where none could be.
_PAUSE = 0.1

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class StatusSocket:
    """Answers requests on a Unix socket of mode 0600, each connection on a thread of its own.

    Args:
        path: Where the socket is made.
        answer: Returns the answer to a request.

    Raises:
        PluginError: It cannot be made there, or another process answers there.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self._answer = answer
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._listener = _listen(path)
        self._inode = path.stat().st_ino
        threading.Thread(target=self._accept, name="floe status socket", daemon=True).start()

    def close(self) -> None:
        """Answer no more, and remove the socket unless another process has put its own there."""
        self._listener.close()
        with suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    def _accept(self) -> None:
        while True:
            self._free.acquire()
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._listener.fileno() < 0:  # it is closed
                    return
                self._free.release()
                time.sleep(_PAUSE)  # no descriptor is free
                continue
            try:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            except RuntimeError:  # no thread is free
                connection.close()
                self._free.release()
                time.sleep(_PAUSE)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                request = decode(_read_line(connection, MAX_REQUEST, time.monotonic() + REQUEST_TIMEOUT))
                if request is None:
                    answer: Mapping[str, Any] = {"error": {"message": "the request is not a JSON object on one line"}}
                else:
                    answer = self._answered(request)
                connection.settimeout(ANSWER_TIMEOUT)
                connection.sendall(encode({"event": "answer", **answer}))
        finally:
            self._free.release()

    def _answered(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 the client gets an answer, and others are served on
            return {"error": {"message": f"the request failed with {type_name(error)}"}}


def ask(path: Path, event: str, *, timeout: float = 30.0, **facts: Any) -> dict[str, Any] | None:
    """Ask the platform at a socket; None if none runs there.

    Raises:
        PluginError: It does not answer in time, or the socket cannot be used.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            with _address(path) as address:
                connection.connect(address)
            connection.sendall(encode({"event": event, **facts}))
            answer = decode(_read_line(connection, MAX_LINE))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except TimeoutError:
            raise PluginError(f"the platform at {path} did not answer within {timeout:g} s") from None
        except OSError as error:
            raise PluginError(f"the platform at {path} cannot be asked: {error.strerror or error}") from None
    if answer is None:
        raise PluginError(f"what answers at {path} is no platform")
    return answer


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        _bind(listener, path)
        path.chmod(0o600)
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise PluginError(f"the status socket {path} cannot be made: {error.strerror or error}") from None
    except PluginError:
        listener.close()
        raise
    return listener


def _bind(listener: socket.socket, path: Path) -> None:
    mask = os.umask(0o177)
    try:
        _bind_to(listener, path)
    except OSError:
        # What a process that was killed has left behind is in nobody's use.
        if not path.is_socket():
            raise
        if _is_alive(path):
            hint = f"Ask it with '{program.name()} health', or give this one a socket of its own with --socket PATH."
            raise PluginError(f"another platform answers at the status socket {path}", hint=hint) from None
        path.unlink()
        _bind_to(listener, path)
    finally:
        os.umask(mask)


def _bind_to(listener: socket.socket, path: Path) -> None:
    with _address(path) as address:
        listener.bind(address)


@contextmanager
def _address(path: Path) -> Generator[str, None, None]:
    """Give an address of a path that may be longer than the hundred bytes that an address can have."""
    if len(os.fsencode(path)) < _MAX_ADDRESS or not Path("/proc/self/fd").is_dir():
        yield os.fspath(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            with _address(path) as address:
                connection.connect(address)
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True


def _read_line(connection: socket.socket, limit: int, deadline: float | None = None) -> bytes:
    data = bytearray()
    while len(data) <= limit and not data.endswith(b"\n"):
        if deadline is not None:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = connection.recv(65536)
        if not chunk:
            break
        data += chunk
    return bytes(data) if len(data) <= limit else b""
