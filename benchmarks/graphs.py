"""Ordering, beside ``graphlib`` and networkx."""

from __future__ import annotations

import graphlib
import random
from collections.abc import Callable

from benchmarks.sites import SEED
from benchmarks.timing import Table, interleaved, seconds, table
from floe_plugins import PluginRef, PluginType
from floe_plugins.dependencies.graph import order

Graph = dict[PluginRef, tuple[PluginRef, ...]]


def chain(nodes: int) -> Graph:
    """Each needs the one before."""
    refs = [PluginRef(PluginType.COMPUTE, f"p{number}") for number in range(nodes)]
    return {ref: tuple(refs[number - 1 : number]) if number else () for number, ref in enumerate(refs)}


def tangle(nodes: int) -> Graph:
    """Each needs up to three that come earlier."""
    chance = random.Random(SEED)  # noqa: S311 for repetition, not for secrecy
    refs = [PluginRef(PluginType.COMPUTE, f"p{number}") for number in range(nodes)]
    return {
        ref: tuple({refs[chance.randrange(number)] for _ in range(chance.randrange(4))}) if number else ()
        for number, ref in enumerate(refs)
    }


def ordering(nodes: int, shape: Callable[[int], Graph], rounds: int) -> Table:
    """Start order of so many plugins."""
    import networkx as nx

    graph = shape(nodes)
    contenders = {
        "graphlib: static_order": lambda: seconds(lambda: tuple(graphlib.TopologicalSorter(graph).static_order())),
        "floe_plugins.dependencies.graph.order": lambda: seconds(lambda: order(graph)),
        "networkx: lexicographical_topological_sort": lambda: seconds(
            lambda: list(
                nx.lexicographical_topological_sort(
                    nx.DiGraph((before, ref) for ref, predecessors in graph.items() for before in predecessors)
                )
            )
        ),
    }
    return table(f"Ordering {nodes} plugins, {shape.__name__}", interleaved(contenders, rounds))
