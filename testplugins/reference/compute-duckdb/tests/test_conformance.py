from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from floe_reference_compute_duckdb import DuckDBCompute
from floe_reference_storage_local import LocalStorage

from floe_plugins.testing import ComputeConformance


class TestDuckDBInAFile(ComputeConformance):
    plugin = DuckDBCompute
    persistent = True
    semicolons = {"delim": ";"}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _storage(self, tmp_path: Path) -> None:
        self.plugins = {LocalStorage: {"root": str(tmp_path)}}

    def settings(self) -> Mapping[str, Any]:
        return {"path": "db/warehouse.duckdb", "threads": 1}


class TestDuckDBInMemory(ComputeConformance):
    plugin = DuckDBCompute
    persistent = False
    config = {"threads": 1}  # noqa: RUF012
    unsupported = ("dbt_profile",)

    @pytest.fixture(autouse=True)
    def _storage(self, tmp_path: Path) -> None:
        self.plugins = {LocalStorage: {"root": str(tmp_path)}}
