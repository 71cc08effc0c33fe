"""The rules for file storages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.storage import ObjectInfo
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.storage_files import BAD_PATHS, BAD_PREFIXES, FileRules
from floe_plugins.testing.conformance.parts.storage_versions import FailureRules, VersionRules
from floe_plugins.testing.conformance.rule import rule, shown

_PATH = """
def uri(self, path):
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise ValueError(f"{path!r} is no path in this storage")
    return f"{self._root}/{path}"  # as it is, not percent-encoded
"""
_INSIDE = """
def _place(self, path):
    place = (self._root / path).resolve()
    if not place.is_relative_to(self._root.resolve()):  # a link may lead anywhere
        raise ValueError(f"{path!r} leads out of this storage")
    return place
"""
_LIST = """
def list(self, prefix=""):
    found = (ObjectInfo(path, size, modified) for path, size, modified in self._finished_files())
    return tuple(sorted((info for info in found if info.path.startswith(prefix)), key=lambda info: info.path))
"""
_DELETE = """
def delete(self, path):
    try:
        self._place(path).unlink()
    except FileNotFoundError:
        return False
    return True
"""
_OTHERS = """
def properties(self, consumer):
    if consumer == "pyiceberg":
        return {"warehouse": self._root}
    raise UnsupportedOperationError(f"settings for {consumer!r} are not known")
