"""An event is a plain record."""

from __future__ import annotations

from floe_plugins import PluginEvent, PluginRef, PluginState, Stage


def test_an_event_converts_to_json_data() -> None:
    event = PluginEvent(
        kind="call_begun", ref=PluginRef.parse("compute:duckdb"), stage=Stage.LOAD, timeout=30, time=1.5
    )
    assert event.to_dict() == {
        "kind": "call_begun",
        "ref": "compute:duckdb",
        "stage": "load",
        "state": None,
        "health": None,
        "reason": "",
        "seconds": None,
        "timeout": 30,
        "thread": None,
        "time": 1.5,
    }


def test_an_event_of_a_state_names_it() -> None:
    assert PluginEvent(kind="state", state=PluginState.STARTED).to_dict()["state"] == "started"
