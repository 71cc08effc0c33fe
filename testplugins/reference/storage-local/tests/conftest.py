"""A storage without a platform."""

from __future__ import annotations

from pathlib import Path

import pytest
from floe_reference_storage_local import LocalStorage, LocalStorageConfig


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    plugin = LocalStorage()
    plugin.config = LocalStorageConfig(root=tmp_path / "root")
    plugin.startup()
    return plugin
