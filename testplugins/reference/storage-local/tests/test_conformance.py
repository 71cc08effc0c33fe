from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from floe_reference_storage_local import LocalStorage

from floe_plugins.testing import StorageConformance


class TestLocalStorage(StorageConformance):
    plugin = LocalStorage
    consumers = ("pyiceberg", "duckdb")

    def settings(self) -> Mapping[str, Any]:
        return {"root": str(self.scratch / "root"), "min_free": 0}

    def outside(self, plugin: Any) -> str | None:
        elsewhere = self.scratch / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "file.txt").write_text("not in the storage", encoding="utf-8")
        (self.scratch / "root" / "link").symlink_to(elsewhere)
        return "link"
