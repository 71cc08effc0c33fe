"""Parse the source of a module: the statements that bind its names, and what other statements change. Runs nothing."""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from floe_plugins.core.locks import forkable_lock
from floe_plugins.inspection.outline import Functions, outline

# A module whose source has none of these words, nor sys.modules, binds its names by the statements that it shows alone.
_REBINDING_WORDS = (b"global", b"globals", b"exec")

# The characters of names; those that are not ASCII are bytes from 0x80 on.
WORD = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset(range(0x80, 0x100))

_lock = forkable_lock()


# What parsing raises for sources that are not valid, or too much for it.
ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError, SystemError)


class Module:
    """A parsed module. Functions are parsed only where what they contain matters.

    Attributes:
        name: its full name.
        path: its file.
        is_package: whether it is the module of a package.
        bindings: the top-level statement that binds each name; None if there are several
            statements, or one that may not run.
        source: the content of the file.
    """

    def __init__(  # noqa: PLR0913 a record, but making one with attrs takes as long as parsing a plugin
        self,
        name: str,
        path: str,
        *,
        is_package: bool,
        bindings: dict[str, ast.stmt | None],
        source: bytes,
        functions: Functions,
    ) -> None:
        self.name = name
        self.path = path
        self.is_package = is_package
        self.bindings = bindings
        self.source = source
        self._functions = functions
        self._parsed: dict[int, ast.Module | None] = {}

    def absolute(self, statement: ast.ImportFrom) -> str | None:
        """Return the full name of the module in a ``from ... import``, or None if it is above the top package."""
        if not statement.level:
            return statement.module
        parts = self.name.split(".")
        package = parts[: max(0, len(parts) - statement.level + self.is_package)]
        return ".".join(filter(None, [*package, statement.module])) if package else None

    def sets_attribute_of(self, name: str) -> bool:
        """Return whether a statement of the module may set or delete an attribute of the object called ``name``."""
        # Parsing all functions takes long, and most modules have no name.attribute.
        if not _may_change(self.source, name.encode("utf-8", "replace")):
            return False
        return self._changed_names is None or name in self._changed_names

    @functools.cached_property
    def _changed_names(self) -> frozenset[str] | None:
        """The names of all objects an attribute of which a statement sets or deletes; None if that is not known."""
        try:
            whole = parse(self.source, self.path)
        except ERRORS:
            return None
        return frozenset(name for node in nodes(whole) if (name := _changed_name(node)) is not None)

    def parts(self, node: ast.stmt | ast.expr, is_wanted: Callable[[bytes], bool]) -> list[ast.AST] | None:
        """Return a statement of the module, and those functions in it whose source is wanted.

        Its own tree may lack the bodies of functions. None means that one of them is not valid.
        """
        first, last = node.lineno, node.end_lineno or node.lineno
        functions = [(line, source) for line, source in self._functions.items() if first <= line <= last]
        found = [self._function(line, source) for line, source in functions if is_wanted(source)]
        return None if None in found else [node, *filter(None, found)]

    def _function(self, line: int, source: bytes) -> ast.Module | None:
        if line not in self._parsed:
            try:
                self._parsed[line] = _parse_function(source, self.path)
            except ERRORS:
                self._parsed[line] = None
        return self._parsed[line]


def _may_change(source: bytes, name: bytes) -> bool:
    """Return whether a name stands before a dot or in ``setattr(`` and the like, also in a comment or text."""
    return any(
        source.startswith(b".", _skip(source, begin + len(name))) or _is_argument_of_attr(source, begin)
        for begin in _places(source, name)
    )


def _places(source: bytes, word: bytes) -> Iterator[int]:
    """Yield where a word begins that is no part of a longer one."""
    begin = source.find(word)
    while begin >= 0:
        end = begin + len(word)
        if (not begin or source[begin - 1] not in WORD) and (end == len(source) or source[end] not in WORD):
            yield begin
        begin = source.find(word, end)


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
        names = _names_of_one(statement) or _bound_names(statement)
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


