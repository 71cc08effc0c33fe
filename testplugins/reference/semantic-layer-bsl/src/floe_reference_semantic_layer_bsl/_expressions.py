"""What an expression of a model may be: Python's eval runs it, so nothing but columns and what is computed of them.

Imports ibis, so it is imported when first used.
"""

from __future__ import annotations

import ast

from ibis.expr.types import Column, Table

NODES = (
    ast.Expression, ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.List, ast.Tuple, ast.Call,
    ast.keyword, ast.UnaryOp, ast.BinOp, ast.Compare, ast.unaryop, ast.operator, ast.cmpop, ast.expr_context,
)  # fmt: skip
# Of the methods of ibis' expressions, those that compute a value; others read files, open connections or run SQL.
METHODS = frozenset({
    "abs", "all", "any", "approx_median", "approx_nunique", "arbitrary", "argmax", "argmin", "between", "capitalize",
    "cast", "ceil", "coalesce", "collect", "contains", "count", "cummax", "cummean", "cummin", "cumsum", "date", "day",
    "day_of_week", "endswith", "epoch_seconds", "fill_null", "find", "first", "floor", "hour", "identical_to", "ifelse",
    "isin", "isnull", "lag", "last", "lead", "length", "like", "lower", "lpad", "lstrip", "max", "mean", "median",
    "microsecond", "millisecond", "min", "minute", "mode", "month", "notin", "notnull", "nullif", "nunique", "over",
    "quantile", "quarter", "re_extract", "re_replace", "re_search", "re_split", "repeat", "replace", "reverse", "right",
    "round", "rpad", "rstrip", "second", "sign", "split", "startswith", "std", "strftime", "strip", "substr", "sum",
    "time", "timestamp", "translate", "truncate", "typeof", "upper", "var", "week_of_year", "year",
})  # fmt: skip


def validate_expression(expression: str) -> str:
    """The expression, written out of what was looked at.

    Raises:
        ValueError: it is no expression, or has something else in it.
    """
    try:
        # In brackets it may go over several lines.
        tree = ast.parse(f"(\n{expression}\n)", mode="eval")
        written = ast.unparse(tree)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"{expression!r} is no expression: {error}") from error
    for node in ast.walk(tree):
        refused = _refused(node)
        if refused:
            raise ValueError(f"{expression!r} is refused: {refused}")
    return written


def _refused(node: ast.AST) -> str:
    if not isinstance(node, NODES):
        return f"{type(node).__name__} is not allowed"
    if isinstance(node, ast.Name) and node.id != "_":
        return f"the name {node.id} is not allowed, only _ is"
    if isinstance(node, ast.Attribute):
        return _refused_attribute(node.attr)
    if isinstance(node, ast.keyword) and (node.arg is None or node.arg.startswith("_")):
        return f"the argument {node.arg or '**'} is not allowed"
    if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Attribute) and node.func.attr in METHODS):
        return f"{ast.unparse(node.func)}() is not allowed"
    return ""


def _refused_attribute(name: str) -> str:
    if name.startswith("_"):
        return f"{name} is private"
    # Even if it is not called here: ibis calls what it is given for a column.
    if name not in METHODS and any(callable(getattr(kind, name, None)) for kind in (Table, Column)):
        return f"the method {name} is not allowed; a column of that name is _[{name!r}]"
    return ""
