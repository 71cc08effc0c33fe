"""Changes of one place of a plugin that break what a contract promises: a kind for each way in which authors do so."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

Change = Callable[[Any], ast.AST]
Changes = Callable[[ast.AST], Iterator[Change]]

LIFECYCLE = frozenset({"__init__", "startup", "shutdown", "health_check"})
# Calls that tell people something, and change nothing for callers.
_TOLD = ("logger", "_log", "warnings", "logging")
_CONVERSIONS = {"tuple", "list", "dict", "set", "frozenset", "str", "int", "float", "bytes", "bool"}


def no_result(node: ast.AST) -> Iterator[Change]:
    """None for a result."""
    match node:
        case ast.Return(value=ast.Constant(value=None)):
            return
        case ast.Return(value=ast.AST()):
            yield lambda _: ast.Return(ast.Constant(None))


def list_for_tuple(node: ast.AST) -> Iterator[Change]:
    """A list where a tuple is made."""
    match node:
        case ast.Call(func=ast.Name(id="tuple"), args=[_], keywords=[]):
            yield lambda it: ast.Call(ast.Name("list", ast.Load()), it.args, [])


def another_type(node: ast.AST) -> Iterator[Change]:
    """A list for a pair of results, or what was not converted before it is returned."""
    match node:
        case ast.Return(value=ast.Tuple()):
            yield lambda it: ast.Return(ast.List(it.value.elts, ast.Load()))
        case ast.Return(value=ast.AST() as value):
            for number, _ in enumerate(filter(_is_conversion, ast.walk(value))):
                yield lambda it, number=number: _unconverted(it, number)


def no_error(node: ast.AST) -> Iterator[Change]:
    """No error where one is promised."""
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name())):
            yield lambda _: ast.Pass()


def another_error(node: ast.AST) -> Iterator[Change]:
    """Another error than the promised one."""
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name())):
            yield lambda it: ast.Raise(_call("ArithmeticError", ast.Constant("changed")), it.cause)


def swallowed_error(node: ast.AST) -> Iterator[Change]:
    """An error that is swallowed, by the whole function or by a handler, and None for the result."""
    match node:
        case ast.FunctionDef(body=[_, *_]) if not _yields(node) and node.name not in LIFECYCLE:
            yield _swallowing
        case ast.ExceptHandler() if any(isinstance(each, ast.Raise) for each in node.body):
            yield lambda it: ast.ExceptHandler(it.type, it.name, [ast.Return(ast.Constant(None))])


def foreign_error(node: ast.AST) -> Iterator[Change]:
    """The engine's own error, where a promised one takes its place."""
    match node:
        case ast.Try(handlers=[_, *_], orelse=[]) if _raised(node):
            yield lambda it: ast.Try(it.body, [], [], it.finalbody) if it.finalbody else _block(it.body)


def leak(node: ast.AST) -> Iterator[Change]:
    """A file, a connection or a block that is not closed."""
    match node:
        case ast.With(items=[ast.withitem(context_expr=context)]) if not _is_lock(context):
            yield _entered
        case ast.Try(finalbody=[_, *_]):
            yield lambda it: ast.Try(it.body, it.handlers, it.orelse, []) if it.handlers else _block(it.body)


def no_lock(node: ast.AST) -> Iterator[Change]:
    """Threads that do not wait for each other."""
    match node:
        case ast.With(items=[ast.withitem(context_expr=context)]) if _is_lock(context):
            yield lambda it: _block(it.body)


