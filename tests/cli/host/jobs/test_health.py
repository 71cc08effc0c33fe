"""Asking for health in the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_an_unhealthy_platform_is_a_failure(floe: Any, write: Callable[..., str]) -> None:
    done = floe((), "health", "--json", "--config", write('registry: {required: ["secrets:nothere"]}\n'))
    assert done.returncode == 1
    assert json.loads(done.stdout)["health"]["state"] == "unhealthy"
