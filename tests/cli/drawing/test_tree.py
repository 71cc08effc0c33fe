"""The tree: each plugin is in it, what it needs stands once, cycles end."""

from __future__ import annotations

from itertools import pairwise

from floe_plugins.cli.drawing.graph_model import Diagram, Edge, Node
from floe_plugins.cli.drawing.tree import ASCII, tree


def drawn(*pairs: str, cycles: tuple[tuple[str, ...], ...] = (), alone: str = "") -> Diagram:
    names = sorted({*"".join(pairs), *alone})
    edges = tuple(Edge(a, b, optional=False, broken=False, note="") for a, b in sorted(pairs))
    return Diagram({name: Node(name, "selected") for name in names}, edges, cycles)


def test_what_is_needed_twice_stands_once() -> None:
    assert [*tree(drawn("ac", "bc", "cd", alone="e"))] == [
        "a",
        "└─ c",
        "   └─ d",
        "b",
        "└─ c  (see above)",
        "e",
    ]


def test_branches_are_drawn_with_plain_characters_too() -> None:
    assert [*tree(drawn("ab", "ac", "bd"), ASCII)] == ["a", "|- b", "|  `- d", "`- c"]


def test_a_cycle_is_marked_and_told() -> None:
    assert [*tree(drawn("ab", "ba", cycles=(("a", "b", "a"),)))] == [
        "a",
        "└─ b  (cycle)",
        "   └─ a  (cycle; see above)",
        "",
        "plugins need each other: a -> b -> a",
    ]


def test_a_chain_may_be_long() -> None:
    names = [f"{number:05}" for number in range(3000)]
    edges = tuple(Edge(a, b, optional=True, broken=False, note="") for a, b in pairwise(names))
    lines = [*tree(Diagram({name: Node(name, "selected") for name in names}, edges, ()))]
    assert len(lines) == 3000
    assert lines[-1].endswith("02999  (optional)")
