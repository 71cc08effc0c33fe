from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nanoarrow
import pytest
from floe_reference_compute_duckdb import DuckDBCompute
from floe_reference_ingestion_dlt import DltIngestion
from floe_reference_storage_local import LocalStorage

from floe_plugins.testing import IngestionConformance


class TestDltIngestion(IngestionConformance):
    plugin = DltIngestion
    seconds = 120.0

    @pytest.fixture(autouse=True)
    def _compute(self, tmp_path: Path) -> None:
        storage = {"root": str(tmp_path), "min_free": 0}
        self.plugins = {LocalStorage: storage, DuckDBCompute: {"path": "warehouse.duckdb", "threads": 1}}

    def settings(self) -> Mapping[str, Any]:
        return {"state": str(self.scratch / "state")}

    def loaded(self, plugin: Any, table: str) -> list[dict[str, Any]]:
        compute = plugin.registry.get("compute", "duckdb")
        there = compute.execute("SELECT 1 FROM information_schema.tables WHERE table_name = ?", [table])
        if not nanoarrow.ArrayStream(there).read_all():
            return []
        query = f"SELECT * FROM raw.{table}"  # noqa: S608 a name of the suite
        return nanoarrow.ArrayStream(compute.execute(query)).read_all().to_pylist()
