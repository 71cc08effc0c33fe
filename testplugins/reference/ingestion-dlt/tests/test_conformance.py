from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dlt
import nanoarrow
import pytest
from floe_reference_compute_duckdb import DuckDBCompute
from floe_reference_ingestion_dlt import DltIngestion
from floe_reference_storage_local import LocalStorage

from floe_plugins.hookspecs.ingestion import ConnectorSource
from floe_plugins.testing import IngestionConformance

HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


class TestDltIngestion(IngestionConformance):
    plugin = DltIngestion
    seconds = 120.0
    config: Mapping[str, Any] = {
        "connectors": {"missing": "floe_missing:source", "no_function": "math:pi", "no_source": "builtins:dict"}
    }

    @pytest.fixture(autouse=True)
    def _compute(self, tmp_path: Path) -> None:
        self.database = tmp_path / "warehouse.duckdb"
        storage = {"root": str(tmp_path), "min_free": 0}
        self.plugins = {LocalStorage: storage, DuckDBCompute: {"path": self.database.name, "threads": 1}}

    def settings(self) -> Mapping[str, Any]:
        return {**self.config, "state": str(self.scratch / "state")}

    def connected(self) -> ConnectorSource:
        file = self.scratch / "connected.csv"
        file.write_text("id,name\n1,a\n2,b\n", encoding="utf-8")
        return ConnectorSource("files", {"path": str(file)})

    def unusable(self) -> Sequence[object]:
        return [ConnectorSource(name) for name in self.config["connectors"]]

    def incremental(self) -> object:
        @dlt.resource(name="numbers")
        def rows(cursor: Any = dlt.sources.incremental("id")) -> Any:  # noqa: B008 that is dlt's way
            assert cursor is not None
            yield [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]

        return rows

    @contextlib.contextmanager
    def held(self, plugin: Any) -> Iterator[None]:
        plugin.registry.get("compute", "duckdb").release()
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(self.database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as holder:  # fmt: skip
            assert holder.stdout is not None
            if holder.stdout.readline() != "held\n":
                raise OSError(holder.communicate()[1])
            try:
                yield
            finally:
                holder.communicate("\n")

    @contextlib.contextmanager
    def refusing(self, plugin: Any) -> Iterator[None]:
        compute = plugin.registry.get("compute", "duckdb")
        columns = "name VARCHAR, _dlt_load_id VARCHAR NOT NULL, _dlt_id VARCHAR NOT NULL"
        compute.execute("CREATE SCHEMA raw")
        compute.execute(f"CREATE TABLE raw.{self.table}(id BIGINT CHECK (id < 10), {columns})")
        yield
        compute.execute(f"CREATE TABLE raw.other AS FROM raw.{self.table}")
        compute.execute(f"DROP TABLE raw.{self.table}")
        compute.execute(f"ALTER TABLE raw.other RENAME TO {self.table}")

    def loaded(self, plugin: Any, table: str) -> list[dict[str, Any]]:
        compute = plugin.registry.get("compute", "duckdb")
        there = compute.execute("SELECT 1 FROM information_schema.tables WHERE table_name = ?", [table])
        if not nanoarrow.ArrayStream(there).read_all():
            return []
        query = f"SELECT * FROM raw.{table}"  # noqa: S608 a name of the suite
        return nanoarrow.ArrayStream(compute.execute(query)).read_all().to_pylist()
