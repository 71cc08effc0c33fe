from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from floe_reference_catalog_iceberg import IcebergCatalog
from floe_reference_secrets_env import EnvSecrets
from floe_reference_storage_local import LocalStorage
from pyarrow import parquet

from floe_plugins.testing import CatalogConformance


class TestIcebergCatalog(CatalogConformance):
    plugin = IcebergCatalog

    @pytest.fixture(autouse=True)
    def _others(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONFORMANCE_CATALOG_URI", f"sqlite:///{tmp_path / 'catalog.db'}")
        storage = {"root": str(tmp_path / "root"), "min_free": 0}
        self.root = tmp_path / "root"
        self.plugins = {LocalStorage: storage, EnvSecrets: {"prefix": "CONFORMANCE_"}}

    def parquet(self, name: str, kind: str = "items") -> str:
        made = {"items": {"n": [7], "t": ["text 7"]}, "others": {"other": ["x"]}}
        file = self.root / f"{name}.parquet"
        if kind in made:
            parquet.write_table(pa.table(made[kind]), file)
        else:
            file.write_text("broken", encoding="utf-8")
        return file.as_uri()

    def unsupported(self) -> pa.Schema:
        return pa.schema([("span", pa.month_day_nano_interval())])
