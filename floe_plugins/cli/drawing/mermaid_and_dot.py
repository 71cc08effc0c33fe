"""The dependency graph for Mermaid and Graphviz. Whatever plugins call their dependencies, it is text there."""

from __future__ import annotations

from collections.abc import Mapping

from floe_plugins.cli.drawing.graph_model import Diagram, Edge
from floe_plugins.core.safe_text import escape

_BAD = ("missing", "refused", "failed")


def mermaid(drawn: Diagram) -> str:
    """Return a Mermaid flowchart.

    >>> from floe_plugins.cli.drawing.graph_model import Node
    >>> print(mermaid(Diagram({"a": Node("a", "selected")}, (), ())), end="")
    flowchart LR
        n0["a"]
        class n0 selected
        classDef selected stroke-width:2px
        classDef unselected stroke-dasharray:2 2
        classDef disabled stroke-dasharray:4 4,color:#888
        classDef bad stroke:#cf222e,stroke-width:2px
    """
    ids = _ids(drawn)
    lines = ["flowchart LR"]
    for name, node in drawn.nodes.items():
        label = "<br/>".join(map(_in_mermaid, (name, *node.notes)))
        lines += [f'{ids[name]}["{label}"]', f"class {ids[name]} {'bad' if node.kind in _BAD else node.kind}"]
    for edge in drawn.edges:
        note = _note(edge)
        label = f'|"{_in_mermaid(note)}"|' if note else ""
        lines.append(f"{ids[edge.source]} {'-.->' if edge.optional else '-->'}{label} {ids[edge.target]}")
    lines += [
        "classDef selected stroke-width:2px",
        "classDef unselected stroke-dasharray:2 2",
        "classDef disabled stroke-dasharray:4 4,color:#888",
        "classDef bad stroke:#cf222e,stroke-width:2px",
    ]
    return "\n    ".join(lines) + "\n"


def dot(drawn: Diagram) -> str:
    r"""Return a graph for Graphviz.

    >>> from floe_plugins.cli.drawing.graph_model import Node
    >>> print(dot(Diagram({'a"': Node('a"', "missing", ("not there",))}, (), ())), end="")
    digraph plugins {
        rankdir=LR
        node [shape=box, fontname="monospace"]
        n0 [label="a\"\nnot there", color="#cf222e"]
    }
    """
    ids = _ids(drawn)
    lines = ["digraph plugins {", "rankdir=LR", 'node [shape=box, fontname="monospace"]']
    for name, node in drawn.nodes.items():
        label = r"\n".join(map(_in_dot, (name, *node.notes)))
        style = ', color="#cf222e"' if node.kind in _BAD else "" if node.kind == "selected" else ", style=dashed"
        lines.append(f'{ids[name]} [label="{label}"{style}]')
    for edge in drawn.edges:
        facts = [
            *([f'label="{_in_dot(_note(edge))}"'] if _note(edge) else []),
            *(["style=dashed"] if edge.optional else []),
            *(['color="#cf222e"'] if edge.broken else []),
        ]
        lines.append(f"{ids[edge.source]} -> {ids[edge.target]}" + (f" [{', '.join(facts)}]" if facts else ""))
    return "\n    ".join(lines) + "\n}\n"


def _ids(drawn: Diagram) -> Mapping[str, str]:
    return {name: f"n{place}" for place, name in enumerate(drawn.nodes)}


def _note(edge: Edge) -> str:
    return "; ".join(filter(None, ("optional" if edge.optional else "", edge.note)))


def _in_mermaid(text: str) -> str:
    # Mermaid has its own entities, "#34;" for a quote. All that is not certainly harmless is written so.
    return "".join(each if _is_harmless(each) else f"#{ord(each)};" for each in escape(text))


def _is_harmless(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in " :,._-/")


def _in_dot(text: str) -> str:
    # Graphviz reads both escapes and XML's entities in a label.
    escaped = escape(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return escaped.encode("ascii", "xmlcharrefreplace").decode()
