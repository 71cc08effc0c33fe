"""The dependency graph as an SVG document that stands alone: no script, nothing loaded, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape as escape_xml  # xml.sax imports an HTTP client
from itertools import pairwise
from typing import NamedTuple

from floe_plugins.cli.drawing.graph_model import Diagram, Edge, Node
from floe_plugins.cli.drawing.layout import Layout, Place, layout
from floe_plugins.cli.drawing.table import cell_width
from floe_plugins.core.safe_text import escape

_MARGIN, _ROW, _BETWEEN = 20, 56, 90
_HEIGHT, _CHARACTER, _SMALL = 40, 8, 6.8
_PADDING = 12
_LONGEST = 60  # characters of a name or note that are shown; a title has all
_WIDEST = 900  # of the nodes without edges

_STYLE = """
.page{fill:#ffffff}text{font:13px ui-monospace,monospace;fill:#1f2328}.note{font-size:11px;fill:#59636e}
.node{fill:#f6f8fa;stroke:#59636e}.selected .node{fill:#ddf4ff;stroke:#0969da}
.unselected .node{stroke-dasharray:2 3}.disabled .node{stroke-dasharray:5 4}.disabled text{fill:#59636e}
.missing .node,.refused .node,.failed .node{fill:#ffebe9;stroke:#cf222e}
.edge{fill:none;stroke:#59636e;stroke-width:1.4}.optional{stroke-dasharray:5 4}.broken{stroke:#cf222e}
.tip{fill:#59636e}
@media (prefers-color-scheme:dark){
.page{fill:#0d1117}text{fill:#f0f6fc}.note,.disabled text{fill:#9198a1}
.node{fill:#151b23;stroke:#9198a1}.selected .node{fill:#121d2f;stroke:#4493f8}
.missing .node,.refused .node,.failed .node{fill:#25171c;stroke:#f85149}
.edge{stroke:#9198a1}.broken{stroke:#f85149}.tip{fill:#9198a1}}
"""


class _Box(NamedTuple):
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + _HEIGHT / 2


def svg(drawn: Diagram) -> str:
    """Return a diagram as SVG, in ASCII; what plugins call themselves is text in it, whatever it looks like.

    >>> from floe_plugins.cli.drawing.graph_model import Node
    >>> drawn = svg(Diagram({"<a>": Node("<a>", "failed")}, (), ()))
    >>> "<a>" in drawn, "&lt;a&gt;" in drawn
    (False, True)
    """
    placed = layout(drawn)
    boxes, width, height = _boxes(drawn, placed)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>What {len(drawn.nodes)} plugins need</title><style>{_STYLE}</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker>',
        '<rect class="page" width="100%" height="100%"/>',
        *(_edge(edge, placed, boxes) for edge in drawn.edges),
        *(line for name, node in drawn.nodes.items() for line in _node(node, boxes[name,])),
        "</svg>",
        "",
    ]
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode()


def _boxes(drawn: Diagram, placed: Layout) -> tuple[Mapping[Place, _Box], float, float]:
    """Return where each place is, and the size of all."""
    tallest = max(map(len, placed.columns), default=0)
    boxes: dict[Place, _Box] = {}
    x = float(_MARGIN)
    for column in placed.columns:
        width = max((_width(drawn.nodes[place[0]]) for place in column if len(place) == 1), default=0.0)
        top = _MARGIN + (tallest - len(column)) * _ROW / 2
        boxes.update({place: _Box(x, top + row * _ROW, width) for row, place in enumerate(column)})
        x += width + _BETWEEN
    right = max(x - _BETWEEN, _MARGIN)
    y = float(_MARGIN + tallest * _ROW)
    if placed.alone:
        width = max(_width(drawn.nodes[name]) for name in placed.alone)
        step = width + _MARGIN
        across = max(1, int((max(right, _WIDEST) - _MARGIN) // step))
        for number, name in enumerate(placed.alone):
            boxes[name,] = _Box(_MARGIN + number % across * step, y + number // across * _ROW, width)
        right = max(right, min(across, len(placed.alone)) * step)
        y += (len(placed.alone) - 1) // across * _ROW + _ROW
    return boxes, right + _MARGIN, y + _MARGIN - (_ROW - _HEIGHT)


def _width(node: Node) -> float:
    notes = cell_width(_short("; ".join(node.notes))) * _SMALL
    return max(cell_width(_short(node.name)) * _CHARACTER, notes) + 2 * _PADDING


def _short(text: str) -> str:
    text = escape(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _node(node: Node, box: _Box) -> Iterator[str]:
    notes = "; ".join(node.notes)
    title = f"{node.name}: {notes}" if notes else node.name
    yield f'<g class="{node.kind}"><title>{_xml(title)}</title>'
    yield f'<rect class="node" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{_HEIGHT}" rx="6"/>'
    base = box.y + (18 if notes else 25)
    yield f'<text x="{box.x + _PADDING:.1f}" y="{base:.1f}">{_xml(_short(node.name))}</text>'
    if notes:
        yield f'<text class="note" x="{box.x + _PADDING:.1f}" y="{base + 15:.1f}">{_xml(_short(notes))}</text>'
    yield "</g>"


def _edge(edge: Edge, placed: Layout, boxes: Mapping[Place, _Box]) -> str:
    marks = "".join([" optional" if edge.optional else "", " broken" if edge.broken else ""])
    note = f" ({edge.note})" if edge.note else ""
    title = f"{edge.source} {'can use' if edge.optional else 'needs'} {edge.target}{note}"
    return (
        f'<path class="edge{marks}" marker-end="url(#tip)" d="{_line(edge, placed, boxes)}">'
        f"<title>{_xml(title)}</title></path>"
    )


def _line(edge: Edge, placed: Layout, boxes: Mapping[Place, _Box]) -> str:
    if edge.source == edge.target:
        source = boxes[edge.source,]
        x, y = source.x + source.width, source.middle
        return f"M{x:.1f} {y - 8:.1f}c40 -12 40 28 0 16"
    is_backward = (edge.source, edge.target) in placed.backward
    # Beside the edge of the other direction.
    down = 8 if is_backward else 0
    ends = (edge.target, edge.source) if is_backward else (edge.source, edge.target)
    left, right = boxes[ends[0],], boxes[ends[1],]
    points = [(left.x + left.width, left.middle + down)]
    for place in placed.passed[ends]:
        points += [(boxes[place].x, boxes[place].middle), (boxes[place].x + boxes[place].width, boxes[place].middle)]
    points.append((right.x, right.middle + down))
    if is_backward:
        points.reverse()
    line = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for number, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        # Straight through a column, bent between two.
        bend = 0.0 if number % 2 else (to_x - x) / 2
        line += f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return line


def _xml(text: str) -> str:
    return escape_xml(escape(text))
