"""Running the platform in the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_a_required_plugin_that_fails_ends_the_run(floe: Any, write: Callable[..., str]) -> None:
    config = write('registry: {autoload: all, required: ["secrets:nothere"]}\n')
    done = floe((), "run", "--config", config)
    assert done.returncode == 1
    assert "running" not in done.stdout


def test_each_step_is_told_as_it_is_done(floe: Any, reference: tuple[str, ...], write: Callable[..., str]) -> None:
    done = floe(reference, "run", "--once", "--json", "--timings", "--config", write())
    assert list(json.loads(done.stdout)) == [
        "schema_version",
        "configuration",
        "warnings",
        "startup",
        "health",
        "blame",
        "critical_chain",
        "shutdown",
    ]
