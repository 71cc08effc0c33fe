"""The fsspec view of a directory. Imports fsspec, so it is imported when first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from floe_reference_storage_local._paths import inside


class RootedFileSystem(DirFileSystem):  # type: ignore[misc]
    """A local file system confined to a directory."""

    def __init__(self, root: Path) -> None:
        super().__init__(path=str(root), fs=LocalFileSystem(auto_mkdir=True), skip_instance_cache=True)

    def _join(self, path: Any) -> Any:
        joined = super()._join(path)
        # fsspec calls itself again for each path of a list.
        if isinstance(joined, str):
            inside(Path(self.path), Path(joined))
        return joined
