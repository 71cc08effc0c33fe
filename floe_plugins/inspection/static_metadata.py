"""Read the metadata of a plugin class from its source. Imports and runs nothing.

For each class, the reader finds its base classes, also those in other modules of the same package,
computes the method resolution order, and takes the first assignment of each attribute in that order.

A value is known only if the class or a base class in the same package assigns a literal,
and no other statement can change it. All others are None, which means "known when loaded".
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginType
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.inspection.source_files import Module, SourceModules, bindings

_PLATFORM = __name__.partition(".")[0]
_BASE = (f"{_PLATFORM}.hookspecs.base", "PluginMetadata")
_CATEGORIES = {member.spec_name: member for member in PluginType}
_EXPORTED = {name: (module, name) for module, name in (*_CATEGORIES, _BASE)}

# The defaults of PluginMetadata. Importing it would take longer than reading the source of a plugin.
_DEFAULTS: dict[str, Any] = {"description": "", "dependencies": (), "optional_dependencies": ()}
_FINAL = {("typing", "final"), ("typing_extensions", "final")}
_MAX_DEPTH = 50
_MAX_BASES = 16  # of one class
_MAX_CLASSES = 128  # looked at for one plugin
_MAX_ALIASES = 1_000


@attrs.frozen(kw_only=True)
class StaticMetadata(Record):
    """The metadata of a plugin class that has not been imported. None means "known when loaded".

    Attributes:
        floe_api_version: the literal, also if it is not a string.
        category: the category whose class it derives from.
    """

    name: str | None = None
    version: str | None = None
    floe_api_version: Any = None
    description: str | None = None
    dependencies: tuple[str, ...] | None = None
    optional_dependencies: tuple[str, ...] | None = None
    category: PluginType | None = None


UNKNOWN = StaticMetadata()


def read(candidate: Candidate) -> StaticMetadata:
    """Return what the source of a candidate's class declares. Reads files of its distribution. Never raises."""
    value = parse_value(candidate.value)
    if value is None or not value.attribute or "." in value.attribute:
        return UNKNOWN
    try:
        return _Reader(SourceModules(candidate.distribution), value.module.partition(".")[0]).read(*value)
    except RecursionError:  # an expression that is nested very deeply
        return UNKNOWN


class _Definition(NamedTuple):
    """A class or another expression, and the module that contains it."""

    module: Module
    node: ast.ClassDef | ast.expr


class _ExternalName(NamedTuple):
    """A name in a module of another package. An empty name stands for the module itself."""

    module: str
    name: str


_Mro = list[_Definition | _ExternalName]

# A base class whose source cannot be read; it may declare anything.
_UNKNOWN_BASE = _ExternalName("", "")


