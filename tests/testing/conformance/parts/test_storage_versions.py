"""A correct storage of API 1.1 keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import attrs
import pydantic
from conformance_suite import RulesOfNewerApi, broken, conformance
from testing.conformance.test_storage import Directory, DirectoryConformance

from floe_plugins import UnsupportedOperationError
from floe_plugins.hookspecs.storage import ObjectInfo


class NewDirectory(Directory):
    """The storage with the hooks of API 1.1. The version of a file is a digest of what is in it."""

    floe_api_version = "1.1"

    def __init__(self):
        self.lock = threading.Lock()

    def list(self, prefix=""):
        return tuple(attrs.evolve(each, version=self.version_of(each.path) or "") for each in super().list(prefix))

    def version_of(self, path):
        place = self.place(path)
        return hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else None

    def objects(self, prefix=""):
        return iter(self.list(prefix))

    def info(self, path):
        self.check(path)
        found = [each for each in self.list(path) if each.path == path]
        return found[0] if found else self.missing(path)

    def check(self, path):
        self.place(path)

    def missing(self, path):
        raise FileNotFoundError(path)

    def write_if(self, path, data, version):
        self.check(path)
        with self.lock:
            found = self.version_of(path)
            if found is None and version is not None:
                self.gone(path)
            elif found != version:
                self.refuse(path, version)
            with self.open(path, "wb") as file:
                file.write(data)
            return self.version_of(path)

    def gone(self, path):
        raise FileNotFoundError(path)

    def refuse(self, path, version):
        raise FileExistsError(path)

    def presign(self, path, mode="rb", seconds=900):
        if mode not in {"rb", "wb"}:
            raise ValueError(mode)
        return pydantic.SecretStr(f"https://storage.invalid/{path}?mode={mode}")

    def access(self, consumer):
        return {name: self.hidden(value) for name, value in self.properties(consumer).items()}

    def hidden(self, value):
        return pydantic.SecretStr(value)


class NewConformance(DirectoryConformance):
    plugin = NewDirectory


class GivesAccessToAnything(NewDirectory):
    def access(self, consumer):
        try:
            return super().access(consumer)
        except UnsupportedOperationError:
            return {}


class ShowsDigests(NewDirectory):
    def hidden(self, value):
        return hashlib.sha256(value.encode()).hexdigest()


class SkipsTheFirst(NewDirectory):
    def objects(self, prefix=""):
        return iter(self.list(prefix)[1:])


class GivesObjectsOfAnything(NewDirectory):
    def objects(self, prefix=""):
        return (each for each in self.list() if each.path.startswith(prefix))


class KnowsNoSize(NewDirectory):
    def info(self, path):
        return attrs.evolve(super().info(path), size=-1)


class KnowsFolders(NewDirectory):
    def missing(self, path):
        return ObjectInfo(path, 0) if self.place(path).is_dir() else super().missing(path)


class KnowsNoBadPath(NewDirectory):
    def info(self, path):
        try:
            return super().info(path)
        except ValueError:
            raise FileNotFoundError(path) from None


class WritesTheFirstAlone(NewDirectory):
    def write_if(self, path, data, version):
        if version is None or path != "a/file.txt":
            return super().write_if(path, data, version)
        return version


class ReplacesWhatIsThere(NewDirectory):
    def refuse(self, path, version):
        if version is None or path != "file.txt":
            super().refuse(path, version)


class MakesWhatIsGone(NewDirectory):
    def gone(self, path):
        pass


class ChecksBefore(NewDirectory):
    """All callers of a rule look before the first of them writes."""

    def __init__(self):
        super().__init__()
        self.all_have_looked = threading.Barrier(4)

    def write_if(self, path, data, version):
        if not threading.current_thread().name.startswith("conformance-"):
            return super().write_if(path, data, version)
        found = self.version_of(path)
        self.all_have_looked.wait(10)
        if found != version:
            self.refuse(path, version)
        with self.lock, self.open(path, "wb") as file:
            file.write(data)
        return self.version_of(path)


class WritesNothingToBadPaths(NewDirectory):
    def write_if(self, path, data, version):
        try:
            return super().write_if(path, data, version)
        except ValueError:
            return ""


class KnowsOneMode(NewDirectory):
    def presign(self, path, mode="rb", seconds=900):
        return super().presign(path, mode if mode == "wb" else "rb", seconds)


FAULTY: dict[str, type[Any]] = {
    "test_unknown_tools_get_no_access": GivesAccessToAnything,
    "test_settings_for_access_are_those_of_a_tool": ShowsDigests,
    "test_objects_are_those_that_are_listed": SkipsTheFirst,
    "test_objects_of_bad_prefixes_are_refused": GivesObjectsOfAnything,
    "test_one_object_is_known_as_it_is_listed": KnowsNoSize,
    "test_a_missing_object_is_not_known": KnowsFolders,
    "test_bad_paths_are_not_known": KnowsNoBadPath,
    "test_a_version_is_written_in_place_of_another": WritesTheFirstAlone,
    "test_another_version_is_not_replaced": ReplacesWhatIsThere,
    "test_a_version_that_is_gone_is_not_replaced": MakesWhatIsGone,
    "test_one_of_several_replaces_a_version": ChecksBefore,
    "test_bad_paths_have_no_versions": WritesNothingToBadPaths,
    "test_urls_for_others_are_for_known_modes": KnowsOneMode,
}


class TestVersions(RulesOfNewerApi):
    new = NewConformance
    old = DirectoryConformance
    faulty = FAULTY


def test_what_a_storage_cannot_do_is_left_out() -> None:
    class KnowsNoVersions(Directory):
        floe_api_version = "1.1"

        def write_if(self, path, data, version):
            raise UnsupportedOperationError("no versions")

        def presign(self, path, mode="rb", seconds=900):
            raise UnsupportedOperationError("no URLs")

    assert broken(conformance(DirectoryConformance, KnowsNoVersions), FAULTY) == {}
