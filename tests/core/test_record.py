"""Records: frozen, and as JSON can hold them."""

from __future__ import annotations

import json
import pickle

import attrs
import pytest

from floe_plugins import (
    Candidate,
    DiscoveryReport,
    Distribution,
    HealthReport,
    HealthState,
    HealthStatus,
    LifecycleReport,
    Outcome,
    OutcomeState,
    PluginInfo,
    PluginRef,
    PluginState,
    Problem,
    Stage,
)
from floe_plugins.core.record import to_plain

REF = PluginRef.parse("compute:duckdb")
WHERE = Distribution("acme", "1.0", "/site/acme-1.0.dist-info")
RECORDS = {
    "candidate": (Candidate(REF, "acme:Plugin", WHERE), {"ref": "compute:duckdb", "value": "acme:Plugin"}),
    "problem": (
        Problem(stage=Stage.LOAD, message="it broke", ref=REF, cause=ValueError("why")),
        {"stage": "load", "ref": "compute:duckdb", "cause": "ValueError: why"},
    ),
    "discovery": (DiscoveryReport(candidates=(Candidate(REF, "a:b", WHERE),), seconds=0.5), {"seconds": 0.5}),
    "info": (
        PluginInfo(ref=REF, state=PluginState.DISCOVERED, distribution=WHERE, entry_point="a:b", dependencies=("x",)),
        {"type": "compute", "name": "duckdb", "state": "discovered", "dependencies": ["x"], "version": None},
    ),
    "outcome": (Outcome(ref=REF, stage=Stage.START, state=OutcomeState.TIMED_OUT), {"state": "timed_out"}),
    "start": (LifecycleReport(), {"ok": True, "outcomes": []}),
    "health": (
        HealthReport(state=HealthState.DEGRADED, statuses={REF: HealthStatus("degraded", "slow", {"ms": {1, 2}})}),
        {"state": "degraded"},
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_as_a_dict_is_json_with_plain_words(name: str) -> None:
    record, expected = RECORDS[name]
    shown = json.loads(json.dumps(record.to_dict()))
    assert {key: shown[key] for key in expected} == expected


def test_refs_are_the_keys_of_statuses() -> None:
    record, _ = RECORDS["health"]
    assert record.to_dict()["statuses"]["compute:duckdb"]["details"] == {"ms": [1, 2]}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_cannot_be_changed(name: str) -> None:
    record, _ = RECORDS[name]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(record, attrs.fields(type(record))[0].name, None)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_survives_pickling(name: str) -> None:
    record, _ = RECORDS[name]
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 made one line above


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (10**5000, "<an integer of 16610 bits>"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ({"x": [1.5, float("inf")]}, {"x": [1.5, "inf"]}),
    ],
    ids=["64 bits", "65 bits", "5,001 digits", "NaN", "infinity", "nested"],
)
def test_numbers_that_json_cannot_hold_become_text(value: object, plain: object) -> None:
    assert to_plain(value) == plain
    json.dumps(to_plain(value), allow_nan=False)
