"""Whatever the graph: the order keeps its promises, and a circle is a circle."""

from __future__ import annotations

import graphlib
import itertools

from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.dependencies.graph import cycles, order

nodes = st.integers(0, 12)
graphs = st.dictionaries(nodes, st.frozensets(nodes, max_size=4), max_size=12)


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> dict[int, frozenset[int]]:
    size = draw(st.integers(0, 20))
    names = draw(st.permutations(range(size)))
    return {
        names[i]: frozenset(names[j] for j in draw(st.frozensets(st.integers(0, i - 1), max_size=4)))
        if i
        else frozenset()
        for i in range(size)
    }


@given(acyclic_graphs())
def test_all_nodes_once_each_after_its_needs(graph: dict[int, frozenset[int]]) -> None:
    result = order(graph)
    place = {node: index for index, node in enumerate(result)}
    assert sorted(result) == sorted(graph)
    assert all(place[needed] < place[node] for node, needs in graph.items() for needed in needs)
    assert not cycles(graph)


@given(acyclic_graphs(), st.randoms())
def test_the_way_a_graph_is_written_does_not_change_its_order(graph: dict[int, frozenset[int]], random: object) -> None:
    items = list(graph.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert order({node: sorted(needs, reverse=True) for node, needs in items}) == order(graph)


@given(graphs)
def test_there_is_an_order_exactly_where_graphlib_has_one(graph: dict[int, frozenset[int]]) -> None:
    whole = {node: needs & graph.keys() for node, needs in graph.items()}
    try:
        tuple(graphlib.TopologicalSorter(whole).static_order())
    except graphlib.CycleError:
        assert cycles(whole)
    else:
        assert sorted(order(whole)) == sorted(whole)


@given(graphs)
def test_a_circle_is_a_path_along_needs_that_repeats_nothing(graph: dict[int, frozenset[int]]) -> None:
    for component, circle in cycles(graph).items():
        assert circle[0] == circle[-1] == min(circle) == component[0]
        assert len(set(circle)) == len(circle) - 1
        assert set(circle) <= set(component)
        assert all(following in graph[node] for node, following in itertools.pairwise(circle))


@given(graphs)
def test_without_its_knots_a_graph_has_an_order(graph: dict[int, frozenset[int]]) -> None:
    tangled = {node for component in cycles(graph) for node in component}
    rest = {node: (needs & graph.keys()) - tangled for node, needs in graph.items() if node not in tangled}
    assert sorted(order(rest)) == sorted(rest)