class _Reader:
    """Reads one class. Follows names across the modules of its top-level package."""

    def __init__(self, sources: SourceModules, package: str) -> None:
        self._sources = sources
        self._package = package
        self._categories: set[PluginType] = set()
        # By the id of the class's node, which its module keeps alive.
        self._orders: dict[int, _Mro] = {}

    def read(self, name: str, attribute: str) -> StaticMetadata:
        """Return the metadata of the class called ``attribute`` in the module ``name``."""
        module = self._sources.module(name)
        found = self._resolve(module, attribute) if module else None
        if not module or not isinstance(found, _Definition) or module.sets_attribute_of(attribute):
            return UNKNOWN
        mro = self._mro(found, 0)
        category = next(iter(self._categories)) if len(self._categories) == 1 else None
        if any("__init_subclass__" in _body(each) for each in mro[1:]):
            return StaticMetadata(category=category)
        return StaticMetadata(
            name=_string(self._lookup(mro, "name")),
            version=_string(self._lookup(mro, "version")),
            floe_api_version=self._lookup(mro, "floe_api_version"),
            description=_string(self._lookup(mro, "description")),
            dependencies=_strings(self._lookup(mro, "dependencies")),
            optional_dependencies=_strings(self._lookup(mro, "optional_dependencies")),
            category=category,
        )

    def _resolve(self, module: Module, name: str) -> _Definition | _ExternalName | None:
        """Return the definition of a module-level name, following aliases and imports; None if it is unknown."""
        seen: set[tuple[str, str]] = set()
        while (module.name, name) not in seen and len(seen) < _MAX_ALIASES:
            seen.add((module.name, name))
            statement = module.bindings.get(name)
            if isinstance(statement, ast.ClassDef):
                return _Definition(module, statement)
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
                if not isinstance(statement.value, ast.Name):
                    return _Definition(module, statement.value)
                name = statement.value.id
                continue
            imported = _imported(module, statement, name)
            if imported is None or imported.module.partition(".")[0] != self._package or not imported.name:
                return imported
            source = self._sources.module(imported.module)
            if source is None:
                return None
            module, name = source, imported.name
        return None

    def _resolve_expression(self, module: Module, node: ast.expr) -> _Definition | _ExternalName | None:
        """Return the definition of a name or a dotted name, as ``_resolve``."""
        if isinstance(node, ast.Name):
            return self._resolve(module, node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolve_expression(module, node.value)
            if isinstance(owner, _ExternalName):
                path = f"{owner.module}.{owner.name}" if owner.name else owner.module
                return _ExternalName(path, node.attr)
        return None

    def _is_modified(self, module: Module, node: ast.ClassDef) -> bool:
        """Return whether a decorator, metaclass or later statement may change a class."""
        if node.keywords or module.sets_attribute_of(node.name):
            return True
        return any(self._resolve_expression(module, each) not in _FINAL for each in node.decorator_list)

    def _mro(self, found: _Definition, depth: int) -> _Mro:
        """Return the method resolution order, ending in ``_UNKNOWN_BASE`` where it is not certain.

        That of each class is computed once: in a wide graph, the number of paths to a class grows exponentially.
        """
        node = found.node
        if not isinstance(node, ast.ClassDef) or depth > _MAX_DEPTH:
            return [_UNKNOWN_BASE]
        known = self._orders.get(id(node))
        if known is None and len(self._orders) > _MAX_CLASSES:
            return [_UNKNOWN_BASE]
        if known is None:
            known = self._orders[id(node)] = [_UNKNOWN_BASE]  # for a class that derives from itself
            if not self._is_modified(found.module, node):
                known = self._orders[id(node)] = self._linearized(found, node.bases, depth)
        return known

    def _linearized(self, found: _Definition, bases: Sequence[ast.expr], depth: int) -> _Mro:
        if len(bases) > _MAX_BASES:
            return [found, _UNKNOWN_BASE]
        orders = [self._mro_of_base(found.module, base, depth + 1) for base in bases]
        if len(orders) == 1 and len(orders[0]) < _MAX_CLASSES:
            return [found, *orders[0]]
        if any(_UNKNOWN_BASE in order for order in orders) or max(map(len, orders), default=0) >= _MAX_CLASSES:
            return [found, _UNKNOWN_BASE]
        return [found, *_merge(orders)]

    def _mro_of_base(self, module: Module, node: ast.expr, depth: int) -> _Mro:
        """Return the method resolution order of a base class, and record the category if it is a category class."""
        base = self._resolve_expression(module, node)
        if isinstance(base, _Definition):
            return self._mro(base, depth)
        if base is None:
            return [_UNKNOWN_BASE]
        home = _EXPORTED.get(base.name, _UNKNOWN_BASE) if base.module == _PLATFORM else base
        if home in _CATEGORIES:
            self._categories.add(_CATEGORIES[home])
            return [_ExternalName(*home), _ExternalName(*_BASE)]
        return [_ExternalName(*_BASE)] if home == _BASE else [_UNKNOWN_BASE]

    def _lookup(self, mro: _Mro, field: str) -> Any:
        """Return the value of a class attribute, or None if it is not known."""
        for each in mro:
            if isinstance(each, _Definition):
                body = _body(each)
                if _sets_on_instance(each, field):
                    return None
                if field in body:
                    return self._literal(each.module, body[field], body)
            elif each in {_BASE, _UNKNOWN_BASE}:
                return _DEFAULTS.get(field) if each == _BASE else None
        return None

    def _literal(self, module: Module, statement: ast.stmt | None, body: dict[str, ast.stmt | None]) -> Any:
        """Return the value that a statement of a class body assigns, or None if it is not a literal.

        A module-level name that stands for a literal counts as one.
        """
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            return None
        value = statement.value
        if isinstance(value, ast.Name) and value.id not in body:
            found = self._resolve(module, value.id)
            value = found.node if isinstance(found, _Definition) and isinstance(found.node, ast.expr) else value
        try:
            return ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None


def _imported(module: Module, statement: ast.stmt | None, name: str) -> _ExternalName | None:
    """Return what an import statement binds to ``name``, or None if it is not an import."""
    if isinstance(statement, ast.Import):
        alias = next(each for each in statement.names if (each.asname or each.name.partition(".")[0]) == name)
        return _ExternalName(alias.name if alias.asname else name, "")
    if isinstance(statement, ast.ImportFrom):
        origin = module.absolute(statement)
        alias = next(each for each in statement.names if (each.asname or each.name) == name)
        return _ExternalName(origin, alias.name) if origin else None
    return None


def _body(each: _Definition | _ExternalName) -> dict[str, ast.stmt | None]:
    """Return the bindings in the body of a class; none for a class of another package."""
    if isinstance(each, _Definition) and isinstance(each.node, ast.ClassDef):
        return bindings(each.node.body) or {}
    return {}


def _sets_on_instance(found: _Definition, field: str) -> bool:
    """Return whether a method may set the attribute on instances, as ``self.version = ...`` does."""
    if f".{field}".encode() not in found.module.source:
        return False
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == field
        and isinstance(node.value, ast.Name)
        and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(found.node)
    )


def _merge(orders: list[_Mro]) -> _Mro:
    """Return the C3 linearization of the orders of the bases, or ``_UNKNOWN_BASE`` if there is none."""
    rest = [order[::-1] for order in (*orders, [order[0] for order in orders if order]) if order]  # heads at the end
    behind = Counter(each for order in rest for each in order[:-1])  # how often each is no head
    merged: _Mro = []
    while rest:
        head = next((order[-1] for order in rest if not behind[order[-1]]), None)
        if head is None or len(merged) >= _MAX_CLASSES:
            return [_UNKNOWN_BASE]
        merged.append(head)
        for order in rest:
            if order[-1] == head:
                order.pop()
                if order:
                    behind[order[-1]] -= 1
        rest = [order for order in rest if order]
    return merged


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _strings(value: Any) -> tuple[str, ...] | None:
    is_known = isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_known else None
