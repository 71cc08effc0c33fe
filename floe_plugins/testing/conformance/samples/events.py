"""OpenLineage run events: valid ones, and changed ones that match the schema no more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

STATES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")

# Where a part is that no event may lack.
REQUIRED: Sequence[tuple[str, ...]] = (("eventTime",), ("producer",), ("schemaURL",), ("run",), ("job",))
REQUIRED_INSIDE: Sequence[tuple[str | int, ...]] = (
    ("run", "runId"),
    ("job", "namespace"),
    ("job", "name"),
    ("inputs", 0, "name"),
    ("outputs", 0, "namespace"),
)
# Where a value is that may not be of another type, and one of another type.
WRONG_TYPES: Sequence[tuple[tuple[str | int, ...], Any]] = (
    (("job", "name"), 7),
    (("run",), "a text"),
    (("inputs",), {}),
    (("outputs", 0), None),
    (("job", "facets"), []),
)


def event(state: str = "COMPLETE", job: str = "orders") -> dict[str, Any]:
    """Return a run event of a run of its own, with datasets, facets and letters of several alphabets."""
    facet = {"_producer": "https://example.org/floe", "_schemaURL": "https://example.org/facet.json"}
    return {
        "eventType": state,
        "eventTime": "2026-01-02T03:04:05.678+00:00",
        "run": {"runId": str(uuid.uuid4()), "facets": {}},
        "job": {"namespace": "floe", "name": job, "facets": {"conformance": {**facet, "note": "ключ 鍵 🔑"}}},
        "inputs": [{"namespace": "file", "name": "/data/in.csv"}],
        "outputs": [{"namespace": "postgres://db.example.org:5432", "name": "shop.public.orders", "facets": {}}],
        "producer": "https://example.org/floe",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def without(place: Sequence[str | int]) -> dict[str, Any]:
    """Return an event that lacks what is at a place."""
    found = event()
    inside: Any = found
    for part in place[:-1]:
        inside = inside[part]
    del inside[place[-1]]
    return found


def replaced(place: Sequence[str | int], value: Any) -> dict[str, Any]:
    """Return an event that has another value at a place."""
    found = event()
    inside: Any = found
    for part in place[:-1]:
        inside = inside[part]
    inside[place[-1]] = value
    return found
