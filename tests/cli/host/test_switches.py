"""Switches that do nothing."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("command", [("check",), ("config", "validate")], ids=lambda command: command[-1])
def test_what_is_disabled_and_not_there_is_a_warning_with_a_suggestion(floe: Any, command: tuple[str, ...]) -> None:
    names = "storage:locl, distribution:floe-reference-storage-locl, compute, storage:local"
    done = floe(("storage-local", "secrets-env"), *command, "--disable", names)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if "disables nothing" in line]
    assert len(lines) == 2
    assert "Did you mean storage:local?" in lines[0]
    assert "Did you mean distribution:floe-reference-storage-local?" in lines[1]


def test_a_rule_of_the_variable_or_the_file_is_named_with_its_origin(floe: Any, write: Any) -> None:
    file = write("registry: {autoload: all, disable: ['compute:a']}")
    done = floe(("storage-local",), "check", "--config", file, env={"FLOE_PLUGINS_DISABLE": "compute:b"})
    assert "'compute:a' in registry.disable disables nothing" in done.stdout
    assert "'compute:b' in FLOE_PLUGINS_DISABLE disables nothing" in done.stdout


def test_an_unknown_variable_is_a_warning_that_counts_with_strict(floe: Any) -> None:
    variables = {
        "FLOE_PLUGINS_DISABEL": "compute",
        "FLOE_PLUGINS_STRICT": "0",
        "FLOE_PLUGINS__STORAGE__LOCAL__ROOT": "d",
    }
    done = floe(("storage-local",), "check", env=variables)
    [line] = [line for line in done.stdout.splitlines() if "is unknown" in line]
    assert "FLOE_PLUGINS_DISABEL" in line
    assert "Did you mean FLOE_PLUGINS_DISABLE?" in line
    assert done.returncode == 0
    assert floe(("storage-local",), "check", "--strict", env=variables).returncode == 1


def test_nobody_knows_what_is_there_where_plugins_are_switched_off(floe: Any) -> None:
    assert "disables nothing" not in floe((), "--no-plugins", "check", "--disable", "compute:a").stdout
