"""A correct storage keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
import urllib.parse
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs
import fsspec.implementations.dirfs
import fsspec.implementations.local
import pydantic
import pytest
from conformance_suite import broken, check, conformance

from floe_plugins import PluginUnavailableError, StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.storage import ObjectInfo
from floe_plugins.testing import ConformanceClassError, StorageConformance


class Settings(pydantic.BaseModel):
    root: Path


class Unfinished(io.FileIO):
    """A file that gets its name when it is closed."""

    def __init__(self, place: Path, *, exclusive: bool) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, self.temporary = tempfile.mkstemp(prefix=".unfinished-", dir=place.parent)
        os.close(descriptor)
        super().__init__(self.temporary, "wb")
        self.place, self.exclusive, self.failed = place, exclusive, False

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        try:
            if not self.failed:
                self.publish()
        finally:
            Path(self.temporary).unlink(missing_ok=True)

    def publish(self) -> None:
        if self.exclusive:
            os.link(self.temporary, self.place)
        else:
            Path(self.temporary).replace(self.place)

    def __exit__(self, kind: object, *rest: object) -> None:
        self.failed = kind is not None
        self.close()


class Inside(fsspec.implementations.dirfs.DirFileSystem):  # type: ignore[misc]
    """Refuses paths that lead out of its folder."""

    def _join(self, path):
        if isinstance(path, str) and ".." in path.split("/"):
            raise ValueError(path)
        return super()._join(path)


class Directory(StoragePlugin):
    name = "directory"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Settings
    config: Settings
    file_class: Any = Unfinished
    system: Any = Inside

    @property
    def root(self) -> Path:
        return self.config.root

    def place(self, path: str) -> Path:
        if any(part in {"", ".", ".."} for part in path.split("/")):
            raise ValueError(path)
        return self.inside(self.root / path)

    def inside(self, place: Path) -> Path:
        if not place.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(place)
        return place

    def reach(self, path: str = "") -> None:
        if self.root.with_name("down").exists():
            raise PluginUnavailableError(f"nobody answers for {path!r}")

    def uri(self, path):
        return f"file://{self.place(path)}"

    def open(self, path, mode="rb"):
        self.reach(path)
        place = self.place(path)
        if mode == "rb":
            return place.open("rb")
        if mode not in {"wb", "xb"}:
            raise ValueError(mode)
        if mode == "xb" and place.exists():
            raise FileExistsError(path)
        return self.file_class(place, exclusive=mode == "xb")

    def list(self, prefix=""):
        self.reach()
        if any(part in {"", ".", ".."} for part in prefix.split("/")[:-1]):
            raise ValueError(prefix)
        found = []
        for directory, _, names in os.walk(self.root):
            for name in names:
                place = Path(directory, name)
                path = place.relative_to(self.root).as_posix()
                if path.startswith(prefix) and not name.startswith(".unfinished-"):
                    stat = self.stat(place)
                    found.append(ObjectInfo(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, timezone.utc)))
        return tuple(sorted(found, key=lambda info: info.path))

    def stat(self, place: Path) -> os.stat_result:
        if place.name == "b.txt" and self.root.with_name("unreadable").exists():
            raise PermissionError(place)
        return place.stat()

    def delete(self, path):
        self.reach(path)
        place = self.place(path)
        if place.is_dir():
            return False
        try:
            place.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def filesystem(self):
        self.root.mkdir(parents=True, exist_ok=True)
        local = fsspec.implementations.local.LocalFileSystem()
        return self.system(str(self.root), local)

    def properties(self, consumer):
        if consumer == "pyiceberg":
            return {"warehouse": f"file://{self.root}"}
        raise UnsupportedOperationError(consumer)


class DirectoryConformance(StorageConformance):
    plugin = Directory

    def settings(self) -> Mapping[str, Any]:
        return {"root": str(self.scratch / "root")}

    def outside(self, plugin: Any) -> str | None:
        (self.scratch / "elsewhere").mkdir()
        plugin.root.mkdir()
        (plugin.root / "link").symlink_to(self.scratch / "elsewhere")
        return "link"

    @contextlib.contextmanager
    def outage(self, plugin: Any) -> Any:
        plugin.root.with_name("down").touch()
        yield
        plugin.root.with_name("down").unlink()

    @contextlib.contextmanager
    def unreadable(self, plugin: Any, path: str) -> Any:
        assert path.endswith("b.txt")
        plugin.root.with_name("unreadable").touch()
        yield
        plugin.root.with_name("unreadable").unlink()


class UriOfAnything(Directory):
    def uri(self, path):
        return f"file://{self.root}/{path}" if "link" not in path else super().uri(path)


class OpensAnything(Directory):
    def open(self, path, mode="rb"):
        with contextlib.suppress(ValueError):
            return super().open(path, mode)
        if mode not in {"rb", "wb", "xb"} or "link" in path:
            raise ValueError(mode)
        return io.BytesIO()


class DeletesAnything(Directory):
    def delete(self, path):
        with contextlib.suppress(ValueError):
            return super().delete(path)
        if "link" in path:
            raise ValueError(path)
        return False


class ListsAnything(Directory):
    def list(self, prefix=""):
        with contextlib.suppress(ValueError):
            return super().list(prefix)
        return ()


class RelativeUri(Directory):
    def uri(self, path):
        return super().uri(path).removeprefix("file://")


class EncodedUri(Directory):
    def uri(self, path):
        return f"file://{self.root}/{urllib.parse.quote(str(self.place(path).relative_to(self.root)))}"


class UriOfWhatIsThere(Directory):
    def uri(self, path):
        missing = path == "a/new.txt" and not self.place(path).exists()
        return super().uri(path) + ("?new" if missing else "")


class TextLines(Directory):
    def open(self, path, mode="rb"):
        file = super().open(path, mode)
        if mode != "rb" or path != "file.bin":
            return file
        with file:
            return io.BytesIO(file.read().replace(b"\r\n", b"\n"))


class Unseekable(Directory):
    def open(self, path, mode="rb"):
        file = super().open(path, mode)
        if mode == "rb" and file.read() == b"0123456789":
            file.close()
            return io.BytesIO(b"0123456789"[3:])
        file.seek(0) if mode == "rb" else None
        return file


class AnyMode(Directory):
    def open(self, path, mode="rb"):
        return super().open(path, mode if mode in {"rb", "wb", "xb"} else "rb")


class NoFolders(Directory):
    def open(self, path, mode="rb"):
        if mode != "rb" and path.count("/") > 3:
            raise FileNotFoundError(path)
        return super().open(path, mode)


class Direct(Unfinished):
    """Writes at once to the place where the file is to be, if there is none."""

    def __init__(self, place: Path, *, exclusive: bool) -> None:
        self.early = place.name == "new.txt" and place.parent.name == "root"
        super().__init__(place, exclusive=exclusive)

    def flush(self) -> None:
        super().flush()
        if self.early and not self.closed and Path(self.temporary).stat().st_size > 10_000:
            os.link(self.temporary, self.place)
            self.early = False


class AppearsEarly(Directory):
    file_class = Direct


class ListsUnfinished(Directory):
    def list(self, prefix=""):
        found = [place for place in self.root.rglob(".unfinished-*") if place.parent.name == "folder"]
        return (*super().list(prefix), *(ObjectInfo(f"folder/{place.name}", 1) for place in found))


class KeepsHalfNew(Unfinished):
    def __exit__(self, kind: object, *rest: object) -> None:
        self.failed = kind is not None and (self.place.exists() or not Path(self.temporary).stat().st_size)
        self.close()


class AppearsHalf(Directory):
    file_class = KeepsHalfNew


class Swallows(Unfinished):
    def __exit__(self, *exception: object) -> Any:
        super().__exit__(*exception)
        return True


class SwallowsErrors(Directory):
    file_class = Swallows


class KeepsHalfOld(Unfinished):
    def __exit__(self, kind: object, *rest: object) -> None:
        self.failed = kind is not None and not self.place.exists()
        self.close()


class ReplacesByHalf(Directory):
    file_class = KeepsHalfOld


class EarlyReplace(Unfinished):
    def flush(self) -> None:
        super().flush()
        if not self.closed and self.place.name == "old.txt" and Path(self.temporary).stat().st_size == 3000:
            self.place.write_bytes(b"new")


class ReplacesEarly(Directory):
    file_class = EarlyReplace


class Appending(Unfinished):
    def publish(self) -> None:
        if not self.exclusive and self.place.name == "file.txt" and self.place.read_bytes()[:6] == b"a long":
            with Path(self.temporary).open("ab") as file:
                file.write(self.place.read_bytes()[5:])
        super().publish()

    def __init__(self, place: Path, *, exclusive: bool) -> None:
        super().__init__(place, exclusive=exclusive)
        if not place.exists():
            self.publish = super().publish


class Appends(Directory):
    file_class = Appending


class EmptyIfMissing(Directory):
    def open(self, path, mode="rb"):
        try:
            return super().open(path, mode)
        except FileNotFoundError:
            if path == "missing.txt":
                return io.BytesIO()
            raise


class ExclusiveIsWrite(Directory):
    def open(self, path, mode="rb"):
        if mode == "xb" and self.place(path).exists():
            mode = "wb"
        return super().open(path, mode)


class ChecksOnlyAtFirst(Directory):
    def open(self, path, mode="rb"):
        place = self.place(path)
        if mode == "xb":
            if place.exists():
                raise FileExistsError(path)
            mode = "wb"
        return super().open(path, mode)


class ListsAList(Directory):
    def list(self, prefix=""):
        return list(super().list(prefix))


class ListsBackwards(Directory):
    def list(self, prefix=""):
        return super().list(prefix)[::-1]


class ListsFolders(Directory):
    def list(self, prefix=""):
        folder = [ObjectInfo("a/b", 0)] if (self.root / "a/b").is_dir() and not prefix else []
        return tuple(sorted((*super().list(prefix), *folder), key=lambda info: info.path))


class ListsByFolder(Directory):
    def list(self, prefix=""):
        found = super().list(prefix)
        return (
            found if prefix.endswith("/") or not prefix else tuple(i for i in found if i.path.startswith(prefix + "/"))
        )


class CountsWrongly(Directory):
    def list(self, prefix=""):
        return tuple(attrs.evolve(info, size=info.size + 1) for info in super().list(prefix))


class NaiveTimes(Directory):
    def list(self, prefix=""):
        return tuple(attrs.evolve(info, modified=info.modified.replace(tzinfo=None)) for info in super().list(prefix))


class PlainNames(Directory):
    def place(self, path):
        return super().place(path.replace("?", "_").replace("#", "_"))


class SaysNothing(Directory):
    def delete(self, path):
        super().delete(path)


class DeletesNothing(Directory):
    def delete(self, path):
        if path != "a/file.txt":
            return super().delete(path)
        self.deleted = getattr(self, "deleted", 0) + 1
        return self.place(path).exists() and self.deleted == 1


class DeletesFolders(Directory):
    def delete(self, path):
        place = self.place(path)
        if place.is_dir():
            for file in place.rglob("*"):
                file.unlink()
        if path == "a/b":
            self.place("a/b.txt").unlink()
        return super().delete(path)


class OtherFiles(Directory):
    def filesystem(self):
        system = super().filesystem()
        if self.list():
            system.path += "/a"
        return system


class Anywhere(fsspec.implementations.dirfs.DirFileSystem):  # type: ignore[misc]
    def _join(self, path):
        return f"{self.path}/{path}"


class LeadsOutside(Directory):
    system = Anywhere


class WritesElsewhere(Directory):
    def filesystem(self):
        system = super().filesystem()
        if not self.list():
            (self.root / "elsewhere").mkdir()
            system.path += "/elsewhere"
        return system


class ObjectSettings(Directory):
    def properties(self, consumer):
        return {**super().properties(consumer), "region": None}


class NoWarehouse(Directory):
    def properties(self, consumer):
        return {"uri": super().properties(consumer)["warehouse"]}


class NoneForUnknown(Directory):
    def properties(self, consumer):
        return super().properties(consumer) if consumer == "pyiceberg" else {}


class SharedName(Unfinished):
    """All unfinished files of a folder have one name."""

    def __init__(self, place: Path, *, exclusive: bool) -> None:
        super().__init__(place, exclusive=exclusive)
        if place.parent.parent.name == "threads":
            Path(self.temporary).unlink()
            self.temporary = str(place.with_name(".unfinished-one"))
            io.FileIO.__init__(self, self.temporary, "wb")

    def publish(self) -> None:
        if self.temporary.endswith("one"):
            time.sleep(0.01)
        with contextlib.suppress(FileNotFoundError):
            super().publish()


class OneUnfinishedName(Directory):
    file_class = SharedName


class InPlace(Unfinished):
    def publish(self) -> None:
        data = Path(self.temporary).read_bytes()
        if self.place.name == "file.txt" and len(data) == 5000 and self.place.exists():
            with self.place.open("wb") as file:
                file.write(data[:100])
                file.flush()
                time.sleep(0.002)
                file.write(data[100:])
        else:
            super().publish()


class WritesInPlace(Directory):
    file_class = InPlace


class Forgets(Directory):
    def shutdown(self):
        kept = self.root / "a/file.txt"
        if kept.exists() and kept.read_bytes() == b"kept":
            kept.unlink()


class FollowsLinks(Directory):
    def inside(self, place):
        return place


class DoesNotSayWho(Directory):
    def reach(self, path=""):
        try:
            super().reach(path)
        except PluginUnavailableError as error:
            raise ConnectionError(path) from error


class Disconnected(io.FileIO):
    down: Path

    def read(self, size: int | None = -1) -> Any:
        if self.down.exists():
            raise ConnectionResetError
        return super().read(size)


class ReadsFromOneConnection(Directory):
    def open(self, path, mode="rb"):
        file = super().open(path, mode)
        if mode == "rb":
            file.close()
            file = Disconnected(self.place(path))
            file.down = self.root.with_name("down")
        return file


class LeavesOut(Directory):
    def list(self, prefix=""):
        try:
            return super().list(prefix)
        except PermissionError:
            return ()


class LosesFiles(Directory):
    def open(self, path, mode="rb"):
        if mode == "wb" and self.root.with_name("down").exists():
            (self.root / path).write_bytes(b"")
        return super().open(path, mode)


class StaysAtItsBegin(Unfinished):
    def tell(self) -> int:
        return 0


class TellsNothing(Directory):
    file_class = StaysAtItsBegin


FAULTY: dict[str, type[Any]] = {
    "test_a_file_tells_how_far_it_is_written": TellsNothing,
    "test_a_service_that_does_not_answer_is_unavailable": DoesNotSayWho,
    "test_files_survive_an_outage": LosesFiles,
    "test_an_open_file_of_a_service_that_does_not_answer_is_unavailable": ReadsFromOneConnection,
    "test_what_cannot_be_looked_at_is_not_left_out": LeavesOut,
    "test_uris_of_bad_paths_are_refused": UriOfAnything,
    "test_files_of_bad_paths_are_refused": OpensAnything,
    "test_bad_paths_cannot_be_deleted": DeletesAnything,
    "test_bad_prefixes_are_refused": ListsAnything,
    "test_links_lead_nowhere_outside": FollowsLinks,
    "test_a_uri_is_absolute": RelativeUri,
    "test_a_uri_is_not_encoded": EncodedUri,
    "test_a_uri_is_that_of_any_path": UriOfWhatIsThere,
    "test_what_was_written_is_read": TextLines,
    "test_a_file_is_read_from_anywhere": Unseekable,
    "test_other_modes_are_refused": AnyMode,
    "test_parent_folders_are_made": NoFolders,
    "test_a_file_appears_when_it_is_closed": AppearsEarly,
    "test_an_unfinished_file_is_not_listed": ListsUnfinished,
    "test_nothing_appears_if_the_block_raised": AppearsHalf,
    "test_an_error_of_the_block_is_raised": SwallowsErrors,
    "test_the_old_file_stays_if_the_block_raised": ReplacesByHalf,
    "test_the_old_file_is_read_until_the_new_one_is_closed": ReplacesEarly,
    "test_a_file_is_replaced": Appends,
    "test_a_missing_file_is_an_error": EmptyIfMissing,
    "test_an_existing_file_is_not_made_anew": ExclusiveIsWrite,
    "test_one_of_several_makes_a_file": ChecksOnlyAtFirst,
    "test_a_list_is_a_tuple_of_records": ListsAList,
    "test_a_list_is_sorted": ListsBackwards,
    "test_all_files_are_listed": ListsFolders,
    "test_a_prefix_selects": ListsByFolder,
    "test_sizes_are_in_bytes": CountsWrongly,
    "test_times_have_a_time_zone": NaiveTimes,
    "test_names_may_have_any_character": PlainNames,
    "test_deleting_says_whether_it_existed": SaysNothing,
    "test_what_was_deleted_is_gone": DeletesNothing,
    "test_deleting_leaves_the_others": DeletesFolders,
    "test_the_file_system_has_the_same_files": OtherFiles,
    "test_the_file_system_writes_to_the_same_place": WritesElsewhere,
    "test_the_file_system_leads_nowhere_outside": LeadsOutside,
    "test_settings_are_texts": ObjectSettings,
    "test_pyiceberg_is_told_a_warehouse": NoWarehouse,
    "test_unknown_tools_are_not_supported": NoneForUnknown,
    "test_several_threads_write_files": OneUnfinishedName,
    "test_several_threads_replace_one_file": WritesInPlace,
    "test_files_survive_a_restart": Forgets,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(DirectoryConformance) == {}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(DirectoryConformance, FAULTY[rule]))) == [rule]


@pytest.mark.parametrize("answer", ["../elsewhere", "", "/elsewhere", "a//link"])
def test_a_link_that_would_be_refused_anyway_proves_nothing(answer: str) -> None:
    rule = "test_links_lead_nowhere_outside"
    cls = conformance(DirectoryConformance, Directory, outside=lambda *_: answer)
    error = check(cls, [rule]).failed[rule]
    assert isinstance(error, ConformanceClassError)
    assert f"outside() returned {answer!r}" in error.seen
    assert "Make a link in the storage to a folder outside" in error.example
