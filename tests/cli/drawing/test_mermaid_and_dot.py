"""Mermaid and Graphviz: whatever plugins call their dependencies stays text."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.cli.drawing.graph_model import Diagram, Edge, Node
from floe_plugins.cli.drawing.mermaid_and_dot import dot, mermaid

EVIL = '"]; click n0 "javascript:1" \\ <b>&amp;\n#34; é`'


def drawn(text: str) -> Diagram:
    nodes = {"a": Node("a", "selected"), text: Node(text, "missing", (text,))}
    return Diagram(nodes, (Edge("a", text, optional=True, broken=True, note=text),), ())


@given(st.text() | st.just(EVIL))
def test_labels_of_mermaid_hold_harmless_characters_alone(text: str) -> None:
    found = mermaid(drawn(f"{text}!"))
    for label in re.findall(r'"([^"]*)"', found):
        assert re.fullmatch(r"([A-Za-z0-9 :,._/-]|#\d+;|<br/>)*", label)
    assert found.count('"') == 6
    assert len(found.splitlines()) == 10


@given(st.text() | st.just(EVIL))
def test_labels_of_graphviz_are_closed_where_they_end(text: str) -> None:
    found = dot(drawn(f"{text}!"))
    assert found.isascii()
    assert len(found.splitlines()) == 7
    line = re.compile(r' +n\d(?: -> n\d)? \[label="(?:[^"\\]|\\.)*"(?:, (?:style=dashed|color="#cf222e"))*\]')
    assert sum(line.fullmatch(each) is not None for each in found.splitlines()) == 3


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it() -> None:
    done = subprocess.run(["dot", "-Tplain"], input=dot(drawn(EVIL)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
