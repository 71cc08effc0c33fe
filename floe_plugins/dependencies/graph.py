"""Order the nodes of a dependency graph, and find its cycles. The result is the same on every machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

K = TypeVar("K", bound=Any)

__all__ = ["CycleError", "MissingError", "cycles", "missing", "order"]


class MissingError(LookupError):
    """The graph lacks nodes that others depend on.

    Attributes:
        missing: for each node that misses something, what it misses.
    """

    def __init__(self, missing: Mapping[Any, tuple[Any, ...]]) -> None:
        needs = "; ".join(f"{node} needs {', '.join(map(str, absent))}" for node, absent in missing.items())
        super().__init__(f"missing: {needs}")
        self.missing = missing


def order(graph: Mapping[K, Iterable[K]]) -> tuple[K, ...]:
    """Return the nodes, each after its dependencies; of several that may come next, the smallest comes first.

    More exactly: first, sorted, what needs nothing, then what needs only those,
    and so on. ``graph`` gives for each node the nodes that it needs.

    Raises:
        MissingError: a node needs one that is not in the graph.
        CycleError: nodes need each other; the second argument is the path, whose
            first node is its smallest and also its last.
    """
    needs = {node: tuple(needed) for node, needed in graph.items()}
    absent = missing(needs)
    if absent:
        raise MissingError(absent)
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        # The path that graphlib gives depends on the order of the nodes.
        raise CycleError(error.args[0], list(cycles(needs)[0])) from None
    nodes: list[K] = []
    while ready := sorted(sorter.get_ready()):
        nodes += ready
        sorter.done(*ready)
    return tuple(nodes)


def missing(graph: Mapping[K, Iterable[K]]) -> dict[K, tuple[K, ...]]:
    """Return the missing dependencies of each node that has some, sorted."""
    return {
        node: tuple(sorted(absent)) for node in sorted(graph) if (absent := {n for n in graph[node] if n not in graph})
    }


def cycles(graph: Mapping[K, Iterable[K]]) -> tuple[tuple[K, ...], ...]:
    """Return one cycle of each strongly connected component, sorted.

    Each is a shortest path from the group's smallest node back to itself,
    ``(a, b, a)``. Nodes that the graph does not have are ignored.
    """
    needs = {node: tuple(needed) for node, needed in graph.items()}
    return tuple(_shortest_cycle(group, needs) for group in strongly_connected_components(needs))


def strongly_connected_components(graph: Mapping[K, Iterable[K]]) -> tuple[tuple[K, ...], ...]:
    """Return the groups of nodes that depend on each other, directly or not, each sorted, and sorted.

    A node that needs itself is a group of its own.
    """
    needs = {node: [n for n in needed if n in graph] for node, needed in graph.items()}
    needed_by: dict[K, list[K]] = {node: [] for node in needs}
    for node, needed in needs.items():
        for each in needed:
            needed_by[each].append(node)
    # Kosaraju's algorithm: of the nodes that lead to the one left last, each is also reached from it.
    left, seen = _walk(needs, needs, set()), set[K]()
    groups = (sorted(_walk(needed_by, [node], seen)) for node in reversed(left))
    return tuple(sorted(tuple(group) for group in groups if len(group) > 1 or (group and group[0] in needs[group[0]])))


def _walk(graph: Mapping[K, Sequence[K]], roots: Iterable[K], seen: set[K]) -> list[K]:
    """Return what the roots lead to, in the order in which a depth-first search leaves it; skips and adds to ``seen``.

    There is no recursion: a chain may be 100,000 long.
    """
    left: list[K] = []
    for root in roots:
        path = [] if root in seen else [(root, iter(graph[root]))]
        seen.add(root)
        while path:
            for following in path[-1][1]:
                if following not in seen:
                    seen.add(following)
                    path.append((following, iter(graph[following])))
                    break
            else:
                left.append(path.pop()[0])
    return left


def _shortest_cycle(group: tuple[K, ...], needs: Mapping[K, Iterable[K]]) -> tuple[K, ...]:
    start, members = group[0], set(group)
    came_from: dict[K, K] = {}
    queue = deque([start])
    while start not in came_from:
        node = queue.popleft()
        for needed in sorted(members.intersection(needs[node])):
            if needed not in came_from:
                came_from[needed] = node
                queue.append(needed)
    path = [start, came_from[start]]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))
