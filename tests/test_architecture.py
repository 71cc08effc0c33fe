"""The packages and modules are what docs/architecture.md says, and imports run along its arrows."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import floe_plugins

PACKAGE = Path(floe_plugins.__file__).parent
TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
}
FOLDERS = sorted({path.parent for path in MODULES.values()})
ROOT = {"__main__", "_version", "errors", "otel"}
# A module without a test file of its own, and where its promises are tested.
TESTED_ELSEWHERE = {
    "registry.context": "registry/test_current.py",
    "__main__": "cli/test_main.py",
    "cli.commands.start_stop_restart": "cli/supervisor/test_service.py",
    "cli.commands.timings": "cli/supervisor/test_service.py",
    "cli.host.__main__": "cli/supervisor/test_launch.py",
    "cli.status_client": "cli/supervisor/test_service.py",
    "_version": "test_public_api.py",
    "testing.conformance.parts.catalog_writes": "testing/conformance/test_catalog.py",
    "testing.conformance.parts.compute_connections": "testing/conformance/test_compute.py",
    "testing.conformance.parts.compute_files": "testing/conformance/parts/test_compute_queries.py",
    "testing.conformance.flushing": "testing/conformance/test_lineage_backend.py",
    "testing.conformance.parts.identity_keys": "testing/conformance/test_identity.py",
    "testing.conformance.parts.lineage_sending": "testing/conformance/test_lineage_backend.py",
    "testing.conformance.parts.orchestrator_plans": "testing/conformance/test_orchestrator.py",
    "testing.conformance.parts.secrets_writing": "testing/conformance/test_secrets.py",
    "testing.conformance.parts.dbt_projects": "testing/conformance/test_dbt.py",
    "testing.conformance.parts.storage_files": "testing/conformance/test_storage.py",
}


def arrows() -> set[tuple[str, str]]:
    return set(re.findall(r"^ +(\w+) --> (\w+)$", PAGE, re.MULTILINE))


def documented() -> list[str]:
    return re.findall(r"^\| `([\w/]+)` \| ", PAGE.partition("## Modules")[2].partition("\n## ")[0], re.MULTILINE)


def imports(path: Path) -> Iterator[str]:
    """Our modules that a file imports anywhere, in functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else node.module or ""


def is_module(name: str) -> bool:
    place = PACKAGE.parent.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def imported(module: str) -> set[str]:
    names = {name for name in imports(MODULES[module]) if name.startswith("floe_plugins.")}
    return {name.removeprefix("floe_plugins.") for name in names}


def package_of(module: str) -> str:
    return module.partition(".")[0]


def edges() -> set[tuple[str, str]]:
    found = {(package_of(module), package_of(name)) for module in MODULES for name in imported(module)}
    return {(source, target) for source, target in found if source != target}


def reachable(start: str, pairs: set[tuple[str, str]]) -> set[str]:
    found, queue = {start}, [start]
    while queue:
        here = queue.pop()
        fresh = {target for source, target in pairs if source == here} - found
        found |= fresh
        queue += fresh
    return found - {start}


def test_each_import_between_packages_follows_the_arrows() -> None:
    against = {(a, b) for a, b in edges() if a != "__main__" and b not in reachable(a, arrows())}
    assert not against


def test_each_arrow_stands_for_an_import() -> None:
    assert not arrows() - edges()


def test_the_arrows_make_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for source, target in arrows():
        graph.setdefault(source, set()).add(target)
    assert set(graphlib.TopologicalSorter(graph).static_order()) == {name for pair in arrows() for name in pair}


def test_modules_import_each_other_without_a_cycle() -> None:
    graph = {module: imported(module) & MODULES.keys() for module in MODULES}
    assert set(graphlib.TopologicalSorter(graph).static_order()) == MODULES.keys()


def test_every_module_and_package_is_in_the_table_and_nothing_else() -> None:
    packages = {"/".join(folder.relative_to(PACKAGE).parts) + "/" for folder in FOLDERS if folder != PACKAGE}
    assert sorted(documented()) == sorted({module.replace(".", "/") for module in MODULES} | packages)


