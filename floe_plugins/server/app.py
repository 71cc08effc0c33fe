"""The ASGI application: it serves a view of a platform, on its own or mounted in another application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from floe_plugins.core.log import log
from floe_plugins.core.safe_text import type_name
from floe_plugins.errors import PluginError
from floe_plugins.server import api, probes
from floe_plugins.server.events import EventStreams, StreamLimits
from floe_plugins.server.messages import (
    Receive,
    Response,
    Scope,
    Send,
    error_response,
    has_parameter,
    header_values,
    json_response,
    path_of,
)
from floe_plugins.server.metrics import Metrics
from floe_plugins.server.pages import Pages
from floe_plugins.server.security import Guard
from floe_plugins.server.views.protocol import ACTIONS, PlatformView, Snapshot

Application = Callable[[Scope, Receive, Send], Any]

# How many plugins may be started or stopped at once by requests; each takes a thread.
MAX_ACTIONS = 4

_READ = ("GET", "HEAD")
_PLUGIN = "/api/plugins/"


def create_app(
    view: PlatformView,
    *,
    token: str | None = None,
    hosts: Iterable[str] = (),
    stream_limits: StreamLimits | None = None,
) -> Application:
    """Return an ASGI application that shows a platform, and with a token lets plugins be started and stopped.

    It can be mounted: ``app.mount("/plugins", create_app(RegistryView(registry)))``. No request waits for a plugin but
    those that start or stop one. It reads the view alone: who starts and stops the platform is the caller, and
    ``view.close()`` ends the view's threads.

    It answers ``/livez``, ``/readyz``, ``/metrics``, ``/api/snapshot``, ``/api/events``, ``/api/plugins/REF``, and the
    page at ``/``; ``POST /api/plugins/REF/restart``, ``start`` and ``stop`` change something.

    >>> import asyncio
    >>> from floe_plugins import PluginRegistry
    >>> from floe_plugins.server import RegistryView
    >>> view = RegistryView(PluginRegistry(path=[], environ={}))
    >>> app, sent = create_app(view), []
    >>> async def get(path):
    ...     async def send(message): sent.append(message)
    ...     await app({"type": "http", "method": "GET", "path": path, "headers": []}, None, send)
    >>> asyncio.run(get("/readyz"))
    >>> sent[0]["status"], sent[1]["body"]
    (200, b'ok')
    >>> view.close()

    Args:
        view: The platform.
        token: What the header ``Authorization: Bearer TOKEN`` must contain in requests that change something. Without
            one, nothing can be changed.
        hosts: Names of this server that requests over loopback may use, as those of a proxy on the same machine do.
        stream_limits: How much is done for clients that wait for events.

    Raises:
        ValueError: The token cannot be sent in a header.
    """
    return _App(view, Guard(token, hosts), EventStreams(view, stream_limits))


_DOCUMENTS: Mapping[str, Callable[[Snapshot], Response]] = {
    **{f"/api/{name}": partial(api.respond, name) for name in api.DOCUMENTS},
    "/api/schema": api.respond_schema,
}


class _Documents:
    """Makes responses that take a while, so that probes do not wait for them: one after another, on a thread.

    Who asks for the same before one is begun, gets the same. So any number of clients costs no more than a few.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Task[Response]] = {}
        self._turn = asyncio.Lock()

    async def make(self, name: str, function: Callable[[], Response]) -> Response:
        task = self._waiting.get(name)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = self._waiting[name] = asyncio.ensure_future(self._make(name, function))
        return await asyncio.shield(task)

    async def _make(self, name: str, function: Callable[[], Response]) -> Response:
        async with self._turn:
            # Who comes from now on wants what is known from now on.
            self._waiting.pop(name, None)
            return await asyncio.get_running_loop().run_in_executor(None, function)


