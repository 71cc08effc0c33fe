"""The dependency graph as a tree of text: below each plugin what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from floe_plugins.cli.drawing.graph_model import Diagram, Edge


class Strokes(NamedTuple):
    """The strokes of which the lines of a tree are made."""

    branch: str
    last: str
    down: str
    blank: str


LINES = Strokes("├─ ", "└─ ", "│  ", "   ")
ASCII = Strokes("|- ", "`- ", "|  ", "   ")


def tree(drawn: Diagram, strokes: Strokes = LINES) -> Iterator[str]:
    r"""Yield the lines of a diagram as trees, and of its cycles; texts of plugins are not escaped.

    Trees begin at the plugins that no other one needs. What a plugin needs stands below it where it comes first.

    >>> from floe_plugins.cli.drawing.graph_model import Node
    >>> nodes = {name: Node(name, "selected") for name in ("compute:duckdb", "storage:local")}
    >>> needs = Edge("compute:duckdb", "storage:local", optional=False, broken=False, note="any storage")
    >>> print("\n".join(tree(Diagram(nodes, (needs,), ()), ASCII)))
    compute:duckdb
    `- storage:local  (any storage)
    """
    targets = drawn.targets()
    needed = {edge.target for edge in drawn.edges if edge.target != edge.source}
    expanded: set[str] = set()
    # Of plugins that need each other, the first begins a tree.
    for root in [*(name for name in drawn.nodes if name not in needed), *drawn.nodes]:
        if root not in expanded:
            yield from _tree(drawn, targets, root, strokes, expanded)
    if drawn.cycles:
        yield ""
    for cycle in drawn.cycles:
        yield f"plugins need each other: {' -> '.join(cycle)}"


def _tree(
    drawn: Diagram, targets: dict[str, list[Edge]], root: str, strokes: Strokes, expanded: set[str]
) -> Iterator[str]:
    # Without recursion: a chain may be long. Each item is what precedes the line, what precedes those below, and both.
    rest: list[tuple[str, str, str, Edge | None]] = [("", "", root, None)]
    while rest:
        before, below, name, edge = rest.pop()
        again = name in expanded and bool(targets[name])
        yield f"{before}{name}{_marks(drawn, name, edge, again=again)}"
        if name in expanded:
            continue
        expanded.add(name)
        children = targets[name]
        for place, child in reversed([*enumerate(children)]):
            is_last = place == len(children) - 1
            line = f"{below}{strokes.last if is_last else strokes.branch}"
            rest.append((line, f"{below}{strokes.blank if is_last else strokes.down}", child.target, child))


def _marks(drawn: Diagram, name: str, edge: Edge | None, *, again: bool) -> str:
    marks = [*drawn.nodes[name].notes]
    if edge is not None and edge.note:
        marks.insert(0, edge.note)
    if edge is not None and edge.optional:
        marks.insert(0, "optional")
    if edge is not None and any((edge.source, edge.target) in pairwise(cycle) for cycle in drawn.cycles):
        marks.append("cycle")
    if again:
        marks.append("see above")
    return f"  ({'; '.join(marks)})" if marks else ""
