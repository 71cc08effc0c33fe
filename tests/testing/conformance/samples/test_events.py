from __future__ import annotations

import json
from typing import Any

import pytest

from floe_plugins.testing.conformance.samples.events import (
    REQUIRED,
    REQUIRED_INSIDE,
    STATES,
    WRONG_TYPES,
    event,
    replaced,
    without,
)


@pytest.mark.parametrize("state", STATES)
def test_events_are_of_runs_of_their_own(state: str) -> None:
    first, second = event(state), event(state)
    assert first["eventType"] == state
    assert first["run"] != second["run"]
    assert json.loads(json.dumps(first)) == first


@pytest.mark.parametrize("place", [*REQUIRED, *REQUIRED_INSIDE])
def test_an_event_can_lack_a_part(place: Any) -> None:
    inside, found = event(), without(place)
    for part in place[:-1]:
        inside, found = inside[part], found[part]
    assert place[-1] in inside
    assert place[-1] not in found


@pytest.mark.parametrize(("place", "value"), WRONG_TYPES)
def test_an_event_can_have_another_value(place: Any, value: Any) -> None:
    found: Any = replaced(place, value)
    for part in place:
        found = found[part]
    assert found == value
