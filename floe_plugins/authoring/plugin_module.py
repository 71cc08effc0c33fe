"""Write the module of a plugin: the working body of its category's template under the signatures of the contract."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from floe_plugins.authoring.contract import Contract, Hook

_TEMPLATE_CLASS = "PluginClass"
_MAX_LINE = 120
_FUTURE = "from __future__ import annotations"


class Names(NamedTuple):
    """What a plugin and its parts are called.

    Attributes:
        cls: the name of its class.
        config: the name of its configuration model.
        attributes: the lines of the class that declare its metadata, without indentation.
    """

    cls: str
    config: str
    attributes: tuple[str, ...]


def compose(template: str, contract: Contract, names: Names, docstring: str) -> str:
    """Return the source of a plugin's module.

    Each hook of the contract gets its signature and docstring from there, and its body from the template; one that
    the template does not have calls what the category does by default, or says that it is not supported.
    """
    tree = ast.parse(template)
    lines = template.splitlines()
    cls = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == _TEMPLATE_CLASS)
    cls_lines = "\n".join(_class_lines(lines, cls, contract, names))
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    head = max((node.end_lineno or 0 for node in imports), default=0)
    rest = [*lines[head : cls.lineno - 1], cls_lines, *lines[cls.end_lineno :]]
    body = "\n".join(rest).strip("\n").replace(_TEMPLATE_CLASS, names.cls)
    body = body.replace("PluginConfig", names.config)
    known = contract.imports | {name: text for node in imports for name, text in _statements(node)}
    return _assembled(f'"""{docstring}"""', _sorted_imports(_needed(body, known)), body)


def tidied(source: str, package: str) -> str:
    """Return a module with all of its imports at its head, as linters expect them, those of its own package last."""
    tree, lines = ast.parse(source), source.splitlines()
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    gone = {number for node in imports for number in range(node.lineno, (node.end_lineno or 0) + 1)}
    docstring, first = tree.body[0].end_lineno or 0, imports[0].lineno
    kept = "\n".join(line for number, line in enumerate(lines, 1) if number > first and number not in gone)
    body = re.sub(r"\n{4,}", "\n\n\n", kept.strip("\n"))
    known = {name: text for node in imports for name, text in _statements(node)}
    head = "\n".join(lines[:docstring])
    return _assembled(head, _sorted_imports(_needed(body, known), package), body)


def _assembled(docstring: str, imports: str, body: str) -> str:
    gap = "\n\n\n" if body.startswith(("class ", "def ", "@")) else "\n\n"
    return f"{docstring}\n\n{_FUTURE}\n\n{imports}{gap}{body}\n"


def _needed(body: str, known: Mapping[str, str]) -> set[str]:
    return {known[name] for name in _names_in(body) if name in known}


def _class_lines(lines: list[str], cls: ast.ClassDef, contract: Contract, names: Names) -> Iterator[str]:
    first = cls.body[0]
    yield from lines[cls.lineno - 1 : first.end_lineno]
    yield ""
    yield from (f"    {line}" for line in names.attributes)
    place, seen = first.end_lineno or 0, set[str]()
    for node in cls.body[1:]:
        hook = contract.hooks.get(node.name) if isinstance(node, ast.FunctionDef) else None
        if hook is None:
            yield from lines[place : node.end_lineno]
        else:
            # A comment above a hook belongs to it.
            yield from lines[place : node.lineno - 1]
            yield from hook.signature if hook.arguments or hook.is_required else [lines[node.lineno - 1]]
            yield from hook.docstring
            if isinstance(node, ast.FunctionDef) and not _is_text(node.body):
                yield from lines[node.lineno : node.end_lineno]
            seen.add(hook.name)
        place = node.end_lineno or place
    for hook in contract.hooks.values():
        if hook.name not in seen:
            yield ""
            yield from hook.signature
            yield from hook.docstring
            yield f"        {_default(hook)}"


def _is_text(body: list[ast.stmt]) -> bool:
    """Return whether a function has nothing but a docstring, which says why it does nothing."""
    return len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


def _default(hook: Hook) -> str:
    if hook.is_required:
        return f'raise UnsupportedOperationError("{hook.name} is not supported")'
    return f"return super().{hook.name}({', '.join(hook.arguments)})"


def _statements(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    for each in node.names:
        bound = each.asname or each.name.partition(".")[0]
        yield bound, f"import {each.name}" if isinstance(node, ast.Import) else f"from {node.module} import {each.name}"


def _names_in(source: str) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)  # the type of a cast
    return found


def _sorted_imports(statements: Iterable[str], package: str = "") -> str:
    """Return import statements in the order that linters expect, in one group for each origin."""
    members: dict[str, set[str]] = {}
    for text in statements:
        module, _, name = text.partition(" ")[2].partition(" import ")
        members.setdefault(module, set()).add(name)
    groups: dict[int, list[str]] = {}
    for is_from in (False, True):
        for module in sorted(members):
            names = members[module] - {""}
            if is_from and names:
                groups.setdefault(_origin(module, package), []).append(_from(module, names))
            elif not is_from and "" in members[module]:
                groups.setdefault(_origin(module, package), []).append(f"import {module}")
    return "\n\n".join("\n".join(groups[each]) for each in sorted(groups))


def _from(module: str, members: Iterable[str]) -> str:
    names = sorted(members, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _MAX_LINE:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])


def _origin(module: str, package: str) -> int:
    """Return 0 for a module of Python, 1 for one of another distribution, and 2 for one of the package itself."""
    top = module.partition(".")[0]
    return 2 if top == package else int(top not in sys.stdlib_module_names)


def requirements(template: str) -> list[str]:
    r"""Return the distributions that a template says it needs.

    >>> requirements("# requires: duckdb>=1.4\nimport duckdb\n")
    ['duckdb>=1.4']
    """
    mark = "# requires: "
    return [line.removeprefix(mark) for line in template.splitlines() if line.startswith(mark)]


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Return a text with each ``@name@`` replaced by its value.

    >>> replaced("name = '@name@'", {"name": "duckdb"})
    "name = 'duckdb'"
    """
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
