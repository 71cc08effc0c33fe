"""Serve a running platform over HTTP, for ``run --serve``."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable

from floe_plugins.cli import logs, program
from floe_plugins.cli.exit import USAGE_ERROR, fail
from floe_plugins.cli.supervisor.view import SupervisorView
from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginError


def read_token(file: str | None) -> str | None:
    """Return the token in a file, else that of the variable, if there is one; exit if it cannot be used.

    The variable is taken out of the environment: hosts and what plugins start do not get it.
    """
    variable = program.platform().variable("TOKEN")
    given = os.environ.pop(variable, None)
    if file is None and not given:
        return None
    from floe_plugins.server import security

    try:
        return security.check_token((given or "").strip()) if file is None else security.read_token(file)
    except (OSError, ValueError) as error:
        place = file or f"the variable {variable}"
        fail(f"no token can be read from {place}: {getattr(error, 'strerror', None) or error}", USAGE_ERROR)


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


def serve_view(  # noqa: PLR0913 what the options say of it
    view: SupervisorView,
    listener: socket.socket,
    token: str | None,
    say: Callable[[str], object],
    *,
    hosts: Iterable[str] = (),
    is_quiet: bool = False,
) -> Callable[[], object]:
    """Serve a view on a thread of its own, and return what ends that. ``hosts`` are names that a proxy may pass on."""
    from floe_plugins.server.app import create_app
    from floe_plugins.server.runner import Server

    # Not before the first host was forked, which has a handler of its own.
    logs.attach(logs.LOGGER, level="ERROR" if is_quiet else "INFO")
    logs.attach("uvicorn", level="ERROR" if is_quiet else "WARNING")
    server = Server(create_app(view, token=token, hosts=hosts), listener)
    server.start()
    say(f"serving at {escape(server.address.url)}")
    return server.stop
