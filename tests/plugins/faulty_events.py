"""Run all installed plugins, and print the events of each in their order.

``python tests/plugins/faulty_events.py [--json]``, where the plugins of ``testplugins/faulty`` are installed, prints a
line for each plugin; as JSON, the list of all events as they were told.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from floe_plugins import PluginRegistry

CONFIG = {"plugins": {"secrets": {"configured": {"token": "hunter2"}}}, "registry": {"autoload": "all"}}


def run() -> list[dict[str, Any]]:
    """Return the events of a start, a round of checks and a stop."""
    events: list[dict[str, Any]] = []
    registry = PluginRegistry(CONFIG, timeouts={"startup": 1, "shutdown": 1, "health": 1})
    subscription = registry.subscribe(lambda event: events.append(event.to_dict()))
    registry.startup()
    registry.health()
    registry.shutdown()
    subscription.wait(10)
    subscription()
    return events


def in_brief(event: dict[str, Any]) -> str:
    """Return an event as a few words."""
    if event["kind"] == "state":
        return str(event["state"]).upper()
    return f"{event['stage']} {event['kind'].removeprefix('call_')}"


def main() -> None:
    """Print the events."""
    events = run()
    if "--json" in sys.argv[1:]:
        json.dump(events, sys.stdout)
    else:
        by_ref: dict[str, list[str]] = {}
        for event in events:
            by_ref.setdefault(str(event["ref"] or "all together"), []).append(in_brief(event))
        for ref in sorted(by_ref):
            sys.stdout.write(f"{ref}: {', '.join(by_ref[ref])}\n")
    sys.stdout.flush()
    os._exit(0)  # some of them hang for ever


if __name__ == "__main__":
    main()
