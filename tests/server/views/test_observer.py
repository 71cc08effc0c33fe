from __future__ import annotations

from typing import Any

from floe_plugins.core.event import PluginEvent
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.server.views.observer import MAX_EVENTS, Observer

REF = PluginRef.parse("compute:a")


def observed(*events: dict[str, Any]) -> Observer:
    observer = Observer()
    for event in events:
        observer.record(PluginEvent(ref=REF, **event).to_dict())
    return observer


def call(kind: str, stage: Stage = Stage.START, thread: int = 1, **facts: Any) -> dict[str, Any]:
    return {"kind": kind, "stage": stage, "thread": thread, **facts}


def facts(observer: Observer, state: str = "started", reason: str = "") -> dict[str, Any]:
    return observer.facts(str(REF), state, reason)


def test_of_a_plugin_without_events_nothing_is_known() -> None:
    assert facts(Observer()) == {"calls": [], "start": None, "restarts": 0}


def test_a_call_is_shown_while_it_runs() -> None:
    begun = observed(call("call_begun", Stage.CHECK, timeout=5.0))
    [shown] = facts(begun)["calls"]
    assert (shown["stage"], shown["timeout"]) == ("check", 5.0)
    assert shown["seconds"] >= 0
    begun.record(PluginEvent(ref=REF, **call("call_ended", Stage.CHECK)).to_dict())
    assert facts(begun)["calls"] == []


def test_calls_on_two_threads_are_kept_apart() -> None:
    observer = observed(
        call("call_begun", Stage.START, 1), call("call_begun", Stage.CHECK, 2), call("call_ended", Stage.START, 1)
    )
    assert [each["stage"] for each in facts(observer)["calls"]] == ["check"]


def test_a_start_has_its_attempts_and_its_seconds() -> None:
    observer = observed(
        call("call_begun", time=10.0),
        call("call_ended", time=11.0),
        {"kind": "retry", "stage": Stage.START, "seconds": 0.5, "reason": "it sleeps", "time": 11.0},
        call("call_begun", time=11.5),
        call("call_ended", time=12.0),
    )
    start = facts(observer)["start"]
    assert (start["state"], start["attempts"], start["seconds"]) == ("succeeded", 2, 2.0)
    assert facts(observer, "failed", "no disk")["start"]["message"] == "no disk"
    assert facts(observer, "configured")["start"] is None


def test_another_start_counts_anew_and_is_a_restart() -> None:
    started: dict[str, Any] = {"kind": "state", "state": PluginState.STARTED}
    once = [call("call_begun", time=10.0), call("call_ended", time=11.0), started]
    again = [call("call_begun", time=20.0), call("call_ended", time=20.25), started]
    assert facts(observed(*once))["restarts"] == 0
    observer = observed(*once, *again)
    assert facts(observer)["restarts"] == 1
    start = facts(observer)["start"]
    assert (start["attempts"], start["seconds"]) == (1, 0.25)


def test_calls_states_and_retries_are_passed_on_once_and_problems_are_not() -> None:
    observer = observed(
        call("call_begun", timeout=5.0, time=1.0),
        call("call_ended", seconds=0.5, time=2.0),
        {"kind": "retry", "stage": Stage.START, "seconds": 1.0, "reason": "it sleeps", "time": 3.0},
        {"kind": "state", "state": PluginState.STARTED, "time": 4.0},
        {"kind": "problem", "stage": Stage.LOAD, "reason": "no"},
    )
    ref = str(REF)
    assert observer.take() == [
        {"event": "call_begun", "ref": ref, "stage": "start", "timeout": 5.0, "time": 1.0},
        {"event": "call_ended", "ref": ref, "stage": "start", "seconds": 0.5, "time": 2.0},
        {"event": "retry", "ref": ref, "stage": "start", "seconds": 1.0, "reason": "it sleeps", "time": 3.0},
        {"event": "state", "ref": ref, "state": "started", "time": 4.0},
    ]
    assert observer.take() == []


def test_events_that_nobody_takes_do_not_pile_up() -> None:
    observer = observed(*[call("call_begun", time=float(number)) for number in range(MAX_EVENTS + 5)])
    taken = observer.take()
    assert len(taken) == MAX_EVENTS
    assert taken[-1]["time"] == MAX_EVENTS + 4
