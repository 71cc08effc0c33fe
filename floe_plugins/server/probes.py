"""The probes: whether the server lives, and whether the platform is ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from floe_plugins.core.safe_text import escape
from floe_plugins.server.messages import Response, plugins_of
from floe_plugins.server.views.protocol import Snapshot

ALIVE = Response(200, b"ok")


def readiness(snapshot: Snapshot, *, verbose: bool = False) -> Response:
    """Return 200 if the platform is ready, else 503 with one reason a line; verbose, a line for each plugin.

    >>> found = readiness({"platform": {"ready": False, "reasons": ["compute:duckdb is failed"]}})
    >>> found.status, found.body
    (503, b'compute:duckdb is failed')
    """
    platform: Mapping[str, Any] = snapshot.get("platform") or {}
    ready = platform.get("ready") is True
    if verbose:
        lines = [*_plugin_lines(snapshot), *([] if ready else _reason_lines(platform))]
        lines.append(f"readyz check {'passed' if ready else 'failed'}")
    elif ready:
        lines = ["ok"]
    else:
        lines = _reason_lines(platform)
    text = "\n".join(lines) + ("\n" if verbose else "")
    return Response(200 if ready else 503, text.encode("utf-8"))


def _reason_lines(platform: Mapping[str, Any]) -> list[str]:
    reasons = [escape(reason) for reason in platform.get("reasons") or ()]
    return reasons or [f"the platform is {escape(platform.get('state') or 'unknown')}"]


def _plugin_lines(snapshot: Snapshot) -> Iterator[str]:
    for row in plugins_of(snapshot):
        if row.get("selected") or row.get("required"):
            failure = _failure(row)
            if failure is None:
                yield f"[+]{escape(row.get('ref'))} ok"
            else:
                optional = "" if row.get("required") else " (not required)"
                yield f"[-]{escape(row.get('ref'))} failed: {failure}{optional}"


def _failure(row: Mapping[str, Any]) -> str | None:
    """Return why a plugin does not work, on one line; None if it does."""
    if row.get("state") != "started":
        reason = row.get("reason")
        return f"it is {escape(row.get('state'))}" + (f": {escape(reason)}" if reason else "")
    health: Mapping[str, Any] = row.get("health") or {}
    if health.get("state") == "unhealthy":
        return f"it is unhealthy: {escape(health.get('message') or 'it gives no reason')}"
    return None
