"""Serve a running platform over HTTP, for ``run --serve``."""

from __future__ import annotations

import socket
from collections.abc import Callable

from floe_plugins.cli import logs
from floe_plugins.cli.exit import USAGE_ERROR, fail
from floe_plugins.cli.supervisor.view import SupervisorView
from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginError


def read_token(file: str) -> str:
    """Return the token in a file; exit if there is none."""
    from floe_plugins.server import security

    try:
        return security.read_token(file)
    except (OSError, ValueError) as error:
        fail(f"no token can be read from {file}: {getattr(error, 'strerror', None) or error}", USAGE_ERROR)


def open_address(address: str) -> socket.socket:
    """Return a socket that listens on ``[HOST:]PORT``; exit if that cannot be."""
    try:
        import uvicorn  # noqa: F401 # pyright: ignore[reportUnusedImport] to report in one line that it is missing

        from floe_plugins.server.address import open_listener
    except ModuleNotFoundError as error:
        fail(f"--serve requires {error.name}: pip install 'floe-plugins[server]'", USAGE_ERROR)
    try:
        return open_listener(address)
    except PluginError as error:
        fail(str(error), USAGE_ERROR)


def serve_view(
    view: SupervisorView, listener: socket.socket, token: str | None, say: Callable[[str], object], *, is_quiet: bool
) -> Callable[[], object]:
    """Serve a view on a thread of its own, and return what ends that."""
    from floe_plugins.server.app import create_app
    from floe_plugins.server.runner import Server

    # Not before the first host was forked, which has a handler of its own.
    logs.attach(logs.LOGGER, level="ERROR" if is_quiet else "INFO")
    logs.attach("uvicorn", level="ERROR" if is_quiet else "WARNING")
    server = Server(create_app(view, token=token), listener)
    server.start()
    say(f"serving at {escape(server.address.url)}")
    return server.stop