# The classes of nodes are compared and not asked for their base classes: most of the time goes here.
_SCOPES = frozenset({ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef})
_NAMED = frozenset({ast.ExceptHandler, ast.MatchAs, ast.MatchStar})


def _names_of_one(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of the most frequent kinds binds, which is found sooner than for any other."""
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
        return {statement.name}
    return (
        {_name_of(alias) for alias in statement.names} if isinstance(statement, (ast.ImportFrom, ast.Import)) else set()
    )


def _bound_names(statement: ast.stmt) -> set[str]:
    """Return all names that a statement binds, also in nested statements, but not those local to a function."""
    names = set[str]()
    rest: list[Any] = [statement]
    while rest:
        node = rest.pop()
        kind = node.__class__
        if kind is list:
            rest += [each for each in node if each.__class__ not in _ENDS]
        elif kind in _SCOPES:
            names.add(node.name)
        elif kind is ast.Name:
            if node.ctx.__class__ is not ast.Load:
                names.add(node.id)
        elif kind is not ast.Constant:
            if kind is ast.alias:
                names.add(_name_of(node))
            elif kind in _NAMED and node.name:
                names.add(node.name)
            elif kind is ast.MatchMapping and node.rest:
                names.add(node.rest)
            rest += [each for each in node.__dict__.values() if each.__class__ not in _ENDS]
    return names


def _name_of(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def read_module(name: str, source: bytes, path: str, *, is_package: bool, whole: bool = False) -> Module | None:
    """Return the module with a source; None if it is invalid, or may rebind any name.

    Functions are parsed only where they may rebind names, so that errors in the others are not noticed. ``whole``
    parses them as well.
    """
    try:
        rest, tree, functions = _parse_outline(source, path, whole=whole)
        found = bindings(tree.body)
        if found is None:
            return None
        for part in _rebinding_parts(rest, tree, functions, path) if _may_rebind(source) else ():
            if not _drop_rebound_names(part, found):
                return None
    except ERRORS:
        return None
    return Module(name, path, is_package=is_package, bindings=found, source=source, functions=functions)


def _parse_outline(source: bytes, path: str, *, whole: bool) -> tuple[bytes, ast.Module, Functions]:
    """Return the outline of a source, its tree and the functions that it lacks; else all of the source, and none."""
    rest, functions = (source, {}) if whole else outline(source)
    try:
        return rest, parse(rest, path), functions
    except SyntaxError:
        if not functions:
            raise
        return source, parse(source, path), {}


def _rebinding_parts(rest: bytes, tree: ast.Module, functions: Functions, path: str) -> Iterator[ast.Module]:
    """Yield what may rebind names by the words in it: the outline, and functions that it lacks."""
    if _may_rebind(rest):
        yield tree
    yield from (_parse_function(each, path) for each in functions.values() if _may_rebind(each))


def _parse_function(source: bytes, path: str) -> ast.Module:
    return parse(b"if 1:\n" + source if source.startswith(b" ") else source, path)


def _may_rebind(source: bytes) -> bool:
    # Not by a regular expression: compiling it takes as long as parsing a plugin.
    has_words = any(True for word in _REBINDING_WORDS for _ in _places(source, word))
    return has_words or any(_is_attribute_of_sys(source, begin) for begin in _places(source, b"modules"))


def _is_attribute_of_sys(source: bytes, begin: int) -> bool:
    dot = _skip_back(source, begin) - 1
    owner = _skip_back(source, dot) - len(b"sys")
    return source[dot : dot + 1] == b"." and owner in _places(source, b"sys")


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


def parse(source: bytes, path: str) -> ast.Module:
    """Return the tree of a source, without warnings of it.

    Raises:
        SyntaxError: it is not valid. This and others are ``ERRORS``.
    """
    # Some CPythons (such as 3.11.7) count the depth of trees that several threads build
    # as one, and raise SystemError (python/cpython#106905).
    with _lock:
        if b"\\" not in source:
            return ast.parse(source, path)
        # Parsing warns of invalid escapes, and importing will do so again. Changing the filters
        # is not thread-safe, so it is done only if there may be such a warning.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, path)
