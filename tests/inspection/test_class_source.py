"""Classes are found in the source of their package, with their base classes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from floe_plugins import Distribution, PluginType
from floe_plugins.inspection.class_source import BASE, UNKNOWN_BASE, ClassReader, Definition, ExternalName
from floe_plugins.inspection.source_files import SourceModules


def reader(site: Path, **modules: str) -> ClassReader:
    package = site / "acme"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, code in modules.items():
        (package / f"{name}.py").write_text(code, encoding="utf-8")
    return ClassReader(SourceModules(Distribution("acme", "1.0", str(site / "acme-1.0.dist-info"))), "acme")


def name_of(each: Definition | ExternalName) -> str:
    if isinstance(each, ExternalName):
        return f"{each.module}.{each.name}"
    assert isinstance(each.node, ast.ClassDef)
    return each.node.name


def test_base_classes_are_followed_through_the_package_and_end_at_ours(tmp_path: Path) -> None:
    found = reader(
        tmp_path,
        base="from floe_plugins import ComputePlugin as Compute\nclass Base(Compute): ...\nclass Mixin: ...\n",
        plugin="from .base import Base, Mixin\nclass Plugin(Base): ...\nAlias = Plugin\n",
    )
    category = ExternalName(*PluginType.COMPUTE.spec_name)
    mro = found.mro("acme.plugin", "Alias")
    assert mro is not None
    assert [*map(name_of, mro)] == ["Plugin", "Base", f"{category.module}.{category.name}", ".".join(BASE)]
    assert found.category is PluginType.COMPUTE


def test_what_is_not_certain_ends_in_an_unknown_base(tmp_path: Path) -> None:
    found = reader(tmp_path, plugin="import other\nclass Plugin(other.Base): ...\n@other.changed\nclass Odd: ...\n")
    for name in ("Plugin", "Odd"):
        mro = found.mro("acme.plugin", name)
        assert mro is not None
        assert mro[-1] == UNKNOWN_BASE


@pytest.mark.parametrize(
    "source", ["Plugin = make()", "from other import Plugin", "class Plugin: ...\nPlugin.x = 1", ""]
)
def test_what_is_no_class_of_the_package_is_unknown(tmp_path: Path, source: str) -> None:
    mro = reader(tmp_path, plugin=source).mro("acme.plugin", "Plugin")
    assert mro is None or mro == [UNKNOWN_BASE]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("self.name = 1", True),
        ("a, (self.name, b) = 1, (2, 3)", True),
        ("for self.name in (): ...", True),
        ("del other.name", True),
        ("with x as self.name: ...", True),
        ("self.name += 1", True),
        ("self.name: int = 1", True),
        ("self.name\\\n            = 1", True),
        ("[0 for self.name in ()]", True),
        ("print(self.names); self.name = 1", True),
        ("print(self.name, self.name.x)", False),
        ("self.x.name = 1", False),
        ("print(self.name if self.name else f'{self.name!r}', [self.name for x in ()])", False),
    ],
)
def test_attributes_that_a_method_sets_are_found(tmp_path: Path, statement: str, *, found: bool) -> None:
    classes = reader(tmp_path, plugin=f"class Plugin:\n    def f(self):\n        {statement}\n")
    mro = classes.mro("acme.plugin", "Plugin")
    assert mro is not None
    assert isinstance(mro[0], Definition)
    assert classes.sets_on_instance(mro[0], "name") is found
