"""Change one random place of a module, run its tests, and count the changes that no test notices.

    python tests/mutation/run.py --count 100 --seed 1 [--only lifecycle/start]

Runs in a copy of the project, with an interpreter that imports the copy. ``tox run -m mutation`` calls it.
"""

# ruff: noqa: T201 a script that prints
from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("loading", "execution", "lifecycle", "dependencies", "discovery", "configuration/redaction")
COPIED = ("floe_plugins", "tests", "testplugins", "docs", "pyproject.toml", "README.md", "tox.ini")
# What runs besides the tests of a module and of its package, in this order.
LIFECYCLE = ("tests/lifecycle", "tests/registry/test_services.py", "tests/plugins/test_hostile_plugins.py")
ALSO = {
    "loading": (*LIFECYCLE, "tests/registry"),
    "execution": (*LIFECYCLE, "tests/plugins/test_fault_table.py"),
    "lifecycle": ("tests/execution", *LIFECYCLE[1:], "tests/registry", "tests/plugins/test_fault_table.py"),
    "dependencies": ("tests/lifecycle", "tests/property/test_ordering.py", "tests/registry"),
    "discovery": ("tests/entries", "tests/registry"),
    "configuration/redaction": ("tests/configuration/test_secrets.py", "tests/execution/test_background_errors.py"),
}
LIMIT = 240.0  # seconds for the tests of one change; one that hangs is noticed

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: the module, its place, what was there and what is there now, and the whole new text."""

    module: str
    line: int
    before: str
    after: str
    text: str


def changes(node: ast.AST) -> Iterator[Callable[[Any], Any]]:  # noqa: C901 one branch for each kind
    """Functions that change a copy of a node, and return it or what takes its place."""
    match node:
        case ast.Compare(ops=[only]) if type(only) in COMPARISONS:
            yield lambda it: _with(it, ops=[COMPARISONS[type(only)]()])
        case ast.BoolOp(op=op):
            yield lambda it: _with(it, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not()):
            yield lambda it: it.operand
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield lambda it: _with(it, op=ARITHMETIC[type(op)]())
        case ast.Constant(value=bool() as value):
            yield lambda it: _with(it, value=not value)
        case ast.Constant(value=int() | float() as value):
            yield lambda it: _with(it, value=value + 1)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if not isinstance(test, ast.Constant):
            yield lambda it: _with(it, test=ast.UnaryOp(ast.Not(), it.test))
        case ast.Return(value=ast.Constant(value=None)):
            return  # it would be the same
        case ast.Return(value=ast.AST()):
            yield lambda it: _with(it, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield lambda _: ast.Pass()
        case ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Continue() | ast.Break():
            yield lambda _: ast.Pass()
        case ast.Call(args=[argument], keywords=[]) if not isinstance(argument, ast.Starred | ast.GeneratorExp):
            yield lambda it: it.args[0]


def _with(node: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _parents(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Each node that runs: not those of annotations, or of what is for type checkers or other Pythons alone."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or (isinstance(child, ast.If) and _is_elsewhere(child.test)):
                continue
            if isinstance(child, ast.Call) and ast.unparse(child.func) in {"cast", "TypeVar"}:
                continue
            yield tree, name, place if isinstance(value, list) else None, child
            yield from _parents(child)


def _is_elsewhere(test: ast.expr) -> bool:
    return any(name in ast.unparse(test) for name in ("TYPE_CHECKING", "sys.version_info"))


def mutants(module: str) -> list[Callable[[], Mutant]]:
    """Every change of a module, to be made when it is picked."""
    text = (ROOT / "floe_plugins" / f"{module}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    found: list[Callable[[], Mutant]] = []
    for number, (_, _, _, child) in enumerate(_parents(tree)):
        for change, _ in enumerate(changes(child)):
            found.append(lambda number=number, change=change: _make(module, text, number, change))
    return found


def _make(module: str, text: str, number: int, change: int) -> Mutant:
    tree = ast.parse(text)
    parent, field, index, child = next(islice(_parents(tree), number, None))
    before, line = ast.unparse(child), child.lineno  # type: ignore[attr-defined]
    changed = ast.copy_location(list(changes(child))[change](copy.deepcopy(child)), child)
    if index is None:
        setattr(parent, field, changed)
    else:
        getattr(parent, field)[index] = changed
    whole = ast.unparse(ast.fix_missing_locations(tree))
    return Mutant(module, line, before, ast.unparse(changed), whole)


class Place:
    """A copy of the project, and an interpreter that imports it before all others."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        for name in COPIED:
            copying = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copying(ROOT / name, self.project / name) if self.project.is_dir() else self._first(name)
        venv.create(directory / "venv", symlinks=True)
        self.python = directory / "venv" / "bin" / "python"
        [packages] = (directory / "venv").glob("lib/python*/site-packages")
        sites = [path for path in sys.path if path.endswith("site-packages")]
        lines = [str(self.project), *(f"import site; site.addsitedir({site!r})" for site in sites)]
        (packages / "mutation.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _first(self, name: str) -> None:
        self.project.mkdir(parents=True)
        shutil.copytree(ROOT / name, self.project / name)

    def notices(self, mutant: Mutant | None, tests: list[str]) -> str:
        """The last line of the tests' output, "" if all of them passed."""
        path = self.project / "floe_plugins" / f"{mutant.module}.py" if mutant else None
        original = path.read_text(encoding="utf-8") if path else ""
        if path and mutant:
            path.write_text(mutant.text, encoding="utf-8")
        command = [str(self.python), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "--tb=no -o timeout=60"}
        try:
            done = subprocess.run(
                command, cwd=self.project, env=environ, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return f"no end after {LIMIT:g} s"
        finally:
            if path:
                path.write_text(original, encoding="utf-8")
        lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return (lines or done.stdout.splitlines() or ["it crashed"])[-1] if done.returncode else ""


def tests_of(module: str) -> list[str]:
    """The paths of a module's tests, what notices most first."""
    package, _, name = module.rpartition("/")
    mirror = f"tests/{package}/test_{name}.py"
    own = [mirror] if (ROOT / mirror).is_file() else []
    return list(dict.fromkeys([*own, f"tests/{package}", *ALSO[package]]))


def main() -> int:
    parser = argparse.ArgumentParser(description="Count the changes of one place that no test notices.")
    parser.add_argument("--count", type=int, default=100, help="how many changes; 100 by default")
    parser.add_argument("--seed", type=int, default=None, help="for the same changes again")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="a package or a module: lifecycle, lifecycle/start")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no change after that time")
    parser.add_argument("--fail-under", type=float, default=0.0, help="the least percentage that has to be noticed")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed  # noqa: S311 no secret hangs on it
    source = ROOT / "floe_plugins"
    modules = [f"{package}/{path.stem}" for package in PACKAGES for path in sorted((source / package).glob("[!_]*.py"))]
    every = [make for module in modules if module.startswith(given.only) for make in mutants(module)]
    picked = random.Random(seed).sample(every, min(given.count, len(every)))  # noqa: S311 no secret hangs on it
    print(f"{len(picked)} of {len(every)} changes, seed {seed}", flush=True)
    begun = time.monotonic()
    places: SimpleQueue[Place] = SimpleQueue()
    lock, survivors, noticed = threading.Lock(), [], 0
    with tempfile.TemporaryDirectory() as directory:
        for number in range(given.jobs):
            places.put(Place(Path(directory) / str(number)))
        place = places.get()
        needed = dict.fromkeys(path for module in modules for path in tests_of(module))
        if said := place.notices(None, list(needed)):
            sys.exit(f"the tests fail without a change: {said}")
        places.put(place)

        def run(make: Callable[[], Mutant]) -> None:
            nonlocal noticed
            if time.monotonic() - begun > given.seconds:
                return
            mutant, place, start = make(), places.get(), time.monotonic()
            try:
                said = place.notices(mutant, tests_of(mutant.module))
            finally:
                places.put(place)
            with lock:
                noticed += bool(said)
                where = f"{mutant.module}:{mutant.line}"
                how = said[:150] or f"SURVIVED\n    - {mutant.before[:300]}\n    + {mutant.after[:300]}"
                print(f"{where} ({time.monotonic() - start:.1f} s) {how}", flush=True)
                if not said:
                    survivors.append(mutant)

        with ThreadPoolExecutor(given.jobs) as pool:
            list(pool.map(run, picked))
    total = noticed + len(survivors)
    score = 100 * noticed / total if total else 100.0
    print(f"{noticed} of {total} noticed ({score:.1f} %), {len(survivors)} not:")
    for each in sorted(survivors):
        print(f"  {each.module}:{each.line}: {each.before[:100]!r} -> {each.after[:100]!r}")
    return int(score < given.fail_under)


if __name__ == "__main__":
    sys.exit(main())
