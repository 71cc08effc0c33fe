"""Judge a platform by its plugins, and tell what differs between two snapshots."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from floe_plugins.server.views.protocol import Event, Snapshot

_Row = Mapping[str, Any]

_PENDING = frozenset({"discovered", "loaded", "configured"})
_BROKEN = frozenset({"failed", "skipped"})


def judge(rows: Sequence[_Row], missing: Mapping[str, str], *, has_run: bool, failure: str = "") -> dict[str, Any]:
    """Return the state, the health and the readiness of a platform, with the reasons why it is not ready.

    Args:
        rows: Its plugins, as in a snapshot.
        missing: The required plugins that are not there, and why.
        has_run: Whether it has been running before.
        failure: Why nothing is known of its plugins.
    """
    state = "failed" if failure else _state(rows, has_run=has_run)
    reasons = [failure] if failure else []
    if state != "running" and not failure:
        reasons.append(f"the platform is {state}")
    reasons += [f"{ref} is required, and missing: {message}" for ref, message in missing.items()]
    reasons += [reason for row in rows if row["required"] and (reason := _obstacle(row))]
    health = _health(rows, required_works=not missing and not any(row["required"] and _obstacle(row) for row in rows))
    if state != "running":
        health = None
    return {"state": state, "health": health, "ready": state == "running" and not reasons, "reasons": reasons}


def _state(rows: Sequence[_Row], *, has_run: bool) -> str:
    selected = [row for row in rows if row["selected"]]
    states = {row["state"] for row in selected}
    is_starting = any(call["stage"] in {"load", "configure", "start"} for row in selected for call in row["calls"])
    if not selected:
        return "running"
    if "started" in states:
        return "starting" if not has_run and is_starting and states & _PENDING else "running"
    if has_run:
        return "stopped"
    return "running" if states <= _BROKEN else "starting"


def _obstacle(row: _Row) -> str | None:
    """Return why a plugin does not work; None if it does, as far as is known."""
    if row["state"] != "started":
        return f"{row['ref']} is {row['state']}" + (f": {row['reason']}" if row["reason"] else "")
    health = row["health"]
    if health is not None and health["state"] == "unhealthy":
        return f"{row['ref']} is unhealthy: {health['message'] or 'it gives no reason'}"
    return None


def _health(rows: Iterable[_Row], *, required_works: bool) -> str | None:
    if not required_works:
        return "unhealthy"
    selected = [row for row in rows if row["selected"]]
    if any(row["state"] in _BROKEN for row in selected):
        return "degraded"
    found = [row["health"] for row in selected if row["state"] == "started"]
    if any(health is not None and health["state"] != "healthy" for health in found):
        return "degraded"
    return None if None in found else "healthy"


def differences(before: Snapshot, now: Snapshot) -> list[Event]:
    """Return what has happened between two snapshots, as events.

    They tell of states, health, new problems, the platform, and (``snapshot``) of what else there is to see now.
    """
    moment = time.time()
    known = {row["ref"]: row for row in before["plugins"]}
    events: list[Event] = []
    for row in now["plugins"]:
        old = known.get(row["ref"], {})
        if row["state"] != old.get("state"):
            change = {"event": "state", "ref": row["ref"], "state": row["state"], "reason": row["reason"]}
            events.append({**change, "time": moment})
        states = [health["state"] if health else None for health in (old.get("health"), row["health"])]
        if states[1] is not None and states[0] != states[1]:
            reason = row["health"]["message"]
            change = {"event": "health", "ref": row["ref"], "before": states[0], "state": states[1], "reason": reason}
            events.append({**change, "time": moment})
    events += [
        {"event": "problem", **problem, "time": moment}
        for problem in now["problems"]
        if problem not in before["problems"]
    ]
    changed = [key for key in ("startup", "settings", "schema") if before[key] != now[key]]
    if changed:
        events.append({"event": "snapshot", "changed": changed, "time": moment})
    old, new = before["platform"], now["platform"]
    if (old["state"], old["health"], old["ready"]) != (new["state"], new["health"], new["ready"]):
        facts = {key: new[key] for key in ("state", "health", "ready")}
        events.append({"event": "platform", **facts, "reason": "; ".join(new["reasons"]), "time": moment})
    return events