def no_call(node: ast.AST) -> Iterator[Change]:
    """A step that is left out: a check, a rename, a flush, a close."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="wait"), keywords=[ast.keyword(arg="timeout")])):
            return  # for speed alone: who waits so looks again
        case ast.Expr(value=ast.Call(func=function)) if not ast.unparse(function).startswith(_TOLD):
            yield lambda _: ast.Pass()
        case ast.Delete():
            yield lambda _: ast.Pass()


def forgotten(node: ast.AST) -> Iterator[Change]:
    """What is not remembered."""
    match node:
        case ast.Assign(targets=[ast.Attribute(attr="filename" | "__cause__")]):
            return  # for who reads a message
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign():
            yield lambda _: ast.Pass()


def ignored_argument(node: ast.AST) -> Iterator[Change]:
    """An argument that is taken for its default."""
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
        given = node.args.args[len(node.args.args) - len(node.args.defaults) :]
        pairs = [*zip(given, node.args.defaults, strict=True)]
        pairs += [
            (name, value) for name, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value
        ]
        for argument, default in pairs:
            yield lambda it, argument=argument, default=default: _with_body(
                it, [ast.Assign([ast.Name(argument.arg, ast.Store())], default), *it.body]
            )


def no_order(node: ast.AST) -> Iterator[Change]:
    """Results in another order."""
    match node:
        case ast.Return(value=ast.Call(func=ast.Name(id="sorted" | "tuple"))) if "sorted(" in ast.unparse(node):
            name = node.value.func.id.replace("sorted", "list")
            yield lambda it: ast.Return(_call(name, _call("reversed", it.value)))


def wrong_condition(node: ast.AST) -> Iterator[Change]:
    """The opposite of a condition."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Constant):
            yield _negated


KINDS: Mapping[str, Changes] = MappingProxyType(
    {
        "None for a result": no_result,
        "list for tuple": list_for_tuple,
        "another type": another_type,
        "no error": no_error,
        "another error": another_error,
        "swallowed error": swallowed_error,
        "foreign error": foreign_error,
        "leak": leak,
        "no lock": no_lock,
        "step left out": no_call,
        "forgotten": forgotten,
        "argument ignored": ignored_argument,
        "another order": no_order,
        "opposite condition": wrong_condition,
    }
)

# These change what a function gives or raises as a whole, and are made of hooks alone: elsewhere nothing promises it.
OF_HOOKS = frozenset(
    {"None for a result", "list for tuple", "another type", "swallowed error", "argument ignored", "another order"}
)
# These are made of errors that the contract promises alone, whether the suite runs them or not.
OF_ERRORS = frozenset({"no error", "another error", "foreign error"})


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [*arguments], [])


def _raised(node: ast.AST) -> set[str]:
    found = [each.exc.func for each in ast.walk(node) if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call)]
    return {each.id for each in found if isinstance(each, ast.Name)}


def _block(body: list[ast.stmt]) -> ast.If:
    return ast.If(ast.Constant(value=True), body, [])


def _is_lock(context: ast.expr) -> bool:
    return any(word in ast.unparse(context).lower() for word in ("lock", "turn", "condition", "_changed"))


def _yields(function: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(function))


def _with_body(function: ast.FunctionDef, body: list[ast.stmt]) -> ast.FunctionDef:
    function.body = body
    return function


def _swallowing(function: ast.FunctionDef) -> ast.FunctionDef:
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Return(ast.Constant(None))])
    documented = ast.get_docstring(function) is not None
    said, body = (function.body[:1], function.body[1:]) if documented else ([], function.body)
    return _with_body(function, [*said, ast.Try(body, [handler], [], [])])


def _is_conversion(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _CONVERSIONS:
            return not isinstance(argument, ast.Starred | ast.GeneratorExp)
    return False


def _unconverted(node: ast.Return, number: int) -> ast.Return:
    """A ``return`` without the conversion of this number in it."""
    assert node.value
    [wanted] = [each for place, each in enumerate(filter(_is_conversion, ast.walk(node.value))) if place == number]

    class Without(ast.NodeTransformer):
        def visit_Call(self, call: ast.Call) -> ast.AST:
            return call.args[0] if call is wanted else self.generic_visit(call)

    changed: ast.Return = Without().visit(node)
    return changed


def _entered(block: ast.With) -> ast.If:
    """A block that is never left, neither by Python, which would leave it where nobody refers to it any more."""
    [item] = block.items
    kept = ast.parse("__import__('builtins').__dict__.setdefault('entered', []).append(entered)").body[0]
    entering: ast.stmt = ast.Assign([ast.Name("entered", ast.Store())], item.context_expr)
    entered: ast.expr = ast.Call(ast.Attribute(ast.Name("entered", ast.Load()), "__enter__", ast.Load()), [], [])
    first: ast.stmt = ast.Expr(entered) if item.optional_vars is None else ast.Assign([item.optional_vars], entered)
    return _block([entering, kept, first, *block.body])


def _negated(node: Any) -> ast.AST:
    node.test = ast.UnaryOp(ast.Not(), node.test)
    changed: ast.AST = node
    return changed
