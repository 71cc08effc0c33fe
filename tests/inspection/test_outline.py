"""An outline binds all names by the same statements as its source, and what is cut is not lost."""

from __future__ import annotations

import ast
import asyncio
import email
import json
import warnings
from pathlib import Path

import pytest

import floe_plugins
from floe_plugins.inspection.outline import Functions, outline


def put_back(cut: bytes, functions: Functions) -> bytes:
    lines = cut.split(b"\n")
    for line, function in functions.items():
        own = function.removesuffix(b"\n").split(b"\n")
        lines[line - 1 : line - 1 + len(own)] = own
    return b"\n".join(lines)


NONE = ast.arguments([], [], None, [], [], None, [])


def without_functions(source: bytes) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.args, node.returns, node.body = NONE, None, []
    return ast.dump(tree)


def is_right(source: bytes) -> bool:
    """Whether the outline says the same as the source, or cannot be parsed, which sends its reader to the source."""
    cut, functions = outline(source)
    assert put_back(cut, functions) == source
    try:
        found = without_functions(cut)
    except SyntaxError:
        return True
    return found == without_functions(source)


@pytest.mark.once
@pytest.mark.parametrize("package", [asyncio, email, json, floe_plugins])
def test_the_outline_of_real_sources_has_all_but_what_is_in_their_functions(package: object) -> None:
    files = [*Path(str(vars(package)["__file__"])).parent.glob("*.py")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [str(file) for file in files if not is_right(file.read_bytes())] == []


def test_functions_are_cut_whatever_they_look_like() -> None:
    source = b"""
class A:
    x = 1

    @decorated
    async def f(
        self, y: int = 2
    ) -> None:
        'one'
# a comment

        return 2
    text = 't'
    def g(self): return 1

def h():
    def inner():
        return 3
    return inner
z = 4
"""
    cut, functions = outline(source)
    assert without_functions(cut) == without_functions(source)
    assert sorted(functions) == [6, 14, 16]
    assert b"return 2" not in cut
    assert b"inner" not in cut
    assert cut.count(b"\n") == source.count(b"\n")


DOCUMENTED = b'def f():\n    """One.\n\nTwo:\n    """\n    return 1\nx = 2\n'


def test_a_text_of_several_lines_ends_no_body() -> None:
    cut, functions = outline(DOCUMENTED)
    assert (cut, [*functions]) == (b"def f(): pass\n\n\n\n\n\nx = 2\n", [1])


@pytest.mark.parametrize(
    "source",
    [
        b'x = """\ndef f():\n    return 1\n"""\n',
        b"x = '''\ndef f():\n    return 1\n'''\n",
        b'x = "\\\ndef f():\\\n    return 1"\n',
        b'x = \'"""\'\ndef f():\n    return 1\ny = \'"""\'\n',
        b'# """\ndef f():\n    return 1\n# """\n',
        b'x = """ \\"""\ndef f():\n    return 1\n"""\n',
        b'x = """a""" + """\ndef f():\n    return 1\n"""\n',
        b"def f():\n    x = dict(\ny=2\n    )\n    return x\nz = 1\n",
        b"def f():\n    x = dict(\ny=2\n)\n    return x\nz = 1\n",
        b"def f(x={1:\n    2}):\n    return x\nz = 1\n",
        b"def f():  # why\n    if True:\n        return 1\n    return 2\nz = 1\n",
        b"def f(): return 1\nif True:\n    x = 2\n",
        b"if True:\n\tdef f():\n\t    return 1\n",
        b"def f():\r\n    return 1\r\nx = 2\r\n",
        b"# coding: latin-1\ndef f():\n    return '\xe9'\n",
        b"def f(): \\\nx = 2\n",
        b"def f():\n    return 1",
        b"",
    ],
)
def test_what_is_unusual_is_right_too(source: bytes) -> None:
    assert is_right(source)


def test_a_text_within_a_text_is_left_whole() -> None:
    source = b'x = f"""{g("""\ndef f():\n    return 1\n""")}"""\n'
    assert outline(source) == (source, {})
