"""The plugin and its storage, on the platform that a test module has as ``registry``."""

from __future__ import annotations

import pytest

from floe_plugins import ComputePlugin, PluginRegistry, StoragePlugin


@pytest.fixture
def compute(registry: PluginRegistry) -> ComputePlugin:
    return registry.get(ComputePlugin, "datafusion")


@pytest.fixture
def storage(registry: PluginRegistry) -> StoragePlugin:
    return registry.one(StoragePlugin)
