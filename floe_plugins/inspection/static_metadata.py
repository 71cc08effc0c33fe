"""What a plugin's class declares as literals, read from its source. Nothing is imported or run.

Only what the statements plainly say counts; all else is "known when loaded".
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple, cast

import attrs

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginType
from floe_plugins.discovery.entry_points_txt import target
from floe_plugins.inspection.source_files import Module, SourceModules, bindings

_PLATFORM = __name__.partition(".")[0]
_BASE = (f"{_PLATFORM}.hookspecs.base", "PluginMetadata")
_CATEGORIES = {member.spec_name: member for member in PluginType}
_EXPORTED = {name: (module, name) for module, name in (*_CATEGORIES, _BASE)}

# What the base class declares. Not read from it, since importing it costs more than all the rest here.
_DEFAULTS: dict[str, Any] = {"description": "", "dependencies": (), "optional_dependencies": ()}
_FIELDS = ("name", "version", "floe_api_version", *_DEFAULTS)
_FINAL = {("typing", "final"), ("typing_extensions", "final")}
_MAX_DEPTH = 50


@attrs.frozen(kw_only=True)
class StaticMetadata(Record):
    """What is known of a plugin's class before it is imported; None means "known when loaded".

    Attributes:
        floe_api_version: the literal as it stands, also where it is no text.
        category: whose class it derives from.
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
    """What the source of the candidate's class says. Reads files of its distribution; never raises."""
    named = target(candidate.value)
    if named is None or not named.attribute or "." in named.attribute:
        return UNKNOWN
    return _Reader(SourceModules(candidate.distribution), named.module.partition(".")[0]).read(*named)


class _Found(NamedTuple):
    """A class or another expression, and the module that it stands in."""

    module: Module
    node: ast.ClassDef | ast.expr


class _Foreign(NamedTuple):
    """A name in a module of another distribution; without a name, the module itself."""

    module: str
    name: str


_Order = list[_Found | _Foreign]

# Stands for whatever a base that cannot be read may bring.
_OPAQUE = _Foreign("", "")


