"""The configuration of loaded plugins: nothing that is refused is handed out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from support import named, new_registry

from floe_plugins import PluginConfigurationError, PluginType


class Settings(BaseModel):
    rate: float = 1.0
    size: int = 1


@pytest.mark.parametrize("settings", [{"rate": float("nan")}, {"size": 10**40}, {"rate": "${NOT_SET}"}])
def test_values_that_startup_refuses_are_not_handed_out_afterwards(settings: dict[str, Any]) -> None:
    registry = new_registry({"plugins": {"secrets": {"acme": settings}}})
    registry.register(named("acme", config_schema=Settings))
    plugin = registry.get(PluginType.SECRETS, "acme")
    with pytest.raises(PluginConfigurationError) as first:
        registry.startup()
    with pytest.raises(PluginConfigurationError) as second:
        registry.config(PluginType.SECRETS, "acme")
    assert first.value.errors == second.value.errors
    assert getattr(plugin, "config", None) is None
    assert len(registry.problems) == 1
