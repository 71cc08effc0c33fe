"""What the host does to explain a plugin's settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.once
def test_only_the_plugin_that_is_asked_for_is_loaded_also_where_it_is_not_selected(
    modules_after: Callable[..., tuple[str, set[str]]], write: Callable[..., str]
) -> None:
    file = write("plugins: {secrets: {env: {}}}")
    shown, modules = modules_after(
        ("storage-local", "secrets-env"), "explain", "storage:local", "--json", "--config", file
    )
    document = json.loads(shown)
    assert document["fields"][0]["path"] == "root"
    assert "floe_reference_storage_local" in modules
    assert "floe_reference_secrets_env" not in modules


@pytest.mark.once
def test_a_plugin_that_cannot_be_loaded_is_told_as_such(floe: Any) -> None:
    done = floe(("import-error",), "explain", "secrets:import-error", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["type"] == "PluginLoadError"
