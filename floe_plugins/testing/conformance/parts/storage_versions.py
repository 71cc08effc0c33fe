"""The rules for storages of API 1.1, and for services and files that cannot be asked."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from floe_plugins.errors import PluginError, PluginUnavailableError, UnsupportedOperationError
from floe_plugins.testing.conformance.parts.storage_files import BAD_PATHS, BAD_PREFIXES, StorageCase
from floe_plugins.testing.conformance.rule import rule, shown

_WRITE_IF = """
def write_if(self, path, data, version):
    with self._lock_of(path):  # nobody else writes in between
        found = self._version(path)  # None if there is no object
        if found is None and version is not None:
            raise FileNotFoundError(path)
        if found != version:
            raise FileExistsError(path)
        return self._write(path, data)
"""
_PRESIGN = """
def presign(self, path, mode="rb", seconds=900):
    if mode not in {"rb", "wb"}:
        raise ValueError(f"mode {mode!r} is not known")
    return pydantic.SecretStr(self._client.signed(self._place(path), _METHODS[mode], seconds))
"""
_INFO = """
def info(self, path):
    place = self._place(path)  # raises ValueError
    if not place.is_file():
        raise FileNotFoundError(path)
    return ObjectInfo(path, place.stat().st_size)
"""
_ACCESS = """
def access(self, consumer):
    found = self.properties(consumer)  # raises UnsupportedOperationError
    return {name: pydantic.SecretStr(value) if name in _SECRET else value for name, value in found.items()}
"""

_UNAVAILABLE = """
def delete(self, path):
    try:
        return self._client.delete(self._key(path))
    except ConnectionError as error:
        raise PluginUnavailableError(f"{self._place} does not answer") from error
"""
_READ = """
class Reader(io.RawIOBase):
    def readinto(self, buffer):
        try:
            data = self._client.read(self._key, self._place, len(buffer))
        except ConnectionError as error:
            raise PluginUnavailableError(f"{self._key} cannot be read: nobody answers") from error
        ...
"""
_LIST_ALL = """
def _info(self, place):
    try:
        stat = place.stat()
    except FileNotFoundError:  # deleted meanwhile; any other error tells the caller that the list is not whole
        return None
    return ObjectInfo(place.relative_to(self._root).as_posix(), stat.st_size)
