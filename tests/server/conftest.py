from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving import FakeView, plugin_row

from floe_plugins.server import Server, create_app, open_listener


@pytest.fixture
def view() -> FakeView:
    return FakeView(plugin_row("compute:duckdb"), plugin_row("catalog:polaris", needs=["compute:duckdb"]))


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Serve a view, or any application, on loopback until the test ends."""
    servers: list[Server] = []

    def start(served: Any, *, limits: Any = None, **options: Any) -> Server:
        app = create_app(served, **options) if hasattr(served, "snapshot") else served
        server = Server(app, open_listener("127.0.0.1:0"), limits)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        assert server.stop()


@pytest.fixture
def server(serve: Callable[..., Server], view: FakeView) -> Server:
    return serve(view)
