"""Parse the source files of an installed distribution. Imports and runs nothing.

Modules are found beside the metadata of the distribution, and for an editable install through
its ``.pth`` files and the finder that setuptools writes.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import threading
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from floe_plugins.core.candidate import Distribution
from floe_plugins.core.locks import forkable_lock
from floe_plugins.discovery.metadata_files import read_file

_MAX_SIZE = 1 << 20
_MAX_KEPT = 1 << 17  # bytes of source; the module parsed last is kept in any case

# A module whose source has none of these words binds its names by the statements that it shows alone.
_REBINDING_WORDS = rb"\bglobals?\b|\bexec\b|\bsys\s*\.\s*modules\b"

# The characters of names; those that are not ASCII are bytes from 0x80 on.
WORD = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset(range(0x80, 0x100))

_parse_lock = forkable_lock()


class Module:
    """A parsed module.

    Attributes:
        name: its full name.
        path: its file.
        is_package: whether it is the module of a package.
        bindings: the top-level statement that binds each name; None if there are several
            statements, or one that may not run.
        tree: all of it.
        source: the content of the file.
    """

    def __init__(  # noqa: PLR0913 a record, but making one with attrs takes as long as parsing a plugin
        self,
        name: str,
        path: str,
        *,
        is_package: bool,
        bindings: dict[str, ast.stmt | None],
        tree: ast.Module,
        source: bytes,
    ) -> None:
        self.name = name
        self.path = path
        self.is_package = is_package
        self.bindings = bindings
        self.tree = tree
        self.source = source

    def absolute(self, statement: ast.ImportFrom) -> str | None:
        """Return the full name of the module in a ``from ... import``, or None if it is above the top package."""
        if not statement.level:
            return statement.module
        parts = self.name.split(".")
        package = parts[: max(0, len(parts) - statement.level + self.is_package)]
        return ".".join(filter(None, [*package, statement.module])) if package else None

    def sets_attribute_of(self, name: str) -> bool:
        """Return whether a statement of the module sets or deletes an attribute of the object called ``name``."""
        # Walking the tree takes longer than parsing it, and most modules have no name.attribute.
        return _may_change(self.source, name.encode("utf-8", "replace")) and name in self._changed_names

    @functools.cached_property
    def _changed_names(self) -> frozenset[str]:
        """The names of all objects an attribute of which a statement sets or deletes."""
        return frozenset(name for node in nodes(self.tree) if (name := _changed_name(node)) is not None)


def _may_change(source: bytes, name: bytes) -> bool:
    """Return whether a name stands before a dot or in ``setattr(`` and the like, also in a comment or text."""
    begin = source.find(name)
    while begin >= 0:
        end = begin + len(name)
        is_whole = (not begin or source[begin - 1] not in WORD) and (end == len(source) or source[end] not in WORD)
        if is_whole and (source.startswith(b".", _skip(source, end)) or _is_argument_of_attr(source, begin)):
            return True
        begin = source.find(name, end)
    return False


def _is_argument_of_attr(source: bytes, begin: int) -> bool:
    head = _skip_back(source, begin)
    return source[head - 1 : head] == b"(" and source.endswith(b"attr", 0, _skip_back(source, head - 1))


def _skip(source: bytes, place: int) -> int:
    while source[place : place + 1].isspace():
        place += 1
    return place


def _skip_back(source: bytes, place: int) -> int:
    while source[place - 1 : place].isspace():
        place -= 1
    return place


class SourceModules:
    """The modules of one distribution. Each is parsed once, and not again while its file stays as it is.

    >>> from floe_plugins.core.candidate import Distribution
    >>> SourceModules(Distribution("acme", "1.0", "/nowhere/acme-1.0.dist-info")).module("acme")
    """

    def __init__(self, distribution: Distribution) -> None:
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
                    return _parsed.get(name, path, is_package=is_package)
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
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, bool], tuple[tuple[int, ...], int, Module | None]] = {}

    def get(self, name: str, path: str, *, is_package: bool) -> Module | None:
        """Return the module in a file, or None if it is too large or invalid, or may rebind any name.

        Raises:
            OSError: the file cannot be read.
            ValueError: the path contains a null byte.
        """
        key = (name, path, is_package)
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        with self._lock:
            known = self._kept.pop(key, None)
            if known is not None and known[0] == stamp:
                self._kept[key] = known  # now the last one used
                return known[2]
        source = read_file(path, _MAX_SIZE)
        module = _parse(name, source, path, is_package=is_package)
        with self._lock:
            self._kept[key] = (stamp, len(source), module)
            total = sum(size for _, size, _ in self._kept.values())
            for oldest in list(self._kept)[:-1]:
                if total <= _MAX_KEPT:
                    break
                total -= self._kept.pop(oldest)[1]
        return module


_parsed = _ParsedModules()


# What a tree has at its ends, most of which are positions.
_ENDS = frozenset({str, int, float, complex, bytes, bool, type(None), type(...), ast.Load, ast.Store, ast.Del})


def nodes(root: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, in no order that matters. Several times as fast as ``ast.walk``.

    >>> sorted(type(node).__name__ for node in nodes(ast.parse("x.y = 1")))
    ['Assign', 'Attribute', 'Constant', 'Module', 'Name']
    """
    rest: list[Any] = [root]
    while rest:
        here = rest.pop()
        if here.__class__ is list:
            rest += [each for each in here if each.__class__ not in _ENDS]
        else:
            yield here
            rest += [each for each in here.__dict__.values() if each.__class__ not in _ENDS]


def bindings(body: Iterable[ast.stmt]) -> dict[str, ast.stmt | None] | None:
    """Return the statement that binds each name of a body, as ``Module.bindings``; None if there is an ``import *``.

    >>> {name: statement is not None for name, statement in bindings(ast.parse("x = 1; y = 1; y = 2").body).items()}
    {'x': True, 'y': False}
    """
    found: dict[str, ast.stmt | None] = {}
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and statement.value is None:
            continue
        names = set(_bound_names(statement))
        if "*" in names:
            return None
        binding = statement if _is_simple(statement) else None
        for name in names:
            found[name] = None if name in found else binding
    return found


def _is_simple(statement: ast.stmt) -> bool:
    """Return whether a statement binds one name, always, and to what it shows."""
    if isinstance(statement, ast.Assign):
        return len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
    return isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AnnAssign, ast.Import, ast.ImportFrom))


