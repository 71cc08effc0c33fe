"""Find a class in the source of its package, with its base classes, and the literals in its body. Runs nothing.

Base classes in other modules of the same package are followed, and the method resolution order is computed. Where it is
not certain, it ends in ``UNKNOWN_BASE``, which may declare anything.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from floe_plugins.core.categories import Category
from floe_plugins.core.refs import FLOE_CATEGORIES
from floe_plugins.inspection.parsing import WORD, Module, bindings, nodes
from floe_plugins.inspection.source_files import SourceModules

_PLATFORM = __name__.partition(".")[0]
BASE = (f"{_PLATFORM}.hookspecs.base", "PluginMetadata")
_CATEGORIES = {category.spec_name: category for category in FLOE_CATEGORIES}
_EXPORTED = {name: (module, name) for module, name in (*_CATEGORIES, BASE)}

_FINAL = {("typing", "final"), ("typing_extensions", "final")}
_MAX_DEPTH = 50
_MAX_BASES = 16  # of one class
_MAX_CLASSES = 128  # looked at for one plugin
_MAX_ALIASES = 1_000
_BEHIND = 16  # bytes that are looked at behind an attribute


class Definition(NamedTuple):
    """A class or another expression, and the module that contains it."""

    module: Module
    node: ast.ClassDef | ast.expr


class ExternalName(NamedTuple):
    """A name in a module of another package. An empty name stands for the module itself.

    Attributes:
        module: the full name of the module.
        name: a name in it.
    """

    module: str
    name: str


Mro = list[Definition | ExternalName]

# A base class whose source cannot be read; it may declare anything.
UNKNOWN_BASE = ExternalName("", "")


class ClassReader:
    """Reads one class. Follows names across the modules of its top-level package.

    Knows the category classes of floe and the one of ``own``, the category of the class. Whoever's that is, it is taken
    to declare no metadata, as those of floe do.
    """

    def __init__(self, sources: SourceModules, package: str, own: Category | None = None) -> None:
        self._sources = sources
        self._own = own
        self._package = package
        self._categories: set[Category] = set()
        # By the id of the class's node, which its module keeps alive.
        self._orders: dict[int, Mro] = {}

        self._bodies: dict[int, dict[str, ast.stmt | None]] = {}
        self._stored: dict[int, frozenset[str]] = {}

    @property
    def category(self) -> Category | None:
        """The category whose class is among the base classes read so far; None if there is none, or are several."""
        return next(iter(self._categories)) if len(self._categories) == 1 else None

    def mro(self, name: str, attribute: str) -> Mro | None:
        """Return the method resolution order of the class called ``attribute`` in the module ``name``.

        None means that it is not known what that is.
        """
        module = self._sources.module(name)
        found = self.resolve(module, attribute) if module else None
        if not module or not isinstance(found, Definition) or module.sets_attribute_of(attribute):
            return None
        return self._mro(found, 0)

    def body(self, each: Definition | ExternalName) -> dict[str, ast.stmt | None]:
        """Return the bindings in the body of a class; none for a class of another package."""
        if not isinstance(each, Definition) or not isinstance(each.node, ast.ClassDef):
            return {}
        known = self._bodies.get(id(each.node))
        if known is None:
            known = self._bodies[id(each.node)] = bindings(each.node.body) or {}
        return known

    def sets_on_instance(self, found: Definition, field: str) -> bool:
        """Return whether a method may set the attribute on instances, as ``self.version = ...`` does."""
        attribute = f".{field}".encode()
        if not _may_store(found.module.source, attribute):
            return False
        parts = found.module.parts(found.node, lambda source: _may_store(source, attribute))
        return parts is None or any(field in self._stored_attributes(part) for part in parts)

    def _stored_attributes(self, part: ast.AST) -> frozenset[str]:
        known = self._stored.get(id(part))
        if known is None:
            known = self._stored[id(part)] = frozenset(_stored_attributes(part))
        return known

    def resolve(self, module: Module, name: str) -> Definition | ExternalName | None:
        """Return the definition of a module-level name, following aliases and imports; None if it is unknown."""
        seen: set[tuple[str, str]] = set()
        while (module.name, name) not in seen and len(seen) < _MAX_ALIASES:
            seen.add((module.name, name))
            statement = module.bindings.get(name)
            if isinstance(statement, ast.ClassDef):
                return Definition(module, statement)
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
                if not isinstance(statement.value, ast.Name):
                    return Definition(module, statement.value)
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

    def resolve_expression(self, module: Module, node: ast.expr) -> Definition | ExternalName | None:
        """Return the definition of a name or a dotted name, as ``resolve``."""
        if isinstance(node, ast.Name):
            return self.resolve(module, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.resolve_expression(module, node.value)
            if isinstance(owner, ExternalName):
                path = f"{owner.module}.{owner.name}" if owner.name else owner.module
                return ExternalName(path, node.attr)
        return None

    def _is_modified(self, module: Module, node: ast.ClassDef) -> bool:
        """Return whether a decorator, metaclass or later statement may change a class."""
        if node.keywords or module.sets_attribute_of(node.name):
            return True
        return any(self.resolve_expression(module, each) not in _FINAL for each in node.decorator_list)

    def _mro(self, found: Definition, depth: int) -> Mro:
        """Return the method resolution order, ending in ``UNKNOWN_BASE`` where it is not certain.

        That of each class is computed once: in a wide graph, the number of paths to a class grows exponentially.
        """
        node = found.node
        if not isinstance(node, ast.ClassDef) or depth > _MAX_DEPTH:
            return [UNKNOWN_BASE]
        known = self._orders.get(id(node))
        if known is None and len(self._orders) > _MAX_CLASSES:
            return [UNKNOWN_BASE]
        if known is None:
            known = self._orders[id(node)] = [UNKNOWN_BASE]  # for a class that derives from itself
            if not self._is_modified(found.module, node):
                known = self._orders[id(node)] = self._linearized(found, node.bases, depth)
        return known

    def _linearized(self, found: Definition, bases: Sequence[ast.expr], depth: int) -> Mro:
        if len(bases) > _MAX_BASES:
            return [found, UNKNOWN_BASE]
        orders = [self._mro_of_base(found.module, base, depth + 1) for base in bases]
        if len(orders) == 1 and len(orders[0]) < _MAX_CLASSES:
            return [found, *orders[0]]
        if any(UNKNOWN_BASE in order for order in orders) or max(map(len, orders), default=0) >= _MAX_CLASSES:
            return [found, UNKNOWN_BASE]
        return [found, *_merge(orders)]

    def _mro_of_base(self, module: Module, node: ast.expr, depth: int) -> Mro:
        """Return the method resolution order of a base class, and record the category if it is a category class."""
        base = self.resolve_expression(module, node)
        if isinstance(base, Definition):
            return self._mro(base, depth)
        if base is None:
            return [UNKNOWN_BASE]
        if self._own is not None and _is_spec(base, self._own):
            self._categories.add(self._own)
            return [base, ExternalName(*BASE)]
        home = _EXPORTED.get(base.name, UNKNOWN_BASE) if base.module == _PLATFORM else base
        if home in _CATEGORIES:
            self._categories.add(_CATEGORIES[home])
            return [ExternalName(*home), ExternalName(*BASE)]
        return [ExternalName(*BASE)] if home == BASE else [UNKNOWN_BASE]

    def literal(self, module: Module, statement: ast.stmt | None, body: dict[str, ast.stmt | None]) -> Any:
        """Return the value that a statement of a class body assigns, or None if it is not a literal.

        A module-level name that stands for a literal counts as one.
        """
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            return None
        value = statement.value
        if isinstance(value, ast.Name) and value.id not in body:
            found = self.resolve(module, value.id)
            value = found.node if isinstance(found, Definition) and isinstance(found.node, ast.expr) else value
        try:
            return ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None


def _is_spec(found: ExternalName, category: Category) -> bool:
    """Return whether a name is that of the category's class, in its module or in a package that holds this."""
    module, name = category.spec_name
    return found.name == name and f"{module}.".startswith(f"{found.module}.")


