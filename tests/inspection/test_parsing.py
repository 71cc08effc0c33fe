"""Of a module is known which statement binds a name, and what other statements change."""

from __future__ import annotations

import ast

import pytest

from floe_plugins.inspection.parsing import Module, bindings, read_module


def parsed(source: str) -> Module:
    module = read_module("acme", source.encode(), "acme.py", is_package=False)
    assert module is not None
    return module


def test_a_name_is_bound_by_its_only_simple_statement() -> None:
    bound = parsed("import a.b\nx = 1\ny: int = 2\nz: int\nclass C: ...\ndef f(): ...").bindings
    kinds = {name: type(statement).__name__ for name, statement in bound.items()}
    assert kinds == {"a": "Import", "x": "Assign", "y": "AnnAssign", "C": "ClassDef", "f": "FunctionDef"}


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\nx = 2",
        "if True:\n    x = 1",
        "x, y = 1, 2",
        "x = y = 1",
        "for x in (): ...",
        "with open('f') as x: ...",
        "try: ...\nexcept ValueError as x: ...",
        "(x := 1)",
        "match 3:\n    case x: ...",
        "x = 1\ndef f():\n    global x\n    x = 2\n",
        "class C:\n    def f(self):\n        global x\n        x = 2\nx = 1\n",
        "class C:\n    global x\n    x = 2\n    def f(self):\n        return 1\nx = 1\n",
    ],
)
def test_a_name_that_another_statement_may_bind_has_no_statement(source: str) -> None:
    assert parsed(source).bindings["x"] is None


def test_star_imports_make_a_body_unknown() -> None:
    assert bindings(ast.parse("x = 1\nfrom a import *").body) is None


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("C.version = '2'", True),
        ("def f():\n    del C.version", True),
        ("def f():\n    print(C.version)\n    x = = 1\n", True),  # a function that cannot be parsed may do anything
        ("setattr(C, 'version', '2')", True),
        ("delattr(C, 'version')", True),
        ("setattr (\n    C, 'version', '2')", True),
        ("C  .version = '2'", True),
        ("BC = CB = C\nBC.version = CB.version = '2'", False),
        ("print(C.version)", False),
        ("D.version = '2'", False),
        ("x = C", False),
    ],
)
def test_statements_that_set_attributes_of_a_name_are_found(source: str, *, found: bool) -> None:
    assert parsed(f"class C: ...\n{source}").sets_attribute_of("C") is found


@pytest.mark.parametrize(
    ("module", "is_package", "source", "expected"),
    [
        ("a.b", False, "from x.y import z", "x.y"),
        ("a.b", False, "from . import z", "a"),
        ("a.b", False, "from .c import z", "a.c"),
        ("a.b", True, "from .c import z", "a.b.c"),
        ("a.b", True, "from ..c import z", "a.c"),
        ("a.b", False, "from ... import z", None),
        ("a", False, "from . import z", None),
    ],
)
def test_relative_imports_are_resolved(module: str, source: str, expected: str | None, *, is_package: bool) -> None:
    [statement] = ast.parse(source).body
    assert isinstance(statement, ast.ImportFrom)
    found = read_module(module, b"", "", is_package=is_package)
    assert found is not None
    assert found.absolute(statement) == expected


def class_of(module: Module) -> ast.stmt:
    found = module.bindings["C"]
    assert found is not None
    return found


def attributes(module: Module, word: bytes) -> list[str]:
    parts = module.parts(class_of(module), lambda source: word in source)
    assert parts is not None
    return [each.attr for part in parts for each in ast.walk(part) if isinstance(each, ast.Attribute)]


def test_the_functions_of_a_class_are_parsed_where_they_are_wanted() -> None:
    functions = "class C:\n    def f(self):\n        self.x = 1\n    async def g(self):\n        await self.y\n"
    module = parsed(f"{functions}    z = C.z\ndef h(c):\n    c.x = 2\n")
    assert attributes(module, b".x") == ["z", "x"]
    assert attributes(module, b".y") == ["z", "y"]
    assert attributes(module, b".w") == ["z"]


def test_a_function_that_cannot_be_parsed_is_told_from_others() -> None:
    module = parsed("class C:\n    def f(self):\n        self.x = = 1\n    def g(self):\n        self.y = 1\n")
    assert module.parts(class_of(module), lambda source: b".x" in source) is None
    assert attributes(module, b".y") == ["y"]
