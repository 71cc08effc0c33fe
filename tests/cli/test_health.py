"""``health``: the state of the platform."""

from __future__ import annotations

import json
from typing import Any


def test_health_says_how_the_platform_is(floe: Any) -> None:
    assert "platform healthy" in floe(("storage-local",), "health").stdout
    done = floe(("storage-local", "degraded"), "health", "--json")
    assert (done.returncode, json.loads(done.stdout)["health"]["state"]) == (0, "degraded")
