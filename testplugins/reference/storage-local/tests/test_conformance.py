from __future__ import annotations

import contextlib
import errno
import unittest.mock
from collections.abc import Iterator, Mapping
from pathlib import Path
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

    @contextlib.contextmanager
    def unreadable(self, plugin: Any, path: str) -> Iterator[None]:
        place, stat = (self.scratch / "root" / path).resolve(), Path.stat

        def refused(self: Path, **options: Any) -> Any:
            # Rights would not keep root from it.
            if self.name == place.name and str(self) == str(place):
                raise PermissionError(errno.EACCES, "no right to look at it", path)
            return stat(self, **options)

        with unittest.mock.patch.object(Path, "stat", refused):
            yield
