"""Every change of one place of a module."""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
# Those that say the opposite when they are changed.
OPPOSITES = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}  # fmt: skip
# Calls that say something to type checkers, or how attrs is to make a class.
UNCHANGED_CALLS = {"cast", "TypeVar", "attrs.field"}
UNCHANGED_FIELDS = {"annotation", "returns", "decorator_list", "type_params", "bases"}


class Mutant(NamedTuple):
    """One change: the module, its first and last line, the changed lines as a diff, and the text before and after.

    Both texts are whole, and without comments.
    """

    module: str
    line: int
    last: int
    diff: str
    before: str
    text: str


def changes(node: ast.AST) -> Iterator[Callable[[Any], Any]]:  # noqa: C901, PLR0912 one branch for each kind
    """Functions that change a copy of a node, and return it or what takes its place."""
    match node:
        case ast.Compare(ops=[only]) if type(only) in COMPARISONS:
            yield lambda it: _with(it, ops=[COMPARISONS[type(only)]()])
        case ast.BoolOp(op=op):
            yield lambda it: _with(it, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not()):
            yield lambda it: it.operand
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield lambda it: _with(it, op=ARITHMETIC[type(op)]())
        case ast.Constant(value=bool() as value):
            yield lambda it: _with(it, value=not value)
        case ast.Constant(value=int() | float() as value):
            yield lambda it: _with(it, value=value + 1)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if not _is_changed_itself(test):
            yield lambda it: _with(it, test=ast.UnaryOp(ast.Not(), it.test))
        case ast.Return(value=ast.Constant(value=None)):
            return  # it would be the same
        case ast.Return(value=ast.AST()):
            yield lambda it: _with(it, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield lambda _: ast.Pass()
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return  # who derives from the class has to override the method
        case ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Continue() | ast.Break():
            yield lambda _: ast.Pass()
        case ast.Call(args=[argument], keywords=[]) if not isinstance(argument, ast.Starred | ast.GeneratorExp):
            yield lambda it: it.args[0]


def _is_changed_itself(test: ast.expr) -> bool:
    """Whether a condition cannot change, or its negation is among its own changes."""
    match test:
        case ast.Constant() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Compare(ops=[only]):
            return isinstance(only, OPPOSITES)
    return False


def _with(node: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _parents(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Each node that runs: not those of annotations, or of what is for type checkers or other Pythons alone."""
    for name, value in ast.iter_fields(tree):
        if name in UNCHANGED_FIELDS:
            continue
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or (isinstance(child, ast.If) and _is_elsewhere(child.test)):
                continue
            if isinstance(child, ast.Call) and ast.unparse(child.func) in UNCHANGED_CALLS:
                continue
            if isinstance(child, ast.FunctionDef) and child.name == "__repr__":
                continue
            yield tree, name, place if isinstance(value, list) else None, child
            yield from _parents(child)


def _is_elsewhere(test: ast.expr) -> bool:
    return any(name in ast.unparse(test) for name in ("TYPE_CHECKING", "sys.version_info"))


def mutants(
    module: str, text: str, changes: Callable[[ast.AST], Iterator[Callable[[Any], Any]]] = changes
) -> list[Callable[[], Mutant]]:
    """Every change of a module, to be made when it is picked."""
    found: list[Callable[[], Mutant]] = []
    for number, (_, _, _, child) in enumerate(_parents(ast.parse(text))):
        for change, _ in enumerate(changes(child)):
            found.append(lambda number=number, change=change: _make(module, text, changes, number, change))
    return found


def _make(
    module: str,
    text: str,
    changes: Callable[[ast.AST], Iterator[Callable[[Any], Any]]],
    number: int,
    change: int,
) -> Mutant:
    tree = ast.parse(text)
    before = ast.unparse(tree)
    parent, field, index, child = next(islice(_parents(tree), number, None))
    line, last = child.lineno, child.end_lineno  # type: ignore[attr-defined]
    if isinstance(child, ast.If | ast.While):
        last = child.test.end_lineno
    changed = ast.copy_location(list(changes(child))[change](copy.deepcopy(child)), child)
    if index is None:
        setattr(parent, field, changed)
    else:
        getattr(parent, field)[index] = changed
    whole = ast.unparse(ast.fix_missing_locations(tree))
    diff = [f"    {each[0]} {each[1:].strip()}" for each in _diff(before.splitlines(), whole.splitlines())]
    # Of a long line, the part that differs.
    same = next((place for place, pair in enumerate(zip(*diff, strict=False)) if place > 6 and len({*pair}) > 1), 0)
    begin = max(same - 150, 0)
    shown = "\n".join(each[:6] + each[6 + begin : 306 + begin] for each in diff)
    return Mutant(module, line, last, shown, before, whole)


def _diff(before: list[str], after: list[str]) -> list[str]:
    return list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:]
