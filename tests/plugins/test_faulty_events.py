"""Whatever plugins do wrong, each of them has its events in an order that those who listen can rely on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import PluginEnvironment

pytestmark = pytest.mark.once

HERE = Path(__file__).parent
FAULTY = sorted(path.parent.name for path in (HERE.parents[1] / "testplugins" / "faulty").glob("*/pyproject.toml"))
WORKING = ("secrets-env", "storage-local")

# The states that may follow each state.
FOLLOWING = {
    "discovered": {"loaded", "configured", "failed", "skipped"},
    "loaded": {"configured", "failed", "skipped"},
    "configured": {"started", "failed", "skipped"},
    "started": {"stopped", "failed"},
    "stopped": set[str](),
    "failed": set[str](),
    "skipped": set[str](),
}
# In which states a call of a stage may begin. A start that failed is cleaned up by a stop.
BEGINS_IN = {
    "load": {"discovered"},
    "configure": {"discovered", "loaded"},
    "start": {"configured"},
    "check": {"started"},
    "stop": {"started", "configured", "failed"},
}


class Order:
    """Where one plugin is by its events, and what is wrong with their order."""

    def __init__(self) -> None:
        self.state = "discovered"
        self.wrong: list[str] = []
        self.running: set[tuple[str, int | None]] = set()
        self.left: set[str] = set()

    def take(self, event: dict[str, Any]) -> None:
        """Take the next event."""
        take = getattr(self, f"take_{event['kind']}", None)
        if take is not None:
            take(event)

    def take_state(self, event: dict[str, Any]) -> None:
        self.expect(event["state"] in FOLLOWING[self.state], f"{event['state']} after {self.state}")
        self.expect(
            event["state"] not in {"failed", "skipped"} or event["reason"], f"{event['state']} without a reason"
        )
        runs = {stage for stage, _ in self.running} - self.left - {"check"}
        self.expect(not runs, f"{event['state']} while it runs {runs}")
        self.state = event["state"]

    def take_call_begun(self, event: dict[str, Any]) -> None:
        stage, call = event["stage"], (event["stage"], event["thread"])
        self.expect(self.state in BEGINS_IN[stage], f"{stage} begins while it is {self.state}")
        self.expect(call not in self.running, f"{stage} begins twice")
        self.running.add(call)

    def take_call_ended(self, event: dict[str, Any]) -> None:
        call = (event["stage"], event["thread"])
        self.expect(call in self.running, f"{event['stage']} ends that has not begun")
        self.running.discard(call)

    def take_call_overdue(self, event: dict[str, Any]) -> None:
        runs = {stage for stage, _ in self.running}
        self.expect(event["stage"] in runs, f"{event['stage']} is overdue that does not run")
        self.left.add(event["stage"])

    def expect(self, condition: object, mistake: str) -> None:
        if not condition:
            self.wrong.append(mistake)


def wrong(events: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the order of the events of one plugin."""
    order = Order()
    for event in events:
        order.take(event)
    return [*order.wrong, *(f"{stage} never ends" for stage, _ in order.running if stage not in order.left)]


def test_the_events_of_each_faulty_plugin_come_in_order(environment: Callable[..., PluginEnvironment]) -> None:
    events = environment(*FAULTY, *WORKING).json([str(HERE / "faulty_events.py"), "--json"])
    by_ref: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["ref"] is not None:
            by_ref.setdefault(event["ref"], []).append(event)
    assert {ref: mistakes for ref, found in by_ref.items() if (mistakes := wrong(found))} == {}
    of_stages = [(each["kind"], each["stage"]) for each in events if each["kind"].startswith("stage_")]
    stages = ("discover", "start", "check", "stop")
    assert of_stages == [(f"stage_{moment}", stage) for stage in stages for moment in ("begun", "ended")]
    known = {event["ref"] for event in events}
    assert {f"secrets:{name}" for name in FAULTY if name not in WITHOUT_A_REF} <= known
    assert [each["state"] for each in by_ref["secrets:failing-stop"] if each["kind"] == "state"] == [
        "loaded",
        "configured",
        "started",
        "failed",
    ]
    assert "hunter2" not in str(events)


# Distributions whose plugins have another name or category, or none.
WITHOUT_A_REF = {"like-names", "malformed-entry-points", "same-ref-a", "same-ref-b", "wrong-category"}


@pytest.mark.parametrize(
    ("kinds", "mistake"),
    [
        (["state started"], "started after discovered"),
        (["call_begun start"], "start begins while it is discovered"),
        (["call_ended load"], "load ends that has not begun"),
        (["call_begun load"], "load never ends"),
        (["call_begun load", "state loaded"], "loaded while it runs"),
        (["call_overdue load"], "load is overdue that does not run"),
    ],
)
def test_another_order_would_be_noticed(kinds: list[str], mistake: str) -> None:
    events = []
    for kind, _, what in (each.partition(" ") for each in kinds):
        stage, state = (None, what) if kind == "state" else (what, None)
        events.append({"kind": kind, "stage": stage, "state": state, "thread": 1, "reason": "", "time": 0.0})
    assert any(mistake in each for each in wrong(events))