def _may_store(source: bytes, attribute: bytes) -> bool:
    """Return whether an attribute of a name may be set or deleted, by what stands around it. Never wrongly false."""
    end = -1
    while (begin := source.find(attribute, end + 1)) >= 0:
        end = begin + len(attribute)
        if _is_of_attribute(source, begin):
            continue
        behind = source[end : end + _BEHIND]
        # What is called, subscripted, continued, formatted or longer is read alone.
        if behind[:1] and (behind[0] in b"(.[}!" or behind[0] in WORD):
            continue
        behind = behind.lstrip(b" ")
        # So is what is compared.
        if behind.startswith((b"==", b"!=")):
            continue
        # So is what a keyword follows, except the one behind the target of a loop.
        if behind[:1].isalpha() and not behind.startswith(b"in"):
            continue
        return True
    return False


def _is_of_attribute(source: bytes, dot: int) -> bool:
    """Return whether what stands before a dot is an attribute itself, as in ``self.other.name``, and no name."""
    begin = dot
    while begin and source[begin - 1] in WORD:
        begin -= 1
    return begin < dot and source[begin - 1 : begin] == b"."


def _stored_attributes(node: ast.AST) -> Iterator[str]:
    """Yield the attributes that statements set or delete on objects with a name."""
    for here in nodes(node):
        if isinstance(here, ast.Attribute) and not isinstance(here.ctx, ast.Load) and isinstance(here.value, ast.Name):
            yield here.attr


def _imported(module: Module, statement: ast.stmt | None, name: str) -> ExternalName | None:
    """Return what an import statement binds to ``name``, or None if it is not an import."""
    if isinstance(statement, ast.Import):
        alias = next(each for each in statement.names if (each.asname or each.name.partition(".")[0]) == name)
        return ExternalName(alias.name if alias.asname else name, "")
    if isinstance(statement, ast.ImportFrom):
        origin = module.absolute(statement)
        alias = next(each for each in statement.names if (each.asname or each.name) == name)
        return ExternalName(origin, alias.name) if origin else None
    return None


def _merge(orders: list[Mro]) -> Mro:
    """Return the C3 linearization of the orders of the bases, or ``UNKNOWN_BASE`` if there is none."""
    rest = [order[::-1] for order in (*orders, [order[0] for order in orders if order]) if order]  # heads at the end
    behind = Counter(each for order in rest for each in order[:-1])  # how often each is no head
    merged: Mro = []
    while rest:
        head = next((order[-1] for order in rest if not behind[order[-1]]), None)
        if head is None or len(merged) >= _MAX_CLASSES:
            return [UNKNOWN_BASE]
        merged.append(head)
        for order in rest:
            if order[-1] == head:
                order.pop()
                if order:
                    behind[order[-1]] -= 1
        rest = [order for order in rest if order]
    return merged
