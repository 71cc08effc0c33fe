"""Order of graphs: ties, circles, size."""

from __future__ import annotations

import graphlib

import pytest

from floe_plugins.dependencies.graph import cycles, order


def test_each_node_comes_after_what_it_needs() -> None:
    assert order({"app": ["db", "log"], "db": ["log"], "log": []}) == ("log", "db", "app")


def test_nodes_without_a_choice_between_them_come_sorted_however_they_are_given() -> None:
    assert order({"c": (), "a": (), "b": ()}) == order({"b": (), "c": (), "a": ()}) == ("a", "b", "c")


def test_an_empty_graph_has_an_empty_order() -> None:
    assert order({}) == ()


def test_needs_may_come_from_any_iterable_and_more_than_once() -> None:
    assert order({"a": iter(["b", "b"]), "b": iter(())}) == ("b", "a")


@pytest.mark.parametrize(
    ("graph", "path"),
    [
        ({"a": ["a"]}, ["a", "a"]),
        ({"b": ["a"], "a": ["b"]}, ["a", "b", "a"]),
        ({"z": ["a"], "c": ["a"], "b": ["c"], "a": ["b"], "leaf": []}, ["a", "b", "c", "a"]),
        ({"a": ["b"], "b": ["c", "a"], "c": ["a"]}, ["a", "b", "a"]),
    ],
    ids=["itself", "two", "three with one outside", "the shortest of two"],
)
def test_a_circle_is_told_as_its_whole_path_from_its_smallest_node(
    graph: dict[str, list[str]], path: list[str]
) -> None:
    assert [list(cycle) for cycle in cycles(graph).values()] == [path]
    with pytest.raises(graphlib.CycleError):
        order(graph)


def test_every_circle_is_found_and_what_only_leads_to_one_is_not_in_it() -> None:
    graph = {"a": ["b"], "b": ["a"], "q": ["r"], "r": ["q"], "outside": ["a", "q"], "free": []}
    assert list(cycles(graph).items()) == [(("a", "b"), ("a", "b", "a")), (("q", "r"), ("q", "r", "q"))]


def test_circles_that_touch_are_one_knot() -> None:
    assert list(cycles({"a": ["b"], "b": ["a", "c"], "c": ["b"]})) == [("a", "b", "c")]


def test_a_chain_of_100_000_is_ordered_and_a_circle_of_100_000_found() -> None:
    size = 100_000
    chain = {node: [node - 1] if node else [] for node in range(size)}
    assert order(chain) == tuple(range(size))
    chain[0] = [size - 1]
    assert list(cycles(chain).values()) == [(0, *reversed(range(size)))]


def test_of_two_cycles_of_one_length_the_one_of_smaller_nodes_is_told() -> None:
    # So many that no set has them in order.
    names = [f"n{number}" for number in range(40)]
    graph = {"a": names[::-1], **{name: ["a"] for name in names}}
    assert list(cycles(graph).values()) == [("a", "n0", "a")]


def test_the_needs_of_cycles_may_come_from_any_iterable() -> None:
    assert cycles({"a": iter("b"), "b": iter("a")}) == {("a", "b"): ("a", "b", "a")}
