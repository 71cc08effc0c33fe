"""Read the hooks of a category from the source of its class: signatures, docstrings, and what their types need."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from floe_plugins.core.categories import Category

_BASE = "floe_plugins.hookspecs.base"
_NOQA = re.compile(r"\s*# noqa:.*")


class Hook(NamedTuple):
    """A hook as its category declares it.

    Attributes:
        name: its name.
        signature: the lines from ``def`` to the colon, as they stand in a class.
        docstring: the lines of its docstring, as they stand in a class.
        arguments: the names of its arguments, without ``self``.
        is_required: whether a plugin has to implement it.
        added_in: the version of the API that added it; empty for the first one.
    """

    name: str
    signature: tuple[str, ...]
    docstring: tuple[str, ...]
    arguments: tuple[str, ...]
    is_required: bool
    added_in: str = ""


class Contract(NamedTuple):
    """The hooks of a category, and where the names in their signatures are imported from.

    Attributes:
        hooks: by name, in the order of the class; the lifecycle hooks first.
        imports: for each name that a signature may use, the statement that imports it.
    """

    hooks: dict[str, Hook]
    imports: dict[str, str]


def read_contract(category: Category) -> Contract:
    """Return the hooks of a category, as the source of its class declares them. Imports nothing of another host.

    It is read once in a process.

    >>> from floe_plugins import PluginType
    >>> hook = read_contract(PluginType.SECRETS).hooks["get_secret"]
    >>> hook.arguments, hook.is_required, [*read_contract(PluginType.SECRETS).hooks][:3]
    (('key',), True, ['startup', 'shutdown', 'health_check'])

    Raises:
        LookupError: the source of the class is not there.
    """
    return _read(*category.spec_name)


@cache
def _read(module: str, name: str) -> Contract:
    own, base = _source(module), _source(_BASE)
    hooks = {hook.name: hook for text, cls in ((base, "PluginMetadata"), (own, name)) for hook in _hooks(text, cls)}
    return Contract(hooks, {**dict(_imports(base, _BASE)), **dict(_imports(own, module))})


def _source(module: str) -> str:
    file = source_file(module)
    if file is None:
        raise LookupError(f"the source of {module} is not there")
    return file.read_text(encoding="utf-8")


def source_file(module: str) -> Path | None:
    """Return the file of a module that could be imported; None if there is none. Imports no package above it.

    >>> source_file("floe_plugins.hookspecs.secrets").name, source_file("no_such_module") is None
    ('secrets.py', True)
    """
    path: Sequence[str] | None = None
    spec, name = None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
        spec = next((found for find in finders if find is not None and (found := find(name, path))), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    file = None if spec is None or spec.origin is None else Path(spec.origin)
    return file if file is not None and file.suffix == ".py" and file.is_file() else None


def _hooks(source: str, cls: str) -> Iterator[Hook]:
    lines = source.splitlines()
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == cls)
    found = next(classes, None)
    if found is None:
        raise LookupError(f"the class {cls} is not in the source of its module")
    for node in found.body:
        marks = {_name(each): each for each in getattr(node, "decorator_list", ())}
        if isinstance(node, ast.FunctionDef) and "hookspec" in marks:
            text = node.body[0]
            yield Hook(
                node.name,
                tuple(_NOQA.sub("", line) for line in lines[node.lineno - 1 : text.lineno - 1]),
                tuple(lines[text.lineno - 1 : text.end_lineno]),
                tuple(each.arg for each in node.args.args[1:]),
                "abstractmethod" in marks,
                _argument(marks.get("added_in")),
            )


def _name(decorator: ast.expr) -> str:
    found = decorator.func if isinstance(decorator, ast.Call) else decorator
    return found.id if isinstance(found, ast.Name) else found.attr if isinstance(found, ast.Attribute) else ""


def _argument(decorator: ast.expr | None) -> str:
    return str(ast.literal_eval(decorator.args[0])) if isinstance(decorator, ast.Call) else ""


def _imports(source: str, module: str) -> Iterator[tuple[str, str]]:
    root, exported = (importlib.import_module(name) for name in ("floe_plugins", "floe_plugins.hookspecs"))
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.asname or each.name, f"import {each.name}") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((each.asname or each.name, f"from {node.module} import {each.name}") for each in node.names)
    for statement in tree.body:
        targets = [statement, *getattr(statement, "targets", ())]
        for name in (getattr(each, "name", getattr(each, "id", None)) for each in targets):
            if isinstance(name, str):
                yield name, f"from {module} import {name}"
    for home in (root, exported):
        yield from ((name, f"from {home.__name__} import {name}") for name in home.__all__)