def test_the_root_holds_the_entrance_alone() -> None:
    assert {module for module in MODULES if "." not in module} == ROOT


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_folder_has_at_most_sixteen_modules_of_at_most_380_lines(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= 16
    for path in modules:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 380, path


def test_every_file_that_a_change_is_said_to_start_in_is_there() -> None:
    table = PAGE.partition("## Where to make a change")[2]
    named = re.findall(r"`([a-z_]+/[\w/]*)`", table)
    assert len(table.strip().splitlines()) >= 12
    for name in named:
        assert (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file(), name


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_test_of_its_name(module: str) -> None:
    *folders, name = module.split(".")
    default = "/".join([*folders, f"test_{name.strip('_')}.py"])
    assert (TESTS / TESTED_ELSEWHERE.get(module, default)).is_file(), default


def test_every_test_of_a_stage_is_the_namesake_of_a_module() -> None:
    names = {"/".join([*module.split(".")[:-1], f"test_{module.split('.')[-1]}.py"]) for module in MODULES}
    across = {
        "hookspecs/test_contracts.py",
        "cli/test_documents.py",
        "configuration/test_bad_files_cli.py",
        "configuration/test_secrets.py",
        "server/test_page.py",
        "server/test_static_files.py",
    }
    for folder in FOLDERS:
        if folder != PACKAGE:
            for path in (TESTS / folder.relative_to(PACKAGE)).glob("test_*.py"):
                assert path.relative_to(TESTS).as_posix() in names | across


def test_nothing_of_the_platform_imports_what_tests_are_made_with() -> None:
    assert not {pair for pair in edges() if pair[1] == "testing"}


def test_names_of_modules_in_texts_are_names_of_modules() -> None:
    places = [*TESTS.rglob("*.py"), *PACKAGE.rglob("*.py"), *(TESTS.parent / "benchmarks").glob("*.py")]
    for path in places:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in re.findall(r"\bfloe_plugins(?:\.[a-z_]+)+\b", node.value):
                    head = name.rpartition(".")[0]
                    assert is_module(name) or is_module(head), f"{path}: {name}"


def test_nothing_imports_the_package_root() -> None:
    for path in MODULES.values():
        names = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module == "floe_plugins"
            for alias in node.names
        ]
        assert not set(names) & set(floe_plugins.__all__), f"{path} imports from the root"


# Modules that run plugin code, or read a plugin's objects, on the plugin's thread and within a deadline.
AT_THE_BOUNDARY = {
    "configuration.migration",
    "configuration.schema.validation",
    "inspection.runtime_metadata",
    "loading.implementations",
    "reporting.json_schema",
}
FOREIGN = {"plugin", "model", "exception"}
READS = {"getattr", "str", "repr", "isinstance", "dict", "list", "tuple", "iter", "len", "bool", "vars", "hash"}


def foreign_reads(path: Path) -> Iterator[str]:
    """Expressions of a module that read an object of a plugin: ``entry.plugin.name``, ``str(error.exception)``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and is_foreign(node.value):
            yield ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READS:
            yield from (ast.unparse(node) for argument in node.args[:1] if is_foreign(argument))
        if isinstance(node, ast.FormattedValue) and is_foreign(node.value):
            yield ast.unparse(node)


def is_foreign(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in FOREIGN


def test_behind_the_boundary_nothing_reads_an_object_of_a_plugin() -> None:
    found = {module: sorted(set(foreign_reads(path))) for module, path in MODULES.items()}
    # `@model.setter` is syntax.
    found["entries.entry"] = [text for text in found["entries.entry"] if text != "model.setter"]
    # Tests of plugins look at them: that is what they are for.
    found = {module: reads for module, reads in found.items() if package_of(module) != "testing"}
    assert {module: reads for module, reads in found.items() if reads and module not in AT_THE_BOUNDARY} == {}


def test_a_module_stands_at_the_boundary_only_if_it_reads_objects_of_plugins() -> None:
    assert not {module for module in AT_THE_BOUNDARY if not list(foreign_reads(MODULES[module]))}
