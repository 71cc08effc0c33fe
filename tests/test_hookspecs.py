"""The contracts of the categories: complete, documented, few, and one class each."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from support import run_code, write_project

import floe_plugins
from floe_plugins import PluginMetadata, PluginType, hookspecs

LIFECYCLE = {"startup", "shutdown", "health_check"}
HOOKS = [
    (member, name)
    for member in PluginType
    for name in sorted(vars(member.spec))
    if hasattr(inspect.getattr_static(member.spec, name), "floe_spec")
]


@pytest.mark.parametrize("member", PluginType)
def test_a_category_is_one_abstract_class_with_a_few_hooks(member: PluginType) -> None:
    own = {name for category, name in HOOKS if category is member}
    assert issubclass(member.spec, PluginMetadata)
    required = member.spec.__abstractmethods__
    assert 3 <= len(required) <= 7
    assert required <= own
    assert len(own - required) <= 7
    assert not own & LIFECYCLE


@pytest.mark.parametrize(("member", "name"), HOOKS, ids=lambda value: getattr(value, "slug", value))
def test_a_hook_is_documented_and_fully_annotated(member: PluginType, name: str) -> None:
    function = getattr(member.spec, name)
    assert inspect.getdoc(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not p.empty for p in list(signature.parameters.values())[1:])


@pytest.mark.parametrize(("member", "name"), HOOKS, ids=lambda value: getattr(value, "slug", value))
def test_a_hook_takes_nothing_that_pluggy_could_not_pass(member: PluginType, name: str) -> None:
    kinds = {p.kind for p in inspect.signature(getattr(member.spec, name)).parameters.values()}
    assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


@pytest.mark.parametrize("member", PluginType)
def test_a_contract_says_whether_threads_may_share_it(member: PluginType) -> None:
    text = " ".join((inspect.getdoc(getattr(member.spec, name)) or "") for _, name in HOOKS if _ is member)
    assert "thread" in (inspect.getdoc(member.spec) or "") + text


def test_the_lifecycle_stands_once_on_the_base() -> None:
    for name in LIFECYCLE:
        owners = {cls for member in PluginType for cls in member.spec.__mro__ if name in vars(cls)}
        assert owners == {PluginMetadata}


ROOT = Path(__file__).parent.parent
EXERCISED = re.findall(
    r"^\| `(\w+:[\w-]+)` \| `(\w+)` \| `([\w.]+)::(\w+)` \|$",
    (ROOT / "docs" / "reference-plugins.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def reference_plugins() -> dict[str, Path]:
    """The project of each reference plugin, by ref."""
    found = {}
    for project in (ROOT / "testplugins" / "reference").glob("*/pyproject.toml"):
        [group, name] = re.search(  # type: ignore[union-attr]
            r'entry-points\."([\w.]+)"\]\n([\w-]+) =', project.read_text(encoding="utf-8")
        ).groups()
        found[f"{PluginType(group).slug}:{name}"] = project.parent
    return found


def test_every_category_has_a_reference_plugin_and_every_hook_of_each_a_test_on_its_engine() -> None:
    plugins = reference_plugins()
    assert {PluginType.parse(ref.partition(":")[0]) for ref in plugins} == set(PluginType)
    expected = {
        (ref, hook)
        for ref, project in plugins.items()
        for member, hook in HOOKS
        if member.slug == ref.partition(":")[0]
        if hook in member.spec.__abstractmethods__ or overrides(project, hook)
    }
    assert {(ref, hook) for ref, hook, _, _ in EXERCISED} == expected


def overrides(project: Path, hook: str) -> bool:
    """Whether the class of the plugin has a method of that name."""
    [module] = project.glob("src/*/plugin.py")
    classes = [node for node in ast.parse(module.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    names = {node.name for each in classes for node in each.body if isinstance(node, ast.FunctionDef)}
    return hook in names


@pytest.mark.parametrize(("member", "name"), HOOKS, ids=lambda value: getattr(value, "slug", value))
def test_a_hook_that_an_api_version_added_says_which_and_need_not_be_implemented(member: PluginType, name: str) -> None:
    first = json.loads((ROOT / "tests" / "api" / "1.0.json").read_text(encoding="utf-8"))["hooks"][member.slug]
    added = getattr(getattr(member.spec, name), "floe_added_in", "1.0")
    assert (added != "1.0") == (name not in first) == (name not in member.spec.__abstractmethods__)


@pytest.mark.parametrize(("ref", "hook", "file", "test"), EXERCISED, ids=lambda value: value)
def test_the_test_that_is_named_for_a_hook_calls_it(ref: str, hook: str, file: str, test: str) -> None:
    source = (reference_plugins()[ref] / "tests" / file).read_text(encoding="utf-8")
    [body] = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.name == test]
    called = {node.func.attr for node in ast.walk(body) if isinstance(node, ast.Call) and hasattr(node.func, "attr")}
    mentioned = {node.attr for node in ast.walk(body) if isinstance(node, ast.Attribute)}
    assert hook in called | mentioned


def test_hookspec_modules_import_no_engine() -> None:
    code = "import sys, json\nfrom floe_plugins import *\nfor m in PluginType: m.spec\nprint(sorted(sys.modules))"
    loaded = run_code(code, check=True).stdout
    for engine in ("duckdb", "pyarrow", "dagster", "pyiceberg", "fsspec", "pydantic_core"):
        assert f"'{engine}'" not in loaded


def test_a_twelfth_category_takes_one_module_and_one_row(tmp_path: Path, environment: Any) -> None:
    package = tmp_path / "floe_plugins"
    source = Path(floe_plugins.__file__).parent
    for path in source.rglob("*.py"):
        copy = package / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (package / "hookspecs" / "quality.py").write_text(
        textwrap.dedent('''
        """Quality: checks data."""
        from floe_plugins.hookspecs.base import PluginMetadata, hookspec
        class QualityPlugin(PluginMetadata):
            """One checker of data."""
            @hookspec(firstresult=True)
            def check(self, table: str) -> bool:
                """Whether the table is fine."""
        '''),
        encoding="utf-8",
    )
    refs = package / "core" / "refs.py"
    row = '    QUALITY = "floe.quality", "quality:QualityPlugin"\n'
    text = refs.read_text(encoding="utf-8")
    last = next(line for line in text.splitlines(keepends=True) if "IDENTITY" in line)
    refs.write_text(text.replace(last, last + row), encoding="utf-8")
    plugin = """
        from floe_plugins import QualityPlugin
        class Plugin(QualityPlugin):
            name = "acme"; version = "1"; floe_api_version = "1.0"
            def check(self, table): return table == "good"
    """
    project = write_project(tmp_path / "acme", "floe.quality", acme=plugin)
    plugins = environment(project)
    code = """
        from floe_plugins import PluginRef, PluginRegistry, PluginType, QualityPlugin
        with PluginRegistry() as registry:
            assert registry.get(QualityPlugin, "acme") is registry.get(PluginType.QUALITY, "acme")
            assert registry.manager(QualityPlugin).hook.check(table="good") is True
            print([str(ref) for ref in registry.resolve()])
    """
    done = plugins.run(code, env={"PYTHONPATH": f"{tmp_path}{__import__('os').pathsep}{plugins.path}"})
    assert done.stdout.strip() == "['quality:acme']"


def public_names(module: Path) -> set[str]:
    """The records and protocols that a module defines."""
    nodes = ast.parse(module.read_text(encoding="utf-8")).body
    classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    targets = {target.id for node in nodes if isinstance(node, ast.Assign) for target in node.targets}
    return {name for name in classes | targets if not name.startswith("_") and not name.endswith("Plugin")}


def test_all_records_and_protocols_are_importable_from_one_place() -> None:
    folder = Path(hookspecs.__file__).parent
    modules = {
        path.stem: public_names(path) for path in folder.glob("*.py") if path.stem not in {"__init__", "base", "calls"}
    }
    assert sorted(hookspecs.__all__) == sorted(name for names in modules.values() for name in names)
    for module, names in modules.items():
        for name in names:
            home = importlib.import_module(f"floe_plugins.hookspecs.{module}")
            assert getattr(hookspecs, name) is getattr(home, name)


def test_type_checkers_see_the_same_names_in_it() -> None:
    tree = ast.parse(Path(hookspecs.__file__).read_text(encoding="utf-8"))
    [seen] = [node.body for node in tree.body if isinstance(node, ast.If)]
    names = {alias.asname for node in seen if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(hookspecs.__all__)
