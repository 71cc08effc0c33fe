"""The dependency graph as it is drawn: nodes and edges with their marks, in an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from floe_plugins.core.refs import PluginRef
from floe_plugins.dependencies import graph
from floe_plugins.reporting.static_dependencies import StaticDependencies, StaticDependency

_BROKEN = {"missing", "disabled", "ambiguous", "incompatible", "invalid"}


class Node(NamedTuple):
    """A plugin, or a dependency that no plugin meets.

    Attributes:
        name: the ref, or the dependency as it is declared.
        kind: ``selected``, ``unselected``, ``disabled``, ``refused``, ``failed`` or ``missing``.
        notes: what is to be known of it.
    """

    name: str
    kind: str
    notes: tuple[str, ...] = ()


class Edge(NamedTuple):
    """A dependency: ``source`` needs ``target``; both are names of nodes.

    Attributes:
        source: the node that needs.
        target: the node that is needed.
        optional: whether the plugin does without it.
        broken: whether it keeps the plugin from being started.
        note: more than the name of the target says, such as ``any storage``.
    """

    source: str
    target: str
    optional: bool
    broken: bool
    note: str


class Diagram(NamedTuple):
    """Nodes by name, edges, and the cycles among hard dependencies (``a -> b -> a``)."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    cycles: tuple[tuple[str, ...], ...]

    def targets(self) -> dict[str, list[Edge]]:
        """Return the edges that begin at each node, in their order; an empty list for a node that needs nothing."""
        found: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return found


def diagram(
    dependencies: StaticDependencies,
    states: Mapping[PluginRef, str],
    reasons: Mapping[PluginRef, str],
    root: PluginRef | None = None,
) -> Diagram:
    """Return the diagram of all plugins, or of one and what it needs.

    Args:
        dependencies: what the plugins need.
        states: the state of each plugin.
        reasons: why each is selected or not, or disabled.
        root: the one plugin.
    """
    nodes = {str(ref): _node(ref, dependencies, states[ref], reasons[ref]) for ref in sorted(dependencies.of)}
    edges: list[Edge] = []
    for ref in sorted(dependencies.of):
        for dependency in dependencies.of[ref]:
            for node, edge in _targets(str(ref), dependency):
                nodes.setdefault(node.name, node)
                edges.append(edge)
    cycles = tuple(tuple(map(str, cycle)) for cycle in graph.cycles(dependencies.graph()).values())
    whole = Diagram(nodes, tuple(sorted(set(edges), key=lambda edge: (edge.source, edge.optional, edge))), cycles)
    return whole if root is None else _below(whole, str(root))


def _node(ref: PluginRef, dependencies: StaticDependencies, state: str, reason: str) -> Node:
    notes: list[str] = []
    if state == "disabled":
        notes.append(reason)
    elif state in {"refused", "failed"}:
        notes.append(state)
    elif ref not in dependencies.started:
        notes.append("not selected")
    if ref in dependencies.unknown and state != "disabled":
        notes.append("what it needs is known when loaded")
    kind = "selected" if ref in dependencies.started else "unselected"
    kind = state if state in {"disabled", "refused", "failed"} else kind
    return Node(str(ref), kind, tuple(notes))


def _targets(source: str, dependency: StaticDependency) -> Iterator[tuple[Node, Edge]]:
    broken = dependency.state in _BROKEN and not dependency.optional
    if dependency.refs and dependency.state != "ambiguous":
        named = "" if dependency.text == str(dependency.refs[0]) else dependency.text
        note = f"any {dependency.text}" if dependency.category else named
        note = f"{note}, and another version is there" if dependency.state == "incompatible" else note
        for ref in dependency.refs:
            yield Node(str(ref), "missing"), Edge(source, str(ref), dependency.optional, broken, note)
        return
    note = "missing"
    if dependency.state == "ambiguous":
        choices = " or ".join(map(str, dependency.refs))
        note = f"none is selected of {choices}" if dependency.category else f"may mean {choices}"
    elif dependency.state == "invalid":
        note = "not a dependency"
    yield Node(dependency.text, "missing", (note,)), Edge(source, dependency.text, dependency.optional, broken, "")


def _below(whole: Diagram, root: str) -> Diagram:
    targets = whole.targets()
    reached, rest = {root}, [root]
    while rest:
        found = {edge.target for edge in targets[rest.pop()]} - reached
        reached |= found
        rest += found
    return Diagram(
        {name: node for name, node in whole.nodes.items() if name in reached},
        tuple(edge for edge in whole.edges if edge.source in reached),
        tuple(cycle for cycle in whole.cycles if reached.issuperset(cycle)),
    )
