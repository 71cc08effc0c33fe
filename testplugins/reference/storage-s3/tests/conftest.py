"""An S3 service on this machine, reached through a wire that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "floe-tests"
KEY_ID, KEY = "AKIAQXJZ", "hunter2-Zq8xW0vK"


class Wire:
    """Passes TCP connections on to a service, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._service = (host, port)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._budget: int | None = None
        self.port = 0
        self.mend()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        """Accept connections, from now on without a limit."""
        self._budget = None
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._run(self._accept, self._listener)

    def cut_after(self, budget: int) -> None:
        """Be cut when so many more bytes have been sent to the service."""
        self._budget = budget

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        with self._lock:
            for end in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._open.clear()

    def close(self) -> None:
        self.cut()
        for thread in self._threads:
            thread.join()

    def _run(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if listener.fileno() < 0:
                    near.close()
                    return
                far = socket.create_connection(self._service)
                self._open += [near, far]
            self._run(self._connect, near, far)

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        sending = threading.Thread(target=self._send, args=(near, far), daemon=True)
        sending.start()
        self._pass(far, near)
        sending.join()
        with self._lock:
            for end in (near, far):
                end.close()
                if end in self._open:
                    self._open.remove(end)

    def _send(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and self._spend(len(data)):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)

    def _spend(self, size: int) -> bool:
        if self._budget is None:
            return True
        self._budget -= size
        if self._budget < 0:
            self.cut()
        return self._budget >= 0

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="session")
def service() -> Iterator[tuple[str, int]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def bucket(service: tuple[str, int]) -> Iterator[object]:
    """The bucket as another tool sees it, empty at first."""
    host, port = service
    client = boto3.resource(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=KEY,
        region_name="us-east-1",
    )
    made = client.create_bucket(Bucket=BUCKET)
    yield made
    for upload in made.multipart_uploads.all():
        upload.abort()
    made.objects.all().delete()
    made.delete()
    client.meta.client.close()


@pytest.fixture
def wire(service: tuple[str, int], bucket: object) -> Iterator[Wire]:  # noqa: ARG001 it is to be there
    made = Wire(*service)
    yield made
    made.close()
