from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from floe_reference_compute_datafusion import DataFusionCompute
from floe_reference_storage_local import LocalStorage

from floe_plugins.testing import ComputeConformance


class TestDataFusionInFiles(ComputeConformance):
    plugin = DataFusionCompute
    persistent = True
    placeholder = "$1"
    unsupported = ("dbt_profile",)
    # DataFusion gives up a query when it asks for more of a table; one of few rows only, it would have to complete.
    endless = "SELECT max(a.value * b.value) AS n FROM range(1000000000000) a, range(1000000) b"

    @pytest.fixture(autouse=True)
    def _storage(self, tmp_path: Path) -> None:
        self.root = tmp_path
        self.plugins = {LocalStorage: {"root": str(tmp_path), "min_free": 0}}

    def settings(self) -> Mapping[str, Any]:
        return {"path": "db/warehouse", "threads": 1}


class Elsewhere(LocalStorage):
    """A storage whose files can be reached through it alone."""

    name = "elsewhere"

    def uri(self, path: str) -> str:
        super().uri(path)
        return f"elsewhere://files/{path}"


class TestDataFusionInMemory(TestDataFusionInFiles):
    persistent = False

    @pytest.fixture(autouse=True)
    def _storage(self, tmp_path: Path) -> None:
        self.root = tmp_path
        self.plugins = {Elsewhere: {"root": str(tmp_path), "min_free": 0}}

    def place(self, name: str) -> str:
        """A place in the storage, from which files are read in another way than from this machine."""
        return f"elsewhere://files/{name}"

    def put(self, name: str, data: bytes) -> str:
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return self.place(name)

    def settings(self) -> Mapping[str, Any]:
        return {"threads": 1}
