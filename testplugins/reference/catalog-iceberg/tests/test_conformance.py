from __future__ import annotations

from pathlib import Path

import pytest
from floe_reference_catalog_iceberg import IcebergCatalog
from floe_reference_secrets_env import EnvSecrets
from floe_reference_storage_local import LocalStorage

from floe_plugins.testing import CatalogConformance


class TestIcebergCatalog(CatalogConformance):
    plugin = IcebergCatalog

    @pytest.fixture(autouse=True)
    def _others(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONFORMANCE_CATALOG_URI", f"sqlite:///{tmp_path / 'catalog.db'}")
        storage = {"root": str(tmp_path / "root"), "min_free": 0}
        self.plugins = {LocalStorage: storage, EnvSecrets: {"prefix": "CONFORMANCE_"}}
