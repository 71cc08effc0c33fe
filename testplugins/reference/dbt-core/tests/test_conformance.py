from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from floe_reference_compute_duckdb import DuckDBCompute
from floe_reference_dbt_core import DbtCore
from floe_reference_storage_local import LocalStorage

from floe_plugins.testing import DbtConformance

HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


class TestDbtCore(DbtConformance):
    plugin = DbtCore
    seconds = 120.0
    config: Mapping[str, Any] = {"vars": {"builds": True}}
    # The project cannot be read without what the plugin is configured to pass to it.
    files: Mapping[str, str] = {
        **DbtConformance.files,
        "dbt_project.yml": DbtConformance.files["dbt_project.yml"] + "models:\n  +enabled: \"{{ var('builds') }}\"\n",
    }

    @pytest.fixture(autouse=True)
    def _database(self, tmp_path: Path) -> None:
        self.database = tmp_path / "warehouse.duckdb"
        self.plugins = {
            LocalStorage: {"root": str(tmp_path), "min_free": 0},
            DuckDBCompute: {"path": self.database.name, "threads": 1},
        }

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
