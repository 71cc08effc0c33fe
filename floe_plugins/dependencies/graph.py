"""Order the nodes of a dependency graph, and find its cycles. The result is the same on every machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
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
    needs = _frozen(graph)
    absent = missing(needs)
    if absent:
        raise MissingError(absent)
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        # The path that graphlib gives depends on the order of the nodes.
        raise CycleError(error.args[0], list(cycles(needs)[0])) from None
    return _drain(sorter)


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
    needs = _frozen(graph)
    return tuple(_shortest_cycle(group, needs) for group in strongly_connected_components(needs))


def strongly_connected_components(graph: Mapping[K, Iterable[K]]) -> tuple[tuple[K, ...], ...]:
    """Return the groups of nodes that depend on each other, directly or not, each sorted, and sorted.

    A node that needs itself is a group of its own.
    """
    needs = _frozen(graph)
    blocked = _blocked(needs)
    # Nodes that the sorter does not reach are in a cycle or depend on one; only these need a closer look.
    inner = {node: [n for n in needs[node] if n in blocked] for node in sorted(blocked)}
    groups = (tuple(sorted(group)) for group in _components(inner))
    return tuple(sorted(group for group in groups if len(group) > 1 or any(node in needs[node] for node in group)))


def _frozen(graph: Mapping[K, Iterable[K]]) -> dict[K, Collection[K]]:
    return {
        node: needed if isinstance(needed, (tuple, frozenset, set, list)) else tuple(needed)
        for node, needed in graph.items()
    }


def _drain(sorter: TopologicalSorter[K]) -> tuple[K, ...]:
    nodes: list[K] = []
    while ready := sorted(sorter.get_ready()):
        nodes += ready
        sorter.done(*ready)
    return tuple(nodes)


def _blocked(needs: Mapping[K, Collection[K]]) -> set[K]:
    sorter: TopologicalSorter[K] = TopologicalSorter(
        {node: [n for n in needed if n in needs] for node, needed in needs.items()}
    )
    try:
        sorter.prepare()
    except CycleError:
        # The standard library promises that the sorter goes on as far as the cycles allow.
        reached: tuple[K, ...] = _drain(sorter)
        return set(needs).difference(reached)
    return set()


def _shortest_cycle(group: tuple[K, ...], needs: Mapping[K, Collection[K]]) -> tuple[K, ...]:
    start, members = group[0], set(group)
    came_from: dict[K, K] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for needed in sorted(n for n in needs[node] if n in members):
            if needed == start:
                return _path_back(start, node, came_from)
            if needed not in came_from:
                came_from[needed] = node
                queue.append(needed)
    raise AssertionError  # the nodes of a component depend on each other


def _path_back(start: K, node: K, came_from: Mapping[K, K]) -> tuple[K, ...]:
    path = [start, node] if node != start else [start]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed([*path, start] if len(path) == 1 else path))


def _components(needs: Mapping[K, Collection[K]]) -> list[list[K]]:
    """Tarjan's strongly connected components, without recursion: a chain may be 100,000 long."""
    index: dict[K, int] = {}
    low: dict[K, int] = {}
    on_path: dict[K, None] = {}
    groups: list[list[K]] = []
    for root in needs:
        if root in index:
            continue
        work = [(root, iter(needs[root]))]
        index[root] = low[root] = len(index)
        on_path[root] = None
        while work:
            node, rest = work[-1]
            for needed in rest:
                if needed not in index:
                    index[needed] = low[needed] = len(index)
                    on_path[needed] = None
                    work.append((needed, iter(needs[needed])))
                    break
                if needed in on_path:
                    low[node] = min(low[node], index[needed])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    groups.append(_pop_until(on_path, node))
    return groups


def _pop_until(path: dict[K, None], node: K) -> list[K]:
    group: list[K] = []
    while not group or group[-1] != node:
        group.append(path.popitem()[0])
    return group
