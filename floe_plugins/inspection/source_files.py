"""Find and read the source files of an installed distribution. Imports and runs nothing.

Modules are found beside the metadata of the distribution, and for an editable install through
its ``.pth`` files and the finder that setuptools writes.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

from floe_plugins.core.candidate import Distribution
from floe_plugins.core.locks import forkable_lock
from floe_plugins.discovery.metadata_files import read_file
from floe_plugins.inspection.parsing import ERRORS, Module, bindings, parse, read_module

_MAX_SIZE = 1 << 20
_MAX_KEPT = 1 << 17  # bytes of source; the module parsed last is kept in any case


class SourceModules:
    """The modules of one distribution. Each is parsed once, and not again while its file stays as it is.

    A module with an error in the body of a function is taken for valid, unless they are read ``whole``.

    >>> from floe_plugins.core.candidate import Distribution
    >>> SourceModules(Distribution("acme", "1.0", "/nowhere/acme-1.0.dist-info")).module("acme")
    """

    def __init__(self, distribution: Distribution, *, whole: bool = False) -> None:
        self._whole = whole
        self._found = locations(distribution)
        self._locations: list[tuple[str, str]] = []
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Return the module with a full name; None if it is missing, too large or invalid, or may rebind any name."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> Module | None:
        for base in self._bases(name):
            for path, is_package in ((f"{base}{os.sep}__init__.py", True), (f"{base}.py", False)):
                try:
                    return _parsed.get(name, path, is_package=is_package, whole=self._whole)
                except (OSError, ValueError):
                    continue
        return None

    def _bases(self, name: str) -> Iterator[str]:
        relative = name.replace(".", os.sep)
        for package, location in self._all_locations():
            if not package:
                yield f"{location}{os.sep}{relative}"
            elif name == package or name.startswith(f"{package}."):
                yield location + relative[len(package) :]

    def _all_locations(self) -> Iterator[tuple[str, str]]:
        # Most modules are at the first location, and finding the others takes reading RECORD.
        yield from list(self._locations)
        for location in self._found:
            self._locations.append(location)
            yield location


class _ParsedModules:
    """The modules that were parsed last, while their files stay as they are. Safe from several threads.

    Many entry points lead to one module. A tree takes about fifty times the memory of its source, so that few are kept.
    """

    def __init__(self) -> None:
        self._lock = forkable_lock()
        self._kept: dict[tuple[str, str, bool, bool], tuple[tuple[int, ...], int, Module | None]] = {}

    def get(self, name: str, path: str, *, is_package: bool, whole: bool) -> Module | None:
        """Return the module in a file, or None if it is too large or invalid, or may rebind any name.

        Raises:
            OSError: the file cannot be read.
            ValueError: the path contains a null byte.
        """
        key = (name, path, is_package, whole)
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        with self._lock:
            known = self._kept.pop(key, None)
            if known is not None and known[0] == stamp:
                self._kept[key] = known  # now the last one used
                return known[2]
        source = read_file(path, _MAX_SIZE)
        is_too_long = len(source) > _MAX_SIZE
        module = None if is_too_long else read_module(name, source, path, is_package=is_package, whole=whole)
        with self._lock:
            self._kept[key] = (stamp, len(source), module)
            total = sum(size for _, size, _ in self._kept.values())
            for oldest in list(self._kept)[:-1]:
                if total <= _MAX_KEPT:
                    break
                total -= self._kept.pop(oldest)[1]
        return module


_parsed = _ParsedModules()


def locations(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """Yield where modules are: a package and its path without ``.py``, or "" and a directory of packages."""
    site = os.path.dirname(distribution.path)
    yield "", site
    try:
        record = read_file(f"{distribution.path}{os.sep}RECORD", _MAX_SIZE)
    except OSError:
        return
    for line in record.splitlines():
        name = line.partition(b",")[0].decode("utf-8", "replace")
        if os.sep in name or "/" in name:
            continue
        if name.endswith(".pth"):
            yield from (("", path) for path in _pth(site, name))
        elif name.startswith("__editable__") and name.endswith("_finder.py"):
            yield from _mapping(f"{site}{os.sep}{name}").items()


def _pth(site: str, name: str) -> Iterator[str]:
    """Yield the directories that a ``.pth`` file adds to ``sys.path``."""
    try:
        data = read_file(f"{site}{os.sep}{name}")
    except OSError:
        return
    for line in data.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text and not text.startswith(("#", "import ", "import\t")):
            yield os.path.join(site, text)


def _mapping(path: str) -> dict[str, str]:
    """Return the packages and their paths in a finder that setuptools writes for an editable install."""
    try:
        found = bindings(parse(read_file(path), path).body) or {}
        statement = found.get("MAPPING")
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
            return {str(key): str(value) for key, value in ast.literal_eval(statement.value).items()}
    except (OSError, AttributeError, *ERRORS):
        pass
    return {}
