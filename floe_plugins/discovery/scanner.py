"""All installed entry points of our groups, as candidates and problems. Imports nothing of theirs.

Plain directories are read directly: ``importlib.metadata`` takes some thirty times as long.
Zip files, eggs and other meta path finders go through it, each for itself.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.problem import Problem
from floe_plugins.core.safe_text import describe_error, safe_str
from floe_plugins.core.state import Stage
from floe_plugins.discovery import entry_points_txt, metadata_files
from floe_plugins.discovery.metadata_files import normalize, read_file, requires, stem

__all__ = ["Scan", "compare", "refresh_imports", "requires", "scan"]

# The errors that importlib.metadata takes for "there is no such file".
_ABSENT = (FileNotFoundError, NotADirectoryError)
_PASSED_OVER = (*_ABSENT, IsADirectoryError, PermissionError)

_SEP = os.sep
_ENTRY_POINTS = f"{_SEP}entry_points.txt"
_SUFFIX = len(metadata_files.DIST_INFO)
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = (1 << 16) + 22

_REINSTALL = "Reinstall or remove the distribution"


class Scan(NamedTuple):
    """What one scan found, in the order of ``sys.path``.

    Attributes:
        candidates: all of them, also several with one ref.
        corrupt: the distributions, whoever's they are, that make
            ``importlib.metadata.entry_points()`` raise for everybody in the process.
    """

    candidates: tuple[Candidate, ...] = ()
    problems: tuple[Problem, ...] = ()
    corrupt: tuple[Distribution, ...] = ()


def scan(path: Iterable[object] | None = None) -> Scan:
    """What is installed along ``path``; by default on ``sys.path`` and with the other meta path finders.

    Gives what ``importlib.metadata.entry_points()`` gives for our groups, and
    problems where that would raise or drop something. Blocks as long as reading
    the directories does, keeps nothing between calls, may run in several threads.
    """
    scanner = _Scanner()
    if path is not None:
        scanner.read_path(path)
        return scanner.result()
    for finder in list(sys.meta_path):
        if _reads_sys_path(finder):
            scanner.read_path(list(sys.path))
        elif getattr(finder, "find_distributions", None) is not None:
            scanner.read_finder(finder)
    return scanner.result()


def refresh_imports() -> None:
    """Let ``import`` see what was installed since it last looked; other threads may import meanwhile."""
    if "importlib.metadata" in sys.modules:
        importlib.invalidate_caches()
        return
    # The same, for where that function would import importlib.metadata only to empty its caches.
    for place, finder in list(sys.path_importer_cache.items()):
        if finder is None or not os.path.isabs(place):
            sys.path_importer_cache.pop(place, None)
            continue
        forget: Callable[[], object] | None = getattr(finder, "invalidate_caches", None)
        if forget is not None:
            forget()


def compare(
    old: Sequence[Candidate], new: Sequence[Candidate]
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...], tuple[Candidate, ...]]:
    """What was added, what removed, and what changed (as it is now) between two scans.

    A candidate is the same one as long as its ref and the name of its distribution are.
    """
    if not old:
        return tuple(new), (), ()
    before, after, known = set(map(_identity, old)), set(map(_identity, new)), set(old)
    added = tuple(c for c in new if _identity(c) not in before)
    removed = tuple(c for c in old if _identity(c) not in after)
    changed = tuple(c for c in new if _identity(c) in before and c not in known)
    return added, removed, changed


def _identity(candidate: Candidate) -> tuple[object, str]:
    return candidate.ref, normalize(candidate.distribution.name)


def _reads_sys_path(finder: object) -> bool:
    # The importlib_metadata backport, once imported, takes over from the standard finder.
    kind = finder if isinstance(finder, type) else type(finder)
    package = kind.__module__.partition(".")[0]
    return (package, kind.__name__) in {
        ("_frozen_importlib_external", "PathFinder"),
        ("importlib_metadata", "MetadataPathFinder"),
    }


class _Scanner:
    """One scan under way."""

    def __init__(self) -> None:
        self._roots: set[str] = set()
        self._seen: dict[str, str] = {}  # normalized name -> the directory it was first seen in
        self._candidates: list[Candidate] = []
        self._problems: list[Problem] = []
        self._corrupt: list[Distribution] = []

    def result(self) -> Scan:
        return Scan(candidates=tuple(self._candidates), problems=tuple(self._problems), corrupt=tuple(self._corrupt))

    def read_path(self, path: Iterable[object]) -> None:
        for item in path:
            entry = item if isinstance(item, str) else _fspath(item)
            if entry is None:
                self._report(f"sys.path holds {item!r:.60}, which is not a string", hint="Remove it")
                continue
            try:
                root = entry if os.path.isabs(entry) else os.path.abspath(entry)
                if root not in self._roots:
                    self._roots.add(root)
                    self._read_root(root)
            except _ABSENT:
                continue
            except (OSError, ValueError) as error:
                self._report(f"{entry!r} on sys.path cannot be read: {error}", hint="Make it readable or remove it")

    def read_finder(self, finder: Any) -> None:
        """Take what a meta path finder other than the standard one offers."""
        from importlib.metadata import DistributionFinder

        self._read_installed(finder, DistributionFinder.Context())

    def _read_root(self, root: str) -> None:
        try:
            children = os.listdir(root)
        except NotADirectoryError:
            if _is_zip(root):
                self._read_by_standard(root)
            return
        infos = _infos(root, children)
        if infos is None:
            self._read_by_standard(root)
        else:
            self._read_directory(root, infos)

    def _read_directory(self, root: str, infos: list[tuple[str, str]]) -> None:
        seen, place = self._seen, f"{root}{_SEP}"
        for child, key in infos:
            if key in seen:
                if seen[key] == root:
                    self._report_twin(f"{root}{_SEP}{child}")
                continue
            seen[key] = root
            directory = place + child
            try:
                data = read_file(directory + _ENTRY_POINTS)
            except _ABSENT:
                continue
            except OSError as error:
                corrupt = not isinstance(error, _PASSED_OVER)
                message = f"its entry points cannot be read: {error}"
                self._unreadable(metadata_files.at(directory), message, corrupt=corrupt)
                continue
            if (
                entry_points_txt.is_ours(data)
                or not entry_points_txt.is_sound(data)
                or len(data) > metadata_files.MAX_SIZE
            ):
                origin = metadata_files.at(directory)
                self._examine(origin, data)
                if not _has_metadata(directory):
                    self._report("it has no METADATA, so nothing tells what it requires", origin, _REINSTALL)

    def _read_by_standard(self, root: str) -> None:
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        self._read_installed(MetadataPathFinder, DistributionFinder.Context(path=[root]))

    def _read_installed(self, finder: Any, context: Any) -> None:
        found: list[Any] = []
        try:
            # One that raises later has still found what came before.
            for installed in finder.find_distributions(context):
                found.append(installed)  # noqa: PERF402
        except Exception as error:  # noqa: BLE001 the finder is anybody's code
            message = f"{safe_str(finder)} on sys.meta_path failed to find distributions: {describe_error(error)}"
            self._report(message, hint="Remove it")
        for installed in found:
            self._read_one(installed)

    def _read_one(self, installed: Any) -> None:
        try:
            key = _key(installed)
        except Exception as error:  # noqa: BLE001 a foreign class, a foreign file
            self._unreadable(_record(installed), f"its METADATA does not tell its name ({describe_error(error)})")
            return
        if key in self._seen:
            return
        self._seen[key] = ""
        try:
            data = _entry_points_of(installed)
        except Exception as error:  # noqa: BLE001 a foreign class, a foreign file
            self._unreadable(_record(installed), f"its entry points cannot be read: {describe_error(error)}")
            return
        if entry_points_txt.is_ours(data) or not entry_points_txt.is_sound(data):
            self._examine(_record(installed), data)

    def _examine(self, origin: Distribution, data: bytes) -> None:
        if len(data) > metadata_files.MAX_SIZE:
            message = f"entry_points.txt is larger than {metadata_files.MAX_SIZE} bytes and was not read"
            self._report(message, origin, _REINSTALL)
            return
        reading = entry_points_txt.read(data)
        self._candidates += [Candidate(entry.ref, entry.value, origin) for entry in reading.entries]
        self._problems += [
            Problem(stage=Stage.DISCOVER, message=str(error), ref=error.ref, distribution=str(origin), hint=error.hint)
            for error in reading.errors
        ]
        if reading.fatal:
            self._corrupt.append(origin)

    def _report_twin(self, directory: str) -> None:
        twin = metadata_files.at(directory)
        try:
            ours = entry_points_txt.is_ours(read_file(directory + _ENTRY_POINTS))
        except OSError:
            return
        if ours:
            message = "another version of it stands in the same directory and hides it"
            self._report(message, twin, f"pip install --force-reinstall {twin.name}")

    def _unreadable(self, origin: Distribution, message: str, *, corrupt: bool = True) -> None:
        self._report(message, origin, _REINSTALL)
        if corrupt:
            self._corrupt.append(origin)

    def _report(self, message: str, origin: Distribution | None = None, hint: str = "") -> None:
        distribution = str(origin) if origin else None
        self._problems.append(Problem(stage=Stage.DISCOVER, message=message, distribution=distribution, hint=hint))


def _fspath(item: object) -> str | None:
    try:
        path: Any = os.fspath(cast("os.PathLike[str]", item))
    except TypeError:
        return None
    return path if isinstance(path, str) else None


def _infos(root: str, children: Iterable[str]) -> list[tuple[str, str]] | None:
    """What holds metadata, with its normalized name; None where that has to be read from within."""
    found: list[tuple[str, str]] = []
    for child in children:
        if child[-1] not in "oO" or child[-5:].lower() != "-info":
            continue
        whole = child[:-_SUFFIX] if child.endswith(metadata_files.DIST_INFO) else stem(child)
        key = whole.partition("-")[0].lower()
        if key and "." not in key and "__" not in key:
            found.append((child, key))
        elif key.strip("."):
            found.append((child, normalize(key)))
        elif _is_named_within(root, child.lower()):
            return None
    return found


def _is_named_within(root: str, low: str) -> bool:
    if low.endswith((metadata_files.DIST_INFO, metadata_files.EGG_INFO)):
        return True
    return low == "egg-info" and root.lower().endswith(".egg")


def _is_zip(path: str) -> bool:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _ZIP_TAIL))
        return _ZIP_END in file.read()


def _has_metadata(directory: str) -> bool:
    # One that may not be read is no better than none.
    return os.access(f"{directory}{_SEP}METADATA", os.R_OK) or not directory.endswith(metadata_files.DIST_INFO)


def _key(installed: Any) -> str:
    # entry_points() compares by this attribute; classes written for older Pythons lack it.
    key = getattr(installed, "_normalized_name", None)
    return key if isinstance(key, str) else normalize(installed.metadata["Name"])


def _entry_points_of(installed: Any) -> bytes:
    from importlib.metadata import Distribution as Standard

    if getattr(installed.__class__, "entry_points", None) is Standard.entry_points:
        text = installed.read_text("entry_points.txt") or ""
    else:
        text = "".join(f"[{entry.group}]\n{entry.name} = {entry.value}\n" for entry in installed.entry_points)
    encoded: bytes = text.encode("utf-8", "surrogatepass")
    return encoded


def _record(installed: Any) -> Distribution:
    path = str(getattr(installed, "_path", "")).rstrip("/")  # zipfile's paths end in one
    name, _, version = stem(os.path.basename(path)).partition("-")
    with contextlib.suppress(Exception):  # whatever is wrong there, this is only about naming it
        headers = installed.metadata
        name, version = headers.get("Name") or name, headers.get("Version") or version
    return Distribution(name or path or repr(installed), version, path)
