"""Answer probes, metrics, an API and a page over HTTP, from what is known of a platform.

Needs the extra ``server``. Names in this package are imported on first use; where the extra is missing, that raises
``ImportError``, whose message says what to install.

``Server`` has a thread of its own, for programs without a server; in another application, mount ``create_app``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_plugins.server.address import AddressError, open_listener
    from floe_plugins.server.app import create_app
    from floe_plugins.server.runner import Server
    from floe_plugins.server.security import read_token
    from floe_plugins.server.views.protocol import PlatformView
    from floe_plugins.server.views.registry_view import RegistryView
else:
    from floe_plugins.core.lazy import lazy_exports

    # Type checkers do not see ``__getattr__``: with it, they would accept any misspelt name.
    _import, __dir__ = lazy_exports(
        globals(),
        {
            "address": ("AddressError", "open_listener"),
            "app": ("create_app",),
            "views.registry_view": ("RegistryView",),
            "runner": ("Server",),
            "security": ("read_token",),
            "views.protocol": ("PlatformView",),
        },
    )

    def __getattr__(name: str) -> object:
        try:
            return _import(name)
        except ModuleNotFoundError as error:
            if error.name not in {"uvicorn", "prometheus_client"}:
                raise
            message = f"the server needs {error.name}; install floe-plugins[server]"
            raise ImportError(message, name=error.name) from error


__all__ = [
    "AddressError",
    "PlatformView",
    "RegistryView",
    "Server",
    "create_app",
    "open_listener",
    "read_token",
]
