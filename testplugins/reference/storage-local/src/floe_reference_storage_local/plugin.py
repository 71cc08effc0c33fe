"""Storage in a local directory."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

from pydantic import AfterValidator, BaseModel, ByteSize, Field, SecretStr

from floe_plugins import HealthState, HealthStatus, StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.storage import ObjectInfo
from floe_reference_storage_local._paths import folder_of, inside, is_unfinished, place_of
from floe_reference_storage_local._writing import AtomicFile, locked

if TYPE_CHECKING:
    from floe_plugins.hookspecs.protocols import FileSystem


class LocalStorageConfig(BaseModel):
    """The directory of the files."""

    root: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Field(
        default=Path("floe-data"),
        validate_default=True,
        description="Directory of the files, made if it is missing; relative to the working directory",
    )
    min_free: ByteSize = Field(
        default=ByteSize(64 * 1024 * 1024),
        description="Free space below which the storage counts as degraded, such as 1GiB",
    )


class LocalStorage(StoragePlugin):
    """Files in one directory of this machine.

    ``uri`` gives ``file://`` and the path as it is: DuckDB, fsspec and PyIceberg
    do not decode ``%20``. Links that lead out of the root are refused, folders
    that are links are not listed.
    """

    name = "local"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Files in a local directory"
    config_schema = LocalStorageConfig
    config: LocalStorageConfig

    def startup(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)

    def health_check(self) -> HealthStatus:
        try:
            free = shutil.disk_usage(self._root).free
            _try_to_write(self._root)
        except OSError as error:
            return HealthStatus(HealthState.UNHEALTHY, f"cannot write to {self._root}: {error.strerror}")
        details = {"root": str(self._root), "free_bytes": free}
        if free < self.config.min_free:
            return HealthStatus(HealthState.DEGRADED, f"{free} bytes are free, fewer than min_free", details)
        return HealthStatus(HealthState.HEALTHY, f"{self._root} can be written", details)

    def uri(self, path: str) -> str:
        return _uri(place_of(self._root, path))

    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        place = place_of(self._root, path)
        if mode == "rb":
            return place.open("rb")
        if mode not in {"wb", "xb"}:
            message = f"mode {mode!r} is not known: expected 'rb', 'wb' or 'xb'"
            raise ValueError(message)
        if place.is_dir():
            message = f"{path!r} is a folder"
            raise IsADirectoryError(message)
        if mode == "xb" and place.exists():
            message = f"{path!r} is there already"
            raise FileExistsError(message)
        _make_folder(place.parent)
        # The folder could have become a link meanwhile.
        return AtomicFile(inside(self._root, place), exclusive=mode == "xb")

    def list(self, prefix: str = "") -> tuple[ObjectInfo, ...]:
        return tuple(sorted(self.objects(prefix), key=lambda info: info.path))

    def objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        found = (self._info(place) for place in _files_below(folder_of(self._root, prefix)))
        return (info for info in found if info and info.path.startswith(prefix))

    def info(self, path: str) -> ObjectInfo:
        place = place_of(self._root, path)
        found = None if place.is_dir() else self._info(place)
        if found is None:
            message = f"{path!r} is no file of the storage"
            raise FileNotFoundError(errno.ENOENT, message)
        return found

    def write_if(self, path: str, data: bytes, version: str | None) -> str:
        if version is None:
            with self.open(path, "xb") as file:
                file.write(data)
            return self.info(path).version
        with locked(self._root, place_of(self._root, path)):
            if self.info(path).version != version:
                message = f"{path!r} has another version"
                raise FileExistsError(errno.EEXIST, message)
            with self.open(path, "wb") as file:
                file.write(data)
            return self.info(path).version

    def delete(self, path: str) -> bool:
        place = place_of(self._root, path)
        if place.is_dir():
            return False
        try:
            place.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def filesystem(self) -> FileSystem:
        from floe_reference_storage_local._filesystem import RootedFileSystem

        return cast("FileSystem", RootedFileSystem(self._root))

    def properties(self, consumer: str) -> Mapping[str, str]:
        if consumer == "pyiceberg":
            return {"warehouse": _uri(self._root)}
        if consumer == "duckdb":
            return {"file_search_path": str(self._root)}
        if consumer in {"object_store", "spark"}:
            # They open files of this machine by their URI.
            return {}
        message = f"settings for {consumer!r} are not known: expected one of pyiceberg, duckdb, object_store, spark"
        raise UnsupportedOperationError(message)

    def access(self, consumer: str) -> Mapping[str, str | SecretStr]:
        # None of them is a secret.
        return self.properties(consumer)

    @property
    def _root(self) -> Path:
        return self.config.root.resolve()

    def _info(self, place: Path) -> ObjectInfo | None:
        try:
            stat = inside(self._root, place).stat()
        except ValueError:  # a link that leads out of the root
            return None
        except OSError as error:
            _unless_gone(error)
            return None
        modified = datetime.fromtimestamp(stat.st_mtime, timezone.utc)
        # Each write makes a file of its own.
        version = f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"
        return ObjectInfo(place.relative_to(self._root).as_posix(), stat.st_size, modified, version)


def _try_to_write(root: Path) -> None:
    file = AtomicFile(root / "health", exclusive=True)
    try:
        # An empty file can be made on a disk that is full.
        file.write(b"\0")
        file.flush()
    finally:
        file.discard()


def _files_below(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder, onerror=_unless_gone):
        yield from (Path(directory, name) for name in names if not is_unfinished(name))


def _unless_gone(error: OSError) -> None:
    # Deleted since it was seen, or a link that leads nowhere. Anything else that was left
    # out in silence would look as if it were deleted, too.
    if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        raise error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        message = f"{str(folder)!r} is a file, so nothing can lie in it"
        raise NotADirectoryError(message) from error


def _uri(place: Path) -> str:
    path = place.as_posix()
    return f"file://{path}" if path.startswith("/") else f"file:///{path}"
