"""Read from the source of a plugin class where it stands, which hooks it implements and which settings it has.

Imports and runs nothing. As for the metadata, None means "known when loaded".
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from floe_plugins.core.candidate import Candidate
from floe_plugins.hookspecs.base import hook_names
from floe_plugins.inspection.class_source import BASE, UNKNOWN_BASE, ClassReader, Definition, ExternalName, Mro
from floe_plugins.inspection.parsing import Module, nodes
from floe_plugins.inspection.static_metadata import is_changed_by_a_base, open_class

_MODELS = {("pydantic", "BaseModel"), ("pydantic.main", "BaseModel")}
_MAX_MODELS = 16
# What gives a field another name in the configuration.
_ALIASES = {"alias", "validation_alias", "alias_generator"}


class StaticDetails(NamedTuple):
    """The facts that the source of a plugin class states.

    Attributes:
        file: the file of the class.
        line: the line on which it begins.
        hooks: the hooks that it, or a base class of the same package, implements.
        settings: the keys of its configuration; none where it has no schema.
    """

    file: str | None = None
    line: int | None = None
    hooks: tuple[str, ...] | None = None
    settings: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}


UNKNOWN = StaticDetails()


def details_of(candidate: Candidate) -> StaticDetails:
    """Return what the source of a candidate's class says. Imports the class of its category alone. Never raises."""
    category = candidate.ref.type
    try:
        hooks = hook_names(category.spec, category.platform)
    except Exception:  # noqa: BLE001 a distribution may have added the category, whose module may raise anything
        return UNKNOWN
    return read_details(candidate, hooks)


def read_details(candidate: Candidate, hooks: Collection[str]) -> StaticDetails:
    """Return what the source of a candidate's class says; ``hooks`` are those of its category. Never raises."""
    try:
        reader, mro = open_class(candidate)
        if not mro or not isinstance(mro[0], Definition):
            return UNKNOWN
        found = StaticDetails(mro[0].module.path, mro[0].node.lineno)
        if UNKNOWN_BASE in mro or is_changed_by_a_base(reader, mro):
            return found
        return found._replace(hooks=_hooks(reader, mro, hooks), settings=_settings(reader, mro))
    except RecursionError:  # an expression that is nested very deeply
        return UNKNOWN


def _hooks(reader: ClassReader, mro: Mro, hooks: Collection[str]) -> tuple[str, ...] | None:
    if any(isinstance(each, Definition) and reader.sets_on_instance(each, hook) for each in mro for hook in hooks):
        return None
    bound = {name for each in mro for name in reader.body(each)}
    return tuple(sorted(bound.intersection(hooks)))


def _settings(reader: ClassReader, mro: Mro) -> tuple[str, ...] | None:
    for each in mro:
        if each == BASE:
            return ()
        if not isinstance(each, Definition):
            continue
        if reader.sets_on_instance(each, "config_schema"):
            return None
        body = reader.body(each)
        if "config_schema" in body:
            statement = body["config_schema"]
            is_value = isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None
            return _of_value(reader, each, statement.value) if is_value else None  # type: ignore[union-attr]
    return ()


def _of_value(reader: ClassReader, owner: Definition, value: ast.expr) -> tuple[str, ...] | None:
    if isinstance(value, ast.Constant) and value.value is None:
        return ()
    found = reader.resolve_expression(owner.module, value)
    return _fields(reader, [found], 0) if isinstance(found, Definition) else None


def _fields(
    reader: ClassReader, models: Sequence[Definition | ExternalName | None], depth: int
) -> tuple[str, ...] | None:
    """Return the fields of models and their base classes, the base classes' first; None if they are not certain."""
    fields: dict[str, None] = {}
    for each in models:
        if isinstance(each, ExternalName) and each in _MODELS:
            continue
        if not isinstance(each, Definition) or not isinstance(each.node, ast.ClassDef) or depth > _MAX_MODELS:
            return None
        if each.node.decorator_list or each.node.keywords or _has_aliases(each.module, each.node):
            return None
        bases = [reader.resolve_expression(each.module, base) for base in each.node.bases]
        inherited = _fields(reader, bases, depth + 1) if bases else None
        if inherited is None:
            return None
        fields |= dict.fromkeys(inherited)
        for name, statement in reader.body(each).items():
            if isinstance(statement, ast.AnnAssign) and not _is_no_field(name, statement):
                fields[name] = None
            elif statement is None:
                return None
    return tuple(fields)


def _is_no_field(name: str, statement: ast.AnnAssign) -> bool:
    return name.startswith("_") or name == "model_config" or "ClassVar" in ast.dump(statement.annotation)


def _has_aliases(module: Module, node: ast.ClassDef) -> bool:
    parts = module.parts(node, lambda source: b"alias" in source)
    inner = [each for part in parts or () for each in nodes(part)]
    words = {each.arg for each in inner if isinstance(each, ast.keyword)}
    keys = {each.value for each in inner if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return parts is None or not _ALIASES.isdisjoint(words | keys)
