"""The layout: edges lead to the right, except in cycles, and pass between the nodes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.cli.drawing.graph_model import Diagram, Edge, Node
from floe_plugins.cli.drawing.layout import layout


def drawn(pairs: set[tuple[str, str]], names: str = "abcdef") -> Diagram:
    edges = tuple(Edge(a, b, optional=False, broken=False, note="") for a, b in sorted(pairs))
    return Diagram({name: Node(name, "selected") for name in names}, edges, ())


LETTERS = st.sampled_from("abcdef")


@given(st.sets(st.tuples(LETTERS, LETTERS)))
def test_every_node_has_one_place_and_every_edge_goes_from_column_to_column(pairs: set[tuple[str, str]]) -> None:
    placed = layout(drawn(pairs))
    where = {place: number for number, column in enumerate(placed.columns) for place in column}
    assert sorted([place[0] for place in where if len(place) == 1] + placed.alone) == list("abcdef")
    for source, target in pairs:
        if source != target:
            ends = (target, source) if (source, target) in placed.backward else (source, target)
            way = [where[ends[0],], *(where[place] for place in placed.passed[ends]), where[ends[1],]]
            assert way == list(range(way[0], way[-1] + 1))
            assert len(way) > 1


def test_without_a_cycle_nothing_leads_to_the_left() -> None:
    placed = layout(drawn({("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")}))
    assert placed.backward == frozenset()
    assert [[place for place in column if len(place) == 1] for column in placed.columns] == [
        [("a",), ("d",)],
        [("b",)],
        [("c",)],
    ]
    assert placed.alone == ["e", "f"]
