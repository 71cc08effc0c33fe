"""Order the nodes of a dependency graph, and find its cycles. The result is the same on every machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, TypeVar

K = TypeVar("K", bound=Any)


def order(graph: Mapping[K, Iterable[K]]) -> tuple[K, ...]:
    """Return the nodes, each after its dependencies; of several that may come next, the smallest comes first.

    More exactly: first, sorted, what needs nothing, then what needs only those,
    and so on. ``graph`` gives for each node the nodes that it needs, which it has, too.

    >>> order({"catalog": ["storage"], "compute": [], "storage": []})
    ('compute', 'storage', 'catalog')

    Raises:
        CycleError: nodes need each other; ``cycles`` says which.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    nodes: list[K] = []
    while ready := sorted(sorter.get_ready()):
        nodes += ready
        sorter.done(*ready)
    return tuple(nodes)


def cycles(graph: Mapping[K, Iterable[K]]) -> dict[tuple[K, ...], tuple[K, ...]]:
    """Return one cycle of each group of nodes that depend on each other, directly or not, by the group; sorted.

    A group is sorted; a node that needs itself is one of its own. The cycle is a shortest path from the group's
    smallest node back to itself, ``(a, b, a)``. Nodes that the graph does not have are ignored.

    >>> cycles({"a": ["b"], "b": ["a"], "c": ["a", "nowhere"]})
    {('a', 'b'): ('a', 'b', 'a')}
    """
    needs = {node: [n for n in needed if n in graph] for node, needed in graph.items()}
    needed_by: dict[K, list[K]] = {node: [] for node in needs}
    for node, needed in needs.items():
        for each in needed:
            needed_by[each].append(node)
    # Kosaraju's algorithm: of the nodes that lead to the one left last, each is also reached from it.
    left, seen = _walk(needs, needs, set()), set[K]()
    groups = (sorted(_walk(needed_by, [node], seen)) for node in reversed(left))
    found = sorted(tuple(group) for group in groups if len(group) > 1 or (group and group[0] in needs[group[0]]))
    return {group: _shortest_cycle(group, needs) for group in found}


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
