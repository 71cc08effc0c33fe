"""Place the nodes of a drawn graph in columns, each to the right of those that need it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import NamedTuple

from floe_plugins.cli.drawing.graph_model import Diagram
from floe_plugins.dependencies import graph

_PASSES = 6

# A node, as (name,); or a place that an edge passes, as (left end, right end, column).
Place = tuple[str] | tuple[str, str, int]


class Layout(NamedTuple):
    """The places of a diagram.

    Attributes:
        columns: the places of each column, from top to bottom.
        alone: the names of the nodes without edges to others, which are in no column.
        backward: the edges, as (source, target), that lead to the left, since their nodes need each other.
        passed: the places between the left and the right end of each edge.
    """

    columns: list[list[Place]]
    alone: list[str]
    backward: frozenset[tuple[str, str]]
    passed: Mapping[tuple[str, str], list[Place]]


def layout(drawn: Diagram) -> Layout:
    """Return the places of the nodes of a diagram, and of the edges in the columns between their nodes.

    The same diagram has the same places on every machine.

    >>> from floe_plugins.cli.drawing.graph_model import Edge, Node
    >>> nodes = {name: Node(name, "selected") for name in ("a", "b", "c")}
    >>> found = layout(Diagram(nodes, (Edge("a", "b", optional=False, broken=False, note=""),), ()))
    >>> found.columns, found.alone
    ([[('a',)], [('b',)]], ['c'])
    """
    dependencies: dict[str, set[str]] = {name: set() for name in drawn.nodes}
    for edge in drawn.edges:
        if edge.source != edge.target:
            dependencies[edge.source].add(edge.target)
    linked = {name for source, targets in dependencies.items() if targets for name in (source, *targets)}
    backward = frozenset(_backward(dependencies))
    rightward = {name: {target for target in dependencies[name] if (name, target) not in backward} for name in linked}
    for source, target in backward:
        rightward[target].add(source)
    depth = dict.fromkeys(rightward, 0)
    for name in reversed(graph.order(rightward)):
        for target in rightward[name]:
            depth[target] = max(depth[target], depth[name] + 1)
    columns: list[list[Place]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    beside: dict[Place, set[Place]] = {}
    ways: dict[tuple[str, str], list[Place]] = {}
    for name in sorted(rightward):
        columns[depth[name]].append((name,))
        for target in sorted(rightward[name]):
            passed: list[Place] = []
            for column in range(depth[name] + 1, depth[target]):
                passed.append((name, target, column))
                columns[column].append(passed[-1])
            ways[name, target] = passed
            way: list[Place] = [(name,), *passed, (target,)]
            for left, right in pairwise(way):
                beside.setdefault(left, set()).add(right)
                beside.setdefault(right, set()).add(left)
    return Layout(_untangled(columns, beside), sorted(drawn.nodes.keys() - linked), backward, ways)


def _backward(dependencies: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the edges that lead back to where a walk has come from; without them there is no cycle."""
    found: list[tuple[str, str]] = []
    done: set[str] = set()
    for root in sorted(dependencies):
        path = [] if root in done else [(root, iter(sorted(dependencies[root])))]
        on_path = {root}
        while path:
            name, targets = path[-1]
            target = next(targets, None)
            if target is None:
                done.add(name)
                on_path.discard(name)
                path.pop()
            elif target in on_path:
                found.append((name, target))
            elif target not in done:
                on_path.add(target)
                path.append((target, iter(sorted(dependencies[target]))))
    return found


def _untangled(columns: list[list[Place]], beside: Mapping[Place, AbstractSet[Place]]) -> list[list[Place]]:
    """Return the columns, each ordered by where its neighbours stand on average, so that fewer edges cross."""
    rows = {place: float(row) for column in columns for row, place in enumerate(column)}
    for turn in range(_PASSES):
        forth = turn % 2 == 0
        for number in range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1):
            there = {*columns[number - 1 if forth else number + 1]}
            means = {place: _mean(rows, beside[place] & there, rows[place]) for place in columns[number]}
            columns[number] = [place for _, place in sorted((mean, place) for place, mean in means.items())]
            rows.update({place: float(row) for row, place in enumerate(columns[number])})
    return columns


def _mean(rows: Mapping[Place, float], places: AbstractSet[Place], default: float) -> float:
    return sum(rows[place] for place in places) / len(places) if places else default