class _Reader:
    """Resolves names across the modules of one top-level package."""

    def __init__(self, sources: SourceModules, package: str) -> None:
        self._sources = sources
        self._package = package
        self._categories: set[PluginType] = set()

    def read(self, name: str, attribute: str) -> StaticMetadata:
        module = self._sources.module(name)
        found = self._resolve(module, attribute) if module else None
        if not isinstance(found, _Found) or not self._is_plain(found) or (module and module.is_touched(attribute)):
            return UNKNOWN
        ancestors = self._linear(found, 0)
        category = next(iter(self._categories)) if len(self._categories) == 1 else None
        if any("__init_subclass__" in _body(each) for each in ancestors[1:]):
            return StaticMetadata(category=category)
        values = {field: self._lookup(ancestors, field) for field in _FIELDS}
        return StaticMetadata(
            name=_text(values["name"]),
            version=_text(values["version"]),
            floe_api_version=values["floe_api_version"],
            description=_text(values["description"]),
            dependencies=_texts(values["dependencies"]),
            optional_dependencies=_texts(values["optional_dependencies"]),
            category=category,
        )

    def _resolve(self, module: Module, name: str) -> _Found | _Foreign | None:
        """What a module-level name plainly is, through aliases and imports."""
        seen: set[tuple[str, str]] = set()
        while (module.name, name) not in seen:
            seen.add((module.name, name))
            statement = module.bindings.get(name)
            if isinstance(statement, ast.ClassDef):
                return _Found(module, statement)
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
                if not isinstance(statement.value, ast.Name):
                    return _Found(module, statement.value)
                name = statement.value.id
                continue
            step = _imported(module, statement, name)
            if step is None or step.module.partition(".")[0] != self._package or not step.name:
                return step
            following = self._sources.module(step.module)
            if following is None:
                return None
            module, name = following, step.name
        return None

    def _resolve_expression(self, module: Module, node: ast.expr) -> _Found | _Foreign | None:
        if isinstance(node, ast.Name):
            return self._resolve(module, node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolve_expression(module, node.value)
            if isinstance(owner, _Foreign):
                path = f"{owner.module}.{owner.name}" if owner.name else owner.module
                return _Foreign(path, node.attr)
        return None

    def _is_plain(self, found: _Found) -> bool:
        """Whether it is a class that no decorator, metaclass or later statement can change."""
        module, node = found
        if not isinstance(node, ast.ClassDef) or node.keywords or module.is_touched(node.name):
            return False
        return all(self._resolve_expression(module, each) in _FINAL for each in node.decorator_list)

    def _linear(self, found: _Found, depth: int) -> _Order:
        """The method resolution order, as far as it is sure, then ``_OPAQUE``."""
        node = found.node
        if not isinstance(node, ast.ClassDef) or depth > _MAX_DEPTH:
            return [_OPAQUE]
        orders = [self._base(found.module, base, depth + 1) for base in node.bases]
        if len(orders) == 1:
            return [found, *orders[0]]
        if any(_OPAQUE in order for order in orders):
            return [found, _OPAQUE]
        return [found, *_merge(orders)]

    def _base(self, module: Module, node: ast.expr, depth: int) -> _Order:
        base = self._resolve_expression(module, node)
        if isinstance(base, _Found):
            return self._linear(base, depth) if self._is_plain(base) else [_OPAQUE]
        if base is None:
            return [_OPAQUE]
        home = _EXPORTED.get(base.name, _OPAQUE) if base.module == _PLATFORM else base
        if home in _CATEGORIES:
            self._categories.add(_CATEGORIES[home])
            return [_Foreign(*home), _Foreign(*_BASE)]
        return [_Foreign(*_BASE)] if home == _BASE else [_OPAQUE]

    def _lookup(self, ancestors: _Order, field: str) -> Any:
        """The literal that an attribute of the class has, None where it is not known."""
        for each in ancestors:
            if isinstance(each, _Found):
                body = _body(each)
                if _sets(each, field):
                    return None
                if field in body:
                    return self._literal(each.module, body[field], body)
            elif each == _BASE:
                return _DEFAULTS.get(field)
            elif each == _OPAQUE:
                return None
        return None

    def _literal(self, module: Module, statement: ast.stmt | None, body: dict[str, ast.stmt | None]) -> Any:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            return None
        value = statement.value
        if isinstance(value, ast.Name) and value.id not in body:
            found = self._resolve(module, value.id)
            value = found.node if isinstance(found, _Found) and isinstance(found.node, ast.expr) else value
        try:
            return ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None


def _imported(module: Module, statement: ast.stmt | None, name: str) -> _Foreign | None:
    if isinstance(statement, ast.Import):
        alias = next(each for each in statement.names if (each.asname or each.name.partition(".")[0]) == name)
        return _Foreign(alias.name if alias.asname else name, "")
    if isinstance(statement, ast.ImportFrom):
        origin = module.absolute(statement)
        alias = next(each for each in statement.names if (each.asname or each.name) == name)
        return _Foreign(origin, alias.name) if origin else None
    return None


def _body(each: _Found | _Foreign) -> dict[str, ast.stmt | None]:
    if isinstance(each, _Found) and isinstance(each.node, ast.ClassDef):
        return bindings(each.node.body) or {}
    return {}


def _sets(found: _Found, field: str) -> bool:
    """Whether a method may give instances another value, as ``self.version = ...`` does."""
    if f".{field}".encode() not in found.module.source:
        return False
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == field
        and isinstance(node.value, ast.Name)
        and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(found.node)
    )


def _merge(orders: list[_Order]) -> _Order:
    """The C3 linearization of the bases' orders; ``_OPAQUE`` where there is none."""
    rest: list[_Order] = [order for order in (*orders, [order[0] for order in orders]) if order]
    merged: _Order = []
    while rest:
        head = next((order[0] for order in rest if not any(order[0] in other[1:] for other in rest)), None)
        if head is None:
            return [_OPAQUE]
        merged.append(head)
        rest = [left for order in rest if (left := [each for each in order if each != head])]
    return merged


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, (list, tuple)):
        return None
    items = cast("list[object]", value)
    texts = [each for each in items if isinstance(each, str)]
    return tuple(texts) if len(texts) == len(items) else None
