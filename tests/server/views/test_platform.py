from __future__ import annotations

from typing import Any

import pytest
from serving import plugin_row, snapshot_of

from floe_plugins.server.views.platform import differences, judge

HEALTHY = {"state": "healthy", "message": ""}
DEGRADED = {"state": "degraded", "message": "slow"}
UNHEALTHY = {"state": "unhealthy", "message": "no disk"}
STARTING = [{"stage": "start", "seconds": 1.0, "timeout": 30.0}]
CHECKED = [{"stage": "check", "seconds": 1.0, "timeout": 5.0}]


def row(name: str, state: str = "started", health: Any = HEALTHY, **facts: Any) -> dict[str, Any]:
    return plugin_row(f"compute:{name}", state=state, health=health if state == "started" else None, **facts)


def verdict(*rows: dict[str, Any], has_run: bool = False, **missing: str) -> tuple[str, str | None, bool]:
    found = judge(rows, {f"compute:{name}": why for name, why in missing.items()}, has_run=has_run)
    return found["state"], found["health"], found["ready"]


@pytest.mark.parametrize("state", ["discovered", "loaded", "configured"])
def test_a_platform_of_which_nothing_is_started_is_starting(state: str) -> None:
    assert verdict(row("a", state), row("b", state)) == ("starting", None, False)


def test_a_platform_is_starting_while_code_of_plugins_that_start_runs() -> None:
    assert verdict(row("a"), row("b", "configured", calls=STARTING)) == ("starting", None, False)
    assert verdict(row("a"), row("b", "configured", calls=CHECKED)) == ("running", "healthy", True)


def test_a_platform_that_runs_does_not_start_again_with_one_more_plugin() -> None:
    assert verdict(row("a"), row("b", "configured", calls=STARTING), has_run=True) == ("running", "healthy", True)


def test_a_platform_without_plugins_runs() -> None:
    assert verdict() == ("running", "healthy", True)
    assert verdict(row("a", "discovered", selected=False)) == ("running", "healthy", True)


def test_a_platform_whose_plugins_are_stopped_is_stopped() -> None:
    assert verdict(row("a", "stopped"), row("b", "configured"), has_run=True) == ("stopped", None, False)


def test_a_platform_of_which_all_has_failed_runs_and_is_not_well() -> None:
    assert verdict(row("a", "failed"), row("b", "skipped")) == ("running", "degraded", True)


@pytest.mark.parametrize(
    ("rows", "health", "ready"),
    [
        ([row("a", required=True), row("b")], "healthy", True),
        ([row("a", required=True, health=DEGRADED)], "degraded", True),
        ([row("a", required=True, health=UNHEALTHY)], "unhealthy", False),
        ([row("a", required=True), row("b", health=UNHEALTHY)], "degraded", True),
        ([row("a", required=True), row("b", "failed")], "degraded", True),
        ([row("a", "failed", required=True), row("b")], "unhealthy", False),
        ([row("a", "skipped", required=True), row("b")], "unhealthy", False),
        ([row("a", "disabled", required=True, selected=False), row("b")], "unhealthy", False),
        ([row("a", required=True, health=None), row("b")], None, True),
        ([row("a"), row("b", "stopped", required=True)], "unhealthy", False),
    ],
)
def test_required_plugins_decide_and_others_degrade(
    rows: list[dict[str, Any]], health: str | None, ready: object
) -> None:
    assert verdict(*rows) == ("running", health, ready)


def test_a_required_plugin_that_is_missing_keeps_the_platform_from_being_ready() -> None:
    assert verdict(row("a"), b="it is not installed") == ("running", "unhealthy", False)


def test_each_reason_names_its_plugin() -> None:
    rows = [
        row("a", "failed", required=True, reason="no disk"),
        row("b", required=True, health=UNHEALTHY),
        row("c", required=True, health={"state": "unhealthy", "message": ""}),
        row("d", "failed", reason="it is not required"),
    ]
    assert judge(rows, {"compute:e": "it is not installed"}, has_run=True)["reasons"] == [
        "compute:e is required, and missing: it is not installed",
        "compute:a is failed: no disk",
        "compute:b is unhealthy: no disk",
        "compute:c is unhealthy: it gives no reason",
    ]
    assert judge([row("a", "loaded")], {}, has_run=False)["reasons"] == ["the platform is starting"]


def test_a_platform_of_which_nothing_can_be_known_has_failed() -> None:
    found = judge([], {}, has_run=True, failure="two distributions offer it")
    assert found == {"state": "failed", "health": None, "ready": False, "reasons": ["two distributions offer it"]}


def told(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    events = [dict(each) for each in differences(before, now)]
    assert all(each.pop("time") > 0 for each in events)
    return events


def test_nothing_is_told_of_what_stays() -> None:
    one = snapshot_of(row("a"), problems=[{"stage": "load", "message": "no"}])
    assert told(one, snapshot_of(row("a"), problems=[{"stage": "load", "message": "no"}])) == []


def test_a_change_of_state_is_told_also_of_a_new_plugin() -> None:
    before, now = snapshot_of(row("a", "loaded")), snapshot_of(row("a", "failed", reason="no disk"), row("b", "loaded"))
    assert told(before, now) == [
        {"event": "state", "ref": "compute:a", "state": "failed", "reason": "no disk"},
        {"event": "state", "ref": "compute:b", "state": "loaded", "reason": ""},
    ]


def test_a_change_of_health_is_told_with_its_reason() -> None:
    facts = {"event": "health", "ref": "compute:a"}
    assert told(snapshot_of(row("a", health=None)), snapshot_of(row("a"))) == [
        {**facts, "before": None, "state": "healthy", "reason": ""}
    ]
    assert told(snapshot_of(row("a")), snapshot_of(row("a", health=UNHEALTHY))) == [
        {**facts, "before": "healthy", "state": "unhealthy", "reason": "no disk"}
    ]
    assert told(snapshot_of(row("a")), snapshot_of(row("a", health={"state": "healthy", "message": "other"}))) == []


def test_a_new_problem_is_told() -> None:
    problem = {"stage": "load", "message": "no", "ref": None, "distribution": "acme 1.0", "hint": ""}
    assert told(snapshot_of(), snapshot_of(problems=[problem])) == [{"event": "problem", **problem}]


@pytest.mark.parametrize("change", [{"state": "stopped"}, {"health": "degraded"}, {"ready": False}])
def test_a_change_of_the_platform_is_told(change: dict[str, Any]) -> None:
    [event] = told(snapshot_of(), snapshot_of(**change, reasons=["a is down", "b is down"]))
    expected = {
        "event": "platform",
        "state": "running",
        "health": "healthy",
        "ready": True,
        "reason": "a is down; b is down",
    }
    assert event == expected | change


def test_what_else_there_is_to_see_is_told() -> None:
    assert told(snapshot_of(), snapshot_of() | {"schema": {"type": "object"}, "startup": {"ok": True}}) == [
        {"event": "snapshot", "changed": ["startup", "schema"]}
    ]
