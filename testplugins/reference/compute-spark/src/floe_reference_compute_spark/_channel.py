"""The connection to a Spark Connect server: its token, deadlines for what is no query, and an end for what is one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
from pyspark.sql.connect.client import DefaultChannelBuilder

from floe_plugins import PluginUnavailableError

if TYPE_CHECKING:
    from floe_reference_compute_spark._session import Server


class Channel(DefaultChannelBuilder):  # type: ignore[misc]
    """Builds a channel that carries the token, which is in no URL and comes from no environment variable."""

    def __init__(self, server: Server, calls: Calls) -> None:
        super().__init__(server.remote)
        self._secret = server.token
        self.add_interceptor(calls)

    @property
    def token(self) -> str | None:
        """The bearer token."""
        return None if self._secret is None else str(self._secret.get_secret_value())


class Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """The calls of one session. Thread-safe.

    A call on a channel that another thread closes can crash the process, so calls are ended here instead.

    Args:
        seconds: the timeout of calls that have one answer; queries, which stream, have none.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._streams: list[Any] = []
        self._ended = False
        self._lock = threading.Lock()

    def end(self) -> None:
        """Make the streams fail, and every later call but the one that interrupts the server."""
        with self._lock:
            self._ended = True
            streams, self._streams = self._streams, []
        for stream in streams:
            stream.cancel()

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Pass the call on with a timeout."""
        self._refuse_if_ended(client_call_details.method)
        return continuation(client_call_details._replace(timeout=self._seconds), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Pass the call on, and remember its stream."""
        with self._lock:
            self._refuse_if_ended(client_call_details.method)
            stream = continuation(client_call_details, request)
            self._streams.append(stream)
        return stream

    def _refuse_if_ended(self, method: str | bytes) -> None:
        name = method.decode() if isinstance(method, bytes) else method
        if self._ended and not name.endswith("/Interrupt"):
            raise PluginUnavailableError("the session has ended")
