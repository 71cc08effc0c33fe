"""The API: what is known of the platform as JSON documents, each with its ``schema_version``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from floe_plugins.server.messages import Response, error_response, json_response, plugins_of
from floe_plugins.server.views.protocol import SCHEMA_VERSION, Snapshot


def respond(name: str, snapshot: Snapshot) -> Response:
    """Return the document with a name in ``DOCUMENTS``; what is not known yet is null or empty in it.

    >>> respond("problems", {}).body
    b'{"schema_version":1,"problems":[]}'
    """
    return json_response({"schema_version": SCHEMA_VERSION, **DOCUMENTS[name](snapshot)})


def respond_schema(snapshot: Snapshot) -> Response:
    """Return the JSON Schema of the configuration, as it stands in the snapshot; 404 until it is known.

    It is known once all selected plugins are loaded.
    """
    schema = snapshot.get("schema")
    return error_response(404, "the schema is not known yet") if schema is None else json_response(schema)


def respond_plugin(ref: str, snapshot: Snapshot) -> Response:
    """Return what is known of one plugin; 404 with the refs that there are, if it is none of them."""
    row = find_plugin(ref, snapshot)
    if row is None:
        return missing_plugin(snapshot)
    return json_response({"schema_version": SCHEMA_VERSION, "plugin": row})


def find_plugin(ref: str, snapshot: Snapshot) -> Mapping[str, Any] | None:
    """Return the plugin of a snapshot with a ref, if there is one."""
    return next((row for row in plugins_of(snapshot) if row.get("ref") == ref), None)


def missing_plugin(snapshot: Snapshot) -> Response:
    """Return the response to a request for a plugin that is not there."""
    known = [str(row.get("ref")) for row in plugins_of(snapshot)]
    return error_response(404, f"there is no such plugin; there are {', '.join(known)}" if known else "there is none")


def _platform(snapshot: Snapshot) -> dict[str, Any]:
    return {"platform": snapshot.get("platform")}


def _health(snapshot: Snapshot) -> dict[str, Any]:
    return {
        **_platform(snapshot),
        "plugins": {
            row["ref"]: {key: row.get(key) for key in ("state", "selected", "required", "health", "reason")}
            for row in plugins_of(snapshot)
        },
    }


def _graph(snapshot: Snapshot) -> dict[str, Any]:
    facts = ("ref", "category", "name", "state", "selected", "required")
    plugins = plugins_of(snapshot)
    return {
        "nodes": [{key: row.get(key) for key in facts} for row in plugins],
        "edges": [{"from": row["ref"], "to": other} for row in plugins for other in row.get("needs") or ()],
    }


def _timings(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "startup": snapshot.get("startup"),
        "critical_chain": snapshot.get("critical_chain") or [],
        "plugins": {row["ref"]: row["start"] for row in plugins_of(snapshot) if row.get("start")},
    }


def _config(snapshot: Snapshot) -> dict[str, Any]:
    platform: Mapping[str, Any] = snapshot.get("platform") or {}
    return {"configuration": platform.get("configuration"), "settings": snapshot.get("settings") or []}


DOCUMENTS: Mapping[str, Callable[[Snapshot], Mapping[str, Any]]] = {
    "snapshot": dict,
    "plugins": lambda snapshot: {"plugins": plugins_of(snapshot)},
    "health": _health,
    "problems": lambda snapshot: {"problems": snapshot.get("problems") or []},
    "graph": _graph,
    "timings": _timings,
    "config": _config,
}
