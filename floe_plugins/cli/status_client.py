"""Ask the platform that runs, through its status socket."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from floe_plugins.cli import program
from floe_plugins.cli.options import Options
from floe_plugins.errors import PluginError


def socket_of(path: str | None, configuration: str | None, *, create: bool = False) -> Path:
    """Return the path of the status socket: the one that was given, or that of the configuration.

    Raises:
        PluginError: Its directory cannot be made, or others can use it.
    """
    from floe_plugins.cli.supervisor.runtime_directory import default_socket

    return Path(path) if path is not None else default_socket(configuration, create=create)


def ask_running(options: Options, event: str, *, timeout: float = 30.0, **facts: Any) -> dict[str, Any] | None:
    """Ask the platform that runs with this configuration; None if none does.

    Raises:
        PluginError: It does not answer, or refuses.
    """
    if sys.platform == "win32":
        return None
    from floe_plugins.cli.supervisor.status_socket import ask

    answer = ask(socket_of(None, options.file()), event, timeout=timeout, **facts)
    if answer is not None and "error" in answer:
        raise PluginError(str(answer["error"].get("text") or answer["error"].get("message")))
    return answer


def require_running(options: Options, event: str, *, timeout: float = 30.0, **facts: Any) -> dict[str, Any]:
    """Ask the platform that runs with this configuration.

    Raises:
        PluginError: None runs, or it does not answer, or refuses.
    """
    answer = ask_running(options, event, timeout=timeout, **facts)
    if answer is None:
        place = options.file() or str(Path.cwd())
        hint = f"Start it with '{program.name()} run', or name its configuration with --config."
        raise PluginError(f"no platform runs with the configuration of {place}", hint=hint)
    return answer
