"""The diagram of what plugins need: what is drawn, and that it is always the same."""

from __future__ import annotations

from floe_plugins import PluginRef
from floe_plugins.cli.drawing.graph_model import Diagram, Edge, diagram
from floe_plugins.reporting.static_dependencies import Declared, find_dependencies

DECLARED = {
    "catalog:c": Declared((), ("storage:x",)),
    "compute:a": Declared(("secrets", "storage:gone", "compute:b"), ()),
    "compute:b": Declared(("compute:a", "storage:off"), ()),
    "secrets:s": Declared(None, ()),
    "storage:off": Declared((), (), disabled=True),
    "storage:x": Declared((), ()),
}


def draw(root: str | None = None, names: list[str] | None = None) -> Diagram:
    declared = {PluginRef.parse(name): DECLARED[name] for name in names or DECLARED}
    selected = [ref for ref in declared if str(ref) in {"compute:a", "catalog:c"}]
    states = {ref: "disabled" if each.disabled else "discovered" for ref, each in declared.items()}
    reasons = {ref: f"{ref} has a reason" for ref in declared}
    return diagram(find_dependencies(declared, selected), states, reasons, root and PluginRef.parse(root))


def test_nodes_say_what_is_wrong_with_them() -> None:
    nodes = draw().nodes
    assert {name: node.kind for name, node in nodes.items()} == {
        "catalog:c": "selected",
        "compute:a": "selected",
        "compute:b": "selected",
        "secrets:s": "selected",
        "storage:gone": "missing",
        "storage:off": "disabled",
        "storage:x": "unselected",
    }
    assert nodes["secrets:s"].notes == ("what it needs is known when loaded",)
    assert nodes["storage:off"].notes == ("storage:off has a reason",)


def test_edges_tell_hard_from_optional_and_met_from_broken() -> None:
    edges = {(edge.source, edge.target): edge for edge in draw().edges}
    any_secrets = Edge("compute:a", "secrets:s", optional=False, broken=False, note="any secrets")
    assert edges["compute:a", "secrets:s"] == any_secrets
    assert edges["compute:a", "storage:gone"].broken
    assert edges["compute:b", "storage:off"].broken
    assert edges["catalog:c", "storage:x"].optional


def test_cycles_are_named() -> None:
    assert draw().cycles == (("compute:a", "compute:b", "compute:a"),)


def test_below_one_plugin_stands_what_it_needs_alone() -> None:
    drawn = draw("catalog:c")
    assert [*drawn.nodes] == ["catalog:c", "storage:x"]
    assert drawn.cycles == ()


def test_the_order_of_discovery_does_not_matter() -> None:
    backwards = draw(names=[*reversed(DECLARED)])
    assert backwards == draw()
    assert [*backwards.nodes] == [*draw().nodes]
