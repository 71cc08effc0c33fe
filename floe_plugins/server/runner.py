"""Run an ASGI application on a thread, behind a socket that listens already."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from functools import partial
from typing import Any

import uvicorn

from floe_plugins.core.log import log
from floe_plugins.core.safe_text import describe_error
from floe_plugins.registry.fork import watch
from floe_plugins.server.address import Address
from floe_plugins.server.app import Application
from floe_plugins.server.connection import Connection, Limits, abort_all, check_all

# Seconds between two looks at the connections.
_TICK = 0.1

_START_SECONDS = 30.0

# Seconds until it is logged again that the system gives no more connections.
_QUIET = 60.0


class Server:
    """Serves an application on a daemon thread of its own; as a context manager, until the end of the block.

    Installs no signal handlers and does not change how the process logs. A forked child does not hold its connections.

    >>> from floe_plugins.server import create_app, open_listener, RegistryView
    >>> from floe_plugins import PluginRegistry
    >>> import urllib.request
    >>> view = RegistryView(PluginRegistry(path=[], environ={}))
    >>> with Server(create_app(view), open_listener("127.0.0.1:0")) as server:
    ...     urllib.request.urlopen(server.address.url + "livez").read()
    b'ok'
    >>> view.close()

    Args:
        app: The application.
        listener: The socket. It is closed when the server stops.
        limits: How much is done for clients.
    """

    def __init__(self, app: Application, listener: socket.socket, limits: Limits | None = None) -> None:
        self._listener = listener
        self._limits = limits or Limits()
        host, port = listener.getsockname()[:2]
        self.address = Address(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=partial(Connection, self._limits),  # type: ignore[arg-type]
                ws="none",
                loop="asyncio",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=self._limits.head_bytes - 1,
                timeout_graceful_shutdown=int(self._limits.end_seconds) + 3,
            )
        )
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._quiet_until = 0.0
        self._thread = threading.Thread(target=self._run, name="floe server", daemon=True)
        watch(self, Server._leave_to_parent)

    def start(self) -> None:
        """Begin to serve, and return when the server accepts clients; waits for that for at most 30 seconds.

        A server can be started once.

        Raises:
            RuntimeError: It could not begin, or was started before.
        """
        self._thread.start()
        if not self._ready.wait(_START_SECONDS) or self._error is not None:
            raise RuntimeError("the server could not be started") from self._error

    def stop(self, timeout: float = 5.0) -> bool:
        """Stop serving; return whether it has ended within so many seconds. May be repeated, from any thread.

        Requests under way have ``Limits.end_seconds`` to end, a second by default; streams of events are ended at once.
        """
        self._server.should_exit = True
        if self._thread.ident is None:
            self._listener.close()
        else:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def __enter__(self) -> Server:  # noqa: PYI034 Self is not in typing on 3.10
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def _connections(self) -> set[Any]:
        return self._server.server_state.connections

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 nobody else would be told
            self._error = error
            log("error", "the server has ended: %s", describe_error(error))
        finally:
            self._listener.close()
            self._ready.set()

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error that nobody waits for."""
        error, now = context.get("exception"), time.monotonic()
        if not isinstance(error, OSError) or "socket" not in context:  # it is not about accepting a client
            loop.default_exception_handler(context)
        elif now >= self._quiet_until:
            # The loop has one for each client that it might accept, thousands a second.
            self._quiet_until = now + _QUIET
            log("error", "the server accepts no more clients for now: %s", error.strerror or error)

    async def _serve(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._report)
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._listener]))
        end: float | None = None
        while not serving.done():
            await asyncio.wait([serving], timeout=_TICK if self._server.started else 0.001)
            if self._server.started:
                self._ready.set()
            check_all(self._connections)
            if self._server.should_exit:
                end = end or time.monotonic() + self._limits.end_seconds
                if time.monotonic() > end:
                    abort_all(self._connections)
        await serving

    def _leave_to_parent(self) -> None:
        """Let go of the sockets in a forked child: they would stay open as long as it lives."""
        sockets = [self._listener, *(each.transport.get_extra_info("socket") for each in list(self._connections))]
        null = os.open(os.devnull, os.O_RDWR)
        for each in sockets:
            descriptor = -1 if each is None else each.fileno()
            if descriptor >= 0:
                # The number stays taken, since objects of the parent still close it.
                os.dup2(null, descriptor, inheritable=False)
        os.close(null)