def _bound_names(statement: ast.AST) -> Iterator[str]:
    """Yield all names that a statement binds, also in nested statements, but not those local to a function."""
    rest: list[object] = [statement]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest += node
            continue
        if not isinstance(node, ast.AST) or isinstance(node, ast.Constant):
            continue
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
            continue
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                yield node.id
            continue
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        rest += node.__dict__.values()


def _parse(name: str, source: bytes, path: str, *, is_package: bool) -> Module | None:
    if len(source) > _MAX_SIZE:
        return None
    try:
        tree = _tree(source, path)
        found = bindings(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return None
    if found is None or (_may_rebind(source) and not _drop_rebound_names(tree, found)):
        return None
    return Module(name, path, is_package=is_package, bindings=found, tree=tree, source=source)


def _may_rebind(source: bytes) -> bool:
    # Searching for the words comes first: most sources have none, and compiling the pattern takes longer.
    has_words = b"global" in source or b"exec" in source or b"modules" in source
    return has_words and re.search(_REBINDING_WORDS, source) is not None


def _drop_rebound_names(tree: ast.Module, found: dict[str, ast.stmt | None]) -> bool:
    """Set names that functions rebind to None. Return false if any name may be rebound."""
    for node in nodes(tree):
        if isinstance(node, ast.Global):
            found.update(dict.fromkeys(node.names))
        elif _may_rebind_any_name(node):
            return False
    return True


def _may_rebind_any_name(node: ast.AST) -> bool:
    """Return whether a node uses ``exec`` or ``globals``, or replaces a module in ``sys.modules``."""
    if isinstance(node, ast.Subscript):  # sys.modules[__name__] = ...
        changed = not isinstance(node.ctx, ast.Load)
        return changed and isinstance(node.value, ast.Attribute) and node.value.attr == "modules"
    return isinstance(node, ast.Name) and node.id in {"exec", "globals"}


def _changed_name(node: ast.AST) -> str | None:
    """Return ``name`` if a node sets or deletes ``name.attribute``, directly or by ``setattr`` or ``delattr``."""
    changed: ast.expr | None = None
    if isinstance(node, ast.Attribute):
        changed = None if isinstance(node.ctx, ast.Load) else node.value
    elif isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name):
        changed = node.args[0] if node.func.id in {"setattr", "delattr"} else None
    return changed.id if isinstance(changed, ast.Name) else None


def _tree(source: bytes, path: str) -> ast.Module:
    # Some CPythons (such as 3.11.7) count the depth of trees that several threads build
    # as one, and raise SystemError (python/cpython#106905).
    with _parse_lock:
        if b"\\" not in source:
            return ast.parse(source, path)
        # Parsing warns of invalid escapes, and importing will do so again. Changing the filters
        # is not thread-safe, so it is done only if there may be such a warning.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, path)


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
        found = bindings(_tree(read_file(path), path).body) or {}
        statement = found.get("MAPPING")
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
            return {str(key): str(value) for key, value in ast.literal_eval(statement.value).items()}
    except (OSError, SyntaxError, ValueError, AttributeError, RecursionError, MemoryError, SystemError):
        pass
    return {}