"""


class VersionRules(StorageCase):
    """The rules for the hooks of API 1.1."""

    consumers: Sequence[str] = ("pyiceberg",)

    @rule(_ACCESS)
    def test_unknown_tools_get_no_access(self) -> None:
        """``access`` raises ``UnsupportedOperationError`` for a consumer that it has no settings for."""
        self.needs("access")
        with self.started() as plugin, self.raises(UnsupportedOperationError, "access('conformance-unknown')"):
            plugin.access("conformance-unknown")

    @rule(_ACCESS)
    def test_settings_for_access_are_those_of_a_tool(self) -> None:
        """``access`` returns the settings of ``properties``, as texts, or as ``SecretStr`` those that are secret."""
        self.needs("access")
        with self.started() as plugin:
            for consumer in self.consumers:
                found, plain = plugin.access(consumer), plugin.properties(consumer)
                hidden = {
                    name: getattr(value, "get_secret_value", lambda v=value: v)() for name, value in found.items()
                }
                self.expect(hidden == dict(plain), f"access({consumer!r}) has the keys {shown(sorted(found))}")

    @rule(_INFO)
    def test_objects_are_those_that_are_listed(self) -> None:
        """``objects`` returns an iterator over all objects whose path starts with ``prefix``."""
        self.needs("objects")
        with self.filled() as (plugin, _):
            for prefix in ("", "a/b"):
                found = plugin.objects(prefix)
                self.expect(isinstance(found, Iterator), f"objects({prefix!r}) returned {shown(found)}")
                same = sorted(found, key=lambda info: info.path) == [*plugin.list(prefix)]
                self.expect(same, f"objects({prefix!r}) has other objects than list({prefix!r})")

    @rule(_INFO)
    def test_objects_of_bad_prefixes_are_refused(self) -> None:
        """``objects`` raises ``ValueError`` for a prefix with an empty part, ``.`` or ``..``."""
        self.needs("objects")
        with self.started() as plugin:
            for prefix in BAD_PREFIXES:
                with self.raises(ValueError, f"reading objects({prefix!r})"):
                    next(plugin.objects(prefix), None)

    @rule(_INFO)
    def test_one_object_is_known_as_it_is_listed(self) -> None:
        """``info`` returns what is known of one object: what ``list`` tells of it."""
        self.needs("info")
        with self.filled() as (plugin, _):
            for listed in plugin.list():
                found = plugin.info(listed.path)
                self.expect(found == listed, f"info({listed.path!r}) returned {shown(found)}, and list {shown(listed)}")

    @rule(_INFO)
    def test_a_missing_object_is_not_known(self) -> None:
        """``info`` raises ``FileNotFoundError`` if the object does not exist, also where a folder is."""
        self.needs("info")
        with self.filled() as (plugin, _):
            for path in ("missing.txt", "a", "a/b/missing.txt", "b.txt/missing.txt"):
                with self.raises(FileNotFoundError, f"info({path!r})"):
                    plugin.info(path)

    @rule(_INFO)
    def test_bad_paths_are_not_known(self) -> None:
        """``info`` raises ``ValueError`` for a path with an empty part, ``.`` or ``..``."""
        self.needs("info")
        self.refuses("info", BAD_PATHS)

    @rule(_WRITE_IF)
    def test_a_version_is_written_in_place_of_another(self) -> None:
        """``write_if`` writes an object if it still has this version, or with None if there is none."""
        with self._versions() as plugin:
            first = plugin.write_if("a/file.txt", b"first", None)
            second = plugin.write_if("a/file.txt", b"second", first)
            found = self.read(plugin, "a/file.txt")
            self.expect(found == b"second", f"after two versions were written, the file has {shown(found)}")
            told = [info.version for info in plugin.list("a/file.txt")]
            self.expect(
                told == [second] and first != second, f"versions {first!r}, {second!r}; list() has {shown(told)}"
            )

    @rule(_WRITE_IF)
    def test_another_version_is_not_replaced(self) -> None:
        """``write_if`` raises ``FileExistsError`` if there is an object of another version, and it is unchanged."""
        with self._versions() as plugin:
            first = plugin.write_if("file.txt", b"first", None)
            plugin.write_if("file.txt", b"second", first)
            for version in (None, first):
                with self.raises(FileExistsError, f"write_if('file.txt', ..., {version!r}), which it has not"):
                    plugin.write_if("file.txt", b"third", version)
            found = self.read(plugin, "file.txt")
            self.expect(found == b"second", f"after it was refused, the file has {shown(found)}")

    @rule(_WRITE_IF)
    def test_a_version_that_is_gone_is_not_replaced(self) -> None:
        """``write_if`` raises ``FileNotFoundError`` if the object does not exist any more, and it is not written."""
        with self._versions() as plugin:
            version = plugin.write_if("file.txt", b"first", None)
            plugin.delete("file.txt")
            with self.raises(FileNotFoundError, "write_if() of an object that was deleted"):
                plugin.write_if("file.txt", b"second", version)
            self.expect(self.read(plugin, "file.txt") is None, "after it was refused, the file is there")

    @rule(_WRITE_IF)
    def test_one_of_several_replaces_a_version(self) -> None:
        """Of several callers that write in place of the same version, one succeeds."""
        with self._versions() as plugin:
            for version in (None, plugin.write_if("1.txt", b"first", None)):
                path = "0.txt" if version is None else "1.txt"

                def write(number: int, path: str = path, version: str | None = version) -> int:
                    try:
                        plugin.write_if(path, b"%d" % number, version)
                    except FileExistsError:
                        return 0
                    return 1

                made = sum(self.together([functools.partial(write, number) for number in range(4)]))
                self.expect(made == 1, f"{made} of 4 threads wrote in place of the version {version!r}")

    @rule(_WRITE_IF)
    def test_bad_paths_have_no_versions(self) -> None:
        """``write_if`` raises ``ValueError`` for a path with an empty part, ``.`` or ``..``."""
        with self._versions() as plugin:
            for path in BAD_PATHS:
                with self.raises(ValueError, f"write_if({path!r}, ...)"):
                    plugin.write_if(path, b"x", None)

    @rule(_PRESIGN)
    def test_urls_for_others_are_for_known_modes(self) -> None:
        """``presign`` returns a URL, one for each of the modes ``rb`` and ``wb``; ``ValueError`` for another mode."""
        self.needs("presign")
        with self.started() as plugin:
            try:
                found = [plugin.presign("a/file.txt"), plugin.presign("a/file.txt", "wb", 60)]
            except UnsupportedOperationError as error:
                self.skip(f"not supported: {error}")
            urls = [getattr(each, "get_secret_value", str)() for each in found]
            right = all("://" in url for url in urls) and urls[0] != urls[1]
            self.expect(right, "presign() returned no URL, or the same for reading and writing")
            for mode in ("xb", "r", ""):
                with self.raises(ValueError, f"presign('a/file.txt', {mode!r})"):
                    plugin.presign("a/file.txt", mode)

    @contextlib.contextmanager
    def _versions(self) -> Generator[Any, None, None]:
        """The plugin, if it decides by versions who writes."""
        self.needs("write_if")
        with self.started() as plugin:
            try:
                plugin.write_if("conformance.txt", b"x", None)
            except UnsupportedOperationError as error:
                self.skip(f"not supported: {error}")
            yield plugin


class FailureRules(StorageCase):
    """The rules for a service that does not answer, and for files that cannot be looked at."""

    def outage(self, plugin: Any) -> contextlib.AbstractContextManager[Any] | None:
        """Return a context in which the service does not answer; None if there is no service. Override it."""
        del plugin
        return None

    def unreadable(self, plugin: Any, path: str) -> contextlib.AbstractContextManager[Any] | None:
        """Return a context in which a file cannot be looked at; None if there is no such thing. Override it."""
        del plugin, path
        return None

    def _outage(self, plugin: Any) -> contextlib.AbstractContextManager[Any]:
        return self.block("outage", plugin) or self.skip("outage() is not overridden: the storage always answers")

    @contextlib.contextmanager
    def _without_service(self) -> Generator[Any, None, None]:
        """Give the plugin, with one file in it, while the service does not answer."""
        with self.started() as plugin:
            outage = self._outage(plugin)
            self.write(plugin, "kept.txt", b"kept")
            with outage:
                yield plugin
            self.expect(self.read(plugin, "kept.txt") == b"kept", "after an outage, a file has another content")

    @rule(_UNAVAILABLE)
    def test_a_service_that_does_not_answer_is_unavailable(self) -> None:
        """Hooks raise ``PluginUnavailableError`` if the service does not answer."""
        with self._without_service() as plugin:
            for doing, call in (
                ("reading a file", lambda: self.read(plugin, "kept.txt")),
                ("writing a new file", lambda: self.write(plugin, "new.txt", b"x", "xb")),
                ("list()", lambda: list(plugin.list())),
                ("delete()", lambda: plugin.delete("kept.txt")),
            ):
                with self.raises(PluginUnavailableError, f"{doing} while the service does not answer"):
                    call()

    @rule(_UNAVAILABLE)
    def test_files_survive_an_outage(self) -> None:
        """If the service does not answer, files that were written before stay unchanged."""
        with self._without_service() as plugin, contextlib.suppress(PluginUnavailableError, OSError):
            self.write(plugin, "kept.txt", b"changed")

    @rule(_READ)
    def test_an_open_file_of_a_service_that_does_not_answer_is_unavailable(self) -> None:
        """A file that was opened before raises ``PluginUnavailableError``, too, if it needs a service and has none."""
        with self.started() as plugin:
            outage = self._outage(plugin)
            self.write(plugin, "kept.txt", b"kept")
            with plugin.open("kept.txt") as file:
                with outage:
                    try:
                        found = file.read()
                    except PluginUnavailableError:
                        return
                # It may have read ahead.
                self.expect(found == b"kept", f"while the service does not answer, an open file has {shown(found)}")

    @rule(_LIST_ALL)
    def test_what_cannot_be_looked_at_is_not_left_out(self) -> None:
        """If an object cannot be looked at, ``list`` raises an error, and does not leave it out."""
        with self.filled() as (plugin, _):
            unreadable = self.block("unreadable", plugin, "a/b.txt")
            if unreadable is None:
                self.skip("unreadable() is not overridden: the storage can look at all objects")
            with unreadable:
                try:
                    found = [info.path for info in plugin.list()]
                except (OSError, PluginError):
                    return
            self.expect("a/b.txt" in found, f"list() left it out, and returned {shown(found)}")
