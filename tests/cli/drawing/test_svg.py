"""The drawing is valid XML that loads nothing and runs nothing, whatever plugins say, and has two sets of colours."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.cli.drawing.graph_model import Diagram, Edge, Node
from floe_plugins.cli.drawing.svg import svg

SPACE = "{http://www.w3.org/2000/svg}"
EVIL = "</title><script>alert(1)</script>\x1b&quot;\ufffe\ud800"


def drawn(text: str) -> Diagram:
    nodes = {name: Node(name, "selected") for name in ("a", "b", "lonely")} | {text: Node(text, "missing", (text,))}
    pairs = [("a", "b"), ("b", "a"), ("b", text), ("a", text), (text, text)]
    return Diagram(nodes, tuple(Edge(x, y, optional=x == "a", broken=False, note=text) for x, y in pairs), ())


@given(st.text(min_size=1) | st.just(EVIL))
def test_it_is_valid_and_holds_no_more_than_drawing(text: str) -> None:
    root = ET.fromstring(svg(drawn(text)))  # noqa: S314 our own
    names = {element.tag.removeprefix(SPACE) for element in root.iter()}
    assert names == {"svg", "title", "style", "marker", "path", "rect", "g", "text"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or "href" in name}


def test_each_node_and_edge_says_what_it_is() -> None:
    root = ET.fromstring(svg(drawn("storage:gone")))  # noqa: S314 our own
    titles = [element.text for element in root.iter(f"{SPACE}title")]
    assert "b needs a (storage:gone)" in titles
    assert "a can use b (storage:gone)" in titles
    assert "storage:gone: storage:gone" in titles


def test_every_node_lies_within_the_picture() -> None:
    root = ET.fromstring(svg(drawn("x" * 300)))  # noqa: S314 our own
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{SPACE}rect"):
        if box.attrib["class"] == "node":
            assert float(box.attrib["x"]) + float(box.attrib["width"]) <= width
            assert float(box.attrib["y"]) + float(box.attrib["height"]) <= height


def test_it_has_colours_for_light_and_dark_pages() -> None:
    assert "prefers-color-scheme:dark" in svg(drawn("x"))


def test_nothing_is_drawn_as_an_empty_picture() -> None:
    ET.fromstring(svg(Diagram({}, (), ())))  # noqa: S314 our own