"""


class StorageConformance(VersionRules, FailureRules, FileRules, PluginConformance):
    """The rules for ``StoragePlugin``.

    >>> from floe_plugins.testing import StorageConformance
    >>> class TestAcme(StorageConformance):
    ...     plugin = ...  # your class
    ...     consumers = ("pyiceberg", "duckdb")
    ...     def settings(self):
    ...         return {"root": str(self.scratch)}

    Attributes:
        consumers: the tools that ``properties`` knows.
        persistent: whether files are still there when the plugin is started again.
        names: names of files that need care on disk or in a URL, and which the storage takes.
    """

    consumers: Sequence[str] = ("pyiceberg",)

    def outside(self, plugin: Any) -> str | None:
        """Make a link in the storage to a folder outside; return its path, None without links. Override it."""
        del plugin
        return None

    @rule(_PATH)
    def test_uris_of_bad_paths_are_refused(self) -> None:
        """``uri`` raises ``ValueError`` for a path with an empty part, ``.`` or ``..``."""
        self.refuses("uri", BAD_PATHS)

    @rule(_DELETE)
    def test_bad_paths_cannot_be_deleted(self) -> None:
        """``delete`` raises ``ValueError`` for a path with an empty part, ``.`` or ``..``."""
        self.refuses("delete", BAD_PATHS)

    @rule(_LIST)
    def test_bad_prefixes_are_refused(self) -> None:
        """``list`` raises ``ValueError`` for a prefix with an empty part, ``.`` or ``..``."""
        self.refuses("list", BAD_PREFIXES)

    @rule(_INSIDE)
    def test_links_lead_nowhere_outside(self) -> None:
        """Paths are relative to the root of the storage: none leads out of it, also by way of a link."""
        with self.started() as plugin:
            folder = self.outside(plugin)
            if folder is None:
                self.skip("the storage has no links, or outside() is not overridden")
            self._is_plain(plugin, folder)
            path = f"{folder}/file.txt"
            for hook, arguments in (("uri", ()), ("open", ("rb",)), ("open", ("wb",)), ("delete", ())):
                with self.raises((ValueError, FileNotFoundError), f"{hook}({path!r}), by a link of outside()"):
                    getattr(plugin, hook)(path, *arguments)

    def _is_plain(self, plugin: Any, folder: object) -> None:
        """Refuse a folder that is no path of the storage whatever is there: that it is refused proves nothing."""
        beside = f"{folder}-beside/file.txt" if folder else "/file.txt"
        try:
            plugin.uri(beside)
        except (ValueError, FileNotFoundError) as error:
            seen = f"outside() returned {shown(folder)}, and uri({beside!r}), where nothing is, is refused too"
            self.unproved(f"{seen}: return the link's path in the storage, such as 'link'", "outside", error)

    @rule(_PATH)
    def test_a_uri_is_absolute(self) -> None:
        """``uri`` returns the absolute URI of a path, as a string."""
        with self.started() as plugin:
            uri = plugin.uri("a/b.txt")
            right = isinstance(uri, str) and re.match(r"[a-z][a-z0-9+.-]*:/", uri) and uri.endswith("/a/b.txt")
            self.expect(right, f"uri('a/b.txt') returned {shown(uri)}")

    @rule(_PATH)
    def test_a_uri_is_not_encoded(self) -> None:
        """The URI is not percent-encoded, as engines expect it."""
        with self.started() as plugin:
            for name in ("with space.csv", "ümläut.csv", "percent%20.csv"):
                uri = plugin.uri(name)
                self.expect(str(uri).endswith(name), f"uri({name!r}) returned {shown(uri)}")

    @rule(_PATH)
    def test_a_uri_is_that_of_any_path(self) -> None:
        """``uri`` returns the URI of a path whether or not a file exists there, and makes none."""
        with self.started() as plugin:
            before = plugin.uri("a/new.txt")
            self.expect(self.read(plugin, "a/new.txt") is None, "after uri('a/new.txt') there is such a file")
            self.write(plugin, "a/new.txt", b"x")
            self.expect(before == plugin.uri("a/new.txt"), "uri('a/new.txt') differs when the file is there")

    @rule(_LIST)
    def test_an_unfinished_file_is_not_listed(self) -> None:
        """``list`` has no file that is being written."""
        with self.started() as plugin, plugin.open("folder/new.txt", "wb") as file:
            file.write(b"x" * 100_000)
            file.flush()
            paths = [info.path for info in plugin.list()]
            self.expect(not paths, f"while a file is written, list() has {shown(paths)}")

    @rule(_LIST)
    def test_a_list_is_a_tuple_of_records(self) -> None:
        """``list`` returns a tuple of ``ObjectInfo``."""
        with self.filled() as (plugin, _):
            found = plugin.list()
            right = type(found) is tuple and all(isinstance(each, ObjectInfo) for each in found)
            self.expect(right, f"list() returned {shown(found)}")

    @rule(_LIST)
    def test_a_list_is_sorted(self) -> None:
        """``list`` is sorted by path."""
        with self.filled() as (plugin, _):
            paths = [info.path for info in plugin.list()]
            self.expect(paths == sorted(paths), f"list() has the paths {shown(paths)}")

    @rule(_LIST)
    def test_all_files_are_listed(self) -> None:
        """``list`` returns all objects, by their path relative to the root, and no folders."""
        with self.filled() as (plugin, files):
            paths = {info.path for info in plugin.list()}
            self.expect(paths == files.keys(), f"list() has the paths {shown(sorted(paths))}, of {shown([*files])}")

    @rule(_LIST)
    def test_a_prefix_selects(self) -> None:
        """``list`` returns the objects whose path starts with ``prefix``, which need not end with a folder."""
        with self.filled() as (plugin, files):
            for prefix in ("a", "a/", "a/b", "a/b/", "a/b/c", "b.txt", "z"):
                found = {info.path for info in plugin.list(prefix)} & files.keys()
                wanted = {path for path in files if path.startswith(prefix)}
                self.expect(found == wanted, f"list({prefix!r}) has the paths {shown(sorted(found))}")

    @rule(_LIST)
    def test_sizes_are_in_bytes(self) -> None:
        """The size of an object is that of its content in bytes."""
        with self.filled() as (plugin, files):
            sizes = {info.path: info.size for info in plugin.list() if info.path in files}
            wrong = {path: size for path, size in sizes.items() if size != len(files[path])}
            self.expect(not wrong, f"list() has the sizes {shown(wrong)}")

    @rule(_LIST)
    def test_times_have_a_time_zone(self) -> None:
        """``modified`` is when the object was written, with a time zone, or None if the storage does not know."""
        with self.filled() as (plugin, _):
            for info in plugin.list():
                when = info.modified
                if when is None:
                    continue
                self.expect(isinstance(when, dt.datetime) and when.tzinfo is not None, f"modified is {shown(when)}")
                if when.tzinfo is not None:
                    seconds = abs((dt.datetime.now(dt.timezone.utc) - when).total_seconds())
                    self.expect(seconds < 3600, f"modified is {seconds:.0f} s from now")  # noqa: PLR2004 any clock

    @rule(_DELETE)
    def test_deleting_says_whether_it_existed(self) -> None:
        """``delete`` returns True if the object existed, and else False."""
        with self.started() as plugin:
            self.write(plugin, "a/file.txt", b"x")
            found = [plugin.delete("a/file.txt"), plugin.delete("a/file.txt"), plugin.delete("missing/file.txt")]
            self.expect(all(type(each) is bool for each in found), f"delete() returned {shown(found)}")
            self.expect(found == [True, False, False], f"delete() of one that exists, is gone, never was: {found}")

    @rule(_DELETE)
    def test_what_was_deleted_is_gone(self) -> None:
        """``delete`` deletes the object."""
        with self.started() as plugin:
            self.write(plugin, "a/file.txt", b"x")
            plugin.delete("a/file.txt")
            gone = self.read(plugin, "a/file.txt") is None
            self.expect(gone, "after delete('a/file.txt') it can be read")
            self.expect("a/file.txt" not in {info.path for info in plugin.list()}, "after delete(), list() has it")

    @rule(_DELETE)
    def test_deleting_leaves_the_others(self) -> None:
        """``delete`` deletes one object, and none whose path only starts with the same text."""
        with self.filled() as (plugin, files):
            plugin.delete("a/b")
            plugin.delete("a/b/c.txt")
            lost = [path for path in files if path != "a/b/c.txt" and self.read(plugin, path) is None]
            self.expect(not lost, f"delete('a/b') and delete('a/b/c.txt') deleted {shown(lost)}")

    @rule(_OTHERS)
    def test_the_file_system_has_the_same_files(self) -> None:
        """``filesystem`` returns an fsspec file system with the same root: what was written here is read there."""
        with self.started() as plugin:
            self.write(plugin, "a/here.txt", b"here")
            system = plugin.filesystem()
            for method in ("open", "exists", "ls", "info", "rm", "makedirs"):
                self.expect(callable(getattr(system, method, None)), f"filesystem() has no method {method}")
            with system.open("a/here.txt", "rb") as file:
                content = file.read()
            self.expect(content == b"here", f"filesystem().open('a/here.txt') has {shown(content)}")

    @rule(_OTHERS)
    def test_the_file_system_writes_to_the_same_place(self) -> None:
        """``filesystem`` has the same root: what was written there is read and listed here."""
        with self.started() as plugin:
            system = plugin.filesystem()
            system.makedirs("b", exist_ok=True)
            with system.open("b/there.txt", "wb") as file:
                file.write(b"there")
            found = self.read(plugin, "b/there.txt")
            self.expect(found == b"there", f"open('b/there.txt') has {shown(found)}, and filesystem() wrote it")

    @rule(_OTHERS)
    def test_the_file_system_leads_nowhere_outside(self) -> None:
        """``filesystem`` has the same root: it refuses a path that leads out of it, as ``open`` does."""
        with self.started() as plugin:
            system = plugin.filesystem()
            system.makedirs("a", exist_ok=True)
            for path in ("../conformance-outside.txt", "a/../../conformance-outside.txt"):
                doing = f"filesystem().open({path!r}, 'wb')"
                with self.raises(Exception, doing), system.open(path, "wb") as file:
                    file.write(b"outside")

    @rule(_OTHERS)
    def test_settings_are_texts(self) -> None:
        """``properties`` returns the settings of a tool as a mapping of strings."""
        with self.started() as plugin:
            for consumer in self.consumers:
                found = plugin.properties(consumer)
                texts = isinstance(found, Mapping) and all(
                    isinstance(each, str) for pair in found.items() for each in pair
                )
                self.expect(texts, f"properties({consumer!r}) returned an object of {type(found).__name__}")

    @rule(_OTHERS)
    def test_pyiceberg_is_told_a_warehouse(self) -> None:
        """``properties("pyiceberg")`` are catalog properties, including ``warehouse``."""
        if "pyiceberg" not in self.consumers:
            self.skip("'pyiceberg' is not among the consumers")
        with self.started() as plugin:
            found = plugin.properties("pyiceberg")
            self.expect("warehouse" in found, f"properties('pyiceberg') has the keys {shown(sorted(found))}")

    @rule(_OTHERS)
    def test_unknown_tools_are_not_supported(self) -> None:
        """``properties`` raises ``UnsupportedOperationError`` for a consumer that it has no settings for."""
        with self.started() as plugin, self.raises(UnsupportedOperationError, "properties('conformance-unknown')"):
            plugin.properties("conformance-unknown")
