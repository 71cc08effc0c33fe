"""``health``: the state of the platform."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest


def test_health_says_how_the_platform_is(floe: Any) -> None:
    assert "platform healthy" in floe(("storage-local",), "health").stdout
    done = floe(("storage-local", "degraded"), "health", "--json")
    assert (done.returncode, json.loads(done.stdout)["health"]["state"]) == (0, "degraded")


@pytest.mark.parametrize("command", [("health",), ("check",), ("run", "--once")], ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("required: ['secrets:nothere']", "no (such plugin is installed|installed distribution)"),
        ("required: ['storage:local'], disable: ['storage']", "it is disabled"),
    ],
)
def test_every_command_fails_and_names_a_required_plugin_that_is_missing(
    floe: Any, write: Callable[..., str], command: tuple[str, ...], settings: str, reason: str
) -> None:
    config = write(f"registry: {{autoload: all, {settings}}}")
    done = floe(("storage-local",), *command, "--config", config, env={"COLUMNS": "400"})
    assert done.returncode == 1
    assert re.search(reason, done.stdout)
    assert ("secrets:nothere" if "nothere" in settings else "storage:local") in done.stdout
    assert "platform healthy" not in done.stdout


def test_of_a_plugin_that_did_not_start_no_check_is_shown(floe: Any) -> None:
    done = floe(("failing-start",), "health", "-o", "wide")
    row = next(line for line in done.stdout.splitlines() if line.startswith("secrets:failing-start "))
    assert "its own" not in row
