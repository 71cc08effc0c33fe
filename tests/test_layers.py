"""Imports run one way: a module imports only what stands above it in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import floe_plugins

PACKAGE = Path(floe_plugins.__file__).parent
ARCHITECTURE = Path(__file__).parent.parent / "docs" / "architecture.md"
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)
ENTRANCES = {"__main__"}


def layers() -> list[str]:
    return re.findall(r"^\| `([\w/*]+)` \|", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)


def layer_of(module: str) -> str:
    top = module.partition(".")[0]
    return next((layer for layer in layers() if layer.rstrip("/*") == top), top)


def imported(module: str) -> set[str]:
    """Our modules that a module imports anywhere, in functions and for type checkers too."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            found |= {f"{base}.{alias.name}" if base == "floe_plugins" else base for alias in node.names}
    return {name.removeprefix("floe_plugins.") for name in found if name.startswith("floe_plugins.")}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_place_in_the_architecture(module: str) -> None:
    assert layer_of(module) in layers() or module in ENTRANCES


@pytest.mark.parametrize("module", [module for module in MODULES if module not in ENTRANCES])
def test_a_module_imports_only_what_stands_above_it(module: str) -> None:
    order = layers()
    own = order.index(layer_of(module))
    below = {name for name in imported(module) if order.index(layer_of(name)) > own}
    assert not below


@pytest.mark.parametrize("package", ["configuration", "hookspecs", "cli"])
def test_modules_of_a_package_import_each_other_without_a_circle(package: str) -> None:
    graph = {module: imported(module) for module in MODULES if module.startswith(f"{package}.")}
    import graphlib

    inside = {module: needs & graph.keys() for module, needs in graph.items()}
    assert set(graphlib.TopologicalSorter(inside).static_order()) == graph.keys()


def test_nothing_imports_the_package_root() -> None:
    for path in PACKAGE.rglob("*.py"):
        names = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module == "floe_plugins"
            for alias in node.names
        ]
        assert not set(names) & set(floe_plugins.__all__), f"{path} imports from the root"