class _App:
    def __init__(self, view: PlatformView, guard: Guard, streams: EventStreams) -> None:
        self._view = view
        self._guard = guard
        self._streams = streams
        self._metrics = Metrics()
        self._pages = Pages()
        self._documents = _Documents()
        self._actions = 0
        self._readers: Mapping[str, Callable[[Scope], Response]] = {
            "": _add_slash,
            "/": lambda scope: self._pages.respond_page(view.snapshot().get("platform") or {}, scope),
            "/readyz": lambda scope: probes.readiness(view.snapshot(), verbose=has_parameter(scope, b"verbose")),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        method, path = scope["method"], path_of(scope)
        refused = self._guard.refuse_host(scope)
        if refused is None and path == "/api/events" and method in _READ:
            await self._streams.serve(method, receive, send)
            return
        # The probe comes first: it must cost nothing.
        response = refused or (
            probes.ALIVE if path == "/livez" and method in _READ else await self._respond(method, path, scope)
        )
        await response.send(method, send)

    async def _respond(self, method: str, path: str, scope: Scope) -> Response:
        try:
            if path.startswith(_PLUGIN):
                return await self._respond_plugin(method, path[len(_PLUGIN) :], scope)
            if method not in _READ:
                return _not_allowed("GET, HEAD")
            reader = self._readers.get(path)
            return reader(scope) if reader is not None else await self._read(path, scope)
        except Exception as error:  # noqa: BLE001 the view's; one request must not end the others
            log("error", "the request %s could not be answered: %s", path, type_name(error))
            return error_response(500, "the server failed to answer; its log says more")

    async def _read(self, path: str, scope: Scope) -> Response:
        if path == "/metrics":
            accept = self._metrics.accepted(header_values(scope, b"accept"))
            return await self._documents.make(
                path + accept, lambda: self._metrics.respond(self._view.snapshot(), accept)
            )
        if path in _DOCUMENTS:
            return await self._documents.make(path, lambda: _DOCUMENTS[path](self._view.snapshot()))
        if path.startswith("/api/"):
            return error_response(404, f"there is no such document; there are {', '.join(_DOCUMENTS)}")
        if path.startswith("/static/"):
            return self._pages.respond(path[len("/static/") :], scope)
        return error_response(404, "there is nothing here; see /readyz, /metrics and /api/snapshot")

    async def _respond_plugin(self, method: str, rest: str, scope: Scope) -> Response:
        ref, _, action = rest.partition("/")
        if not action and method in _READ:
            return api.respond_plugin(ref, self._view.snapshot())
        if action and action not in ACTIONS:
            return error_response(404, f"there is no such action; there are {', '.join(ACTIONS)}")
        if not action or method != "POST":
            return _not_allowed("POST" if action else "GET, HEAD")
        return self._guard.refuse_change(scope) or self._refuse_action(ref) or await self._act(action, ref)

    def _refuse_action(self, ref: str) -> Response | None:
        snapshot = self._view.snapshot()
        if api.find_plugin(ref, snapshot) is None:
            return api.missing_plugin(snapshot)
        if self._actions < MAX_ACTIONS:
            return None
        return error_response(503, f"{MAX_ACTIONS} plugins are being started or stopped", ((b"retry-after", b"1"),))

    async def _act(self, action: str, ref: str) -> Response:
        """Act on a thread of its own, which does not keep the process from ending if a plugin hangs."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Response] = loop.create_future()

        def finish(response: Response) -> None:
            self._actions -= 1
            if not done.done():  # the client may have left
                done.set_result(response)

        def run() -> None:
            response = _outcome(self._view, action, ref)
            try:
                loop.call_soon_threadsafe(finish, response)
            except RuntimeError:
                log("warning", "the server was stopped before it could tell what came of %s %s", action, ref)

        try:
            threading.Thread(target=run, name=f"floe {action} {ref}", daemon=True).start()
        except RuntimeError as error:
            log("error", "%s: %s could not be done: %s", ref, action, error)
            return error_response(503, "the system gives no thread for it", ((b"retry-after", b"1"),))
        self._actions += 1
        return await done


def _outcome(view: PlatformView, action: str, ref: str) -> Response:
    log("info", "%s: %s was asked for over HTTP", ref, action)
    try:
        outcome: Mapping[str, Any] = view.act(action, ref)
    except LookupError as error:
        return error_response(404, str(error))
    except PluginError as error:
        return error_response(409, str(error))
    except Exception as error:  # noqa: BLE001 the view's; the client is told
        log("error", "%s: %s could not be done: %s", ref, action, type_name(error))
        return error_response(500, f"{action} failed; the log of the server says more")
    if outcome.get("state") == "succeeded":
        return json_response(outcome)
    message = outcome.get("message") or f"{action} of {ref}: {outcome.get('state')}"
    return error_response(409, str(message), outcome=outcome)


def _add_slash(scope: Scope) -> Response:
    """Send the client to the same path with a slash at its end, which relative links need."""
    name = str(scope.get("root_path", "")).rpartition("/")[2]
    return Response(307, b"", headers=((b"location", quote(f"{name}/").encode("ascii")),))


def _not_allowed(methods: str) -> Response:
    return error_response(405, f"only {methods} can be used here", ((b"allow", methods.encode("ascii")),))


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
