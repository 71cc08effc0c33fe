"""Change one random place of a module, run its tests, and count the changes that no test notices.

    python tests/mutation/run.py --count 100 --seed 1 [--only lifecycle/start]

Runs in a copy of the project, with an interpreter that imports the copy. ``tox run -m mutation`` calls it.
"""

# ruff: noqa: T201 a script that prints
from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from harmless import gone, why_harmless
from mutants import Mutant, mutants
from serve import BROKEN

ROOT = Path(__file__).parents[2]
PACKAGES = ("loading", "execution", "lifecycle", "dependencies", "discovery", "configuration/redaction")
MODULES = ("configuration/schema/shape", "reporting/startup_profile")  # of other packages
COPIED = ("floe_plugins", "tests", "testplugins", "docs", "pyproject.toml", "README.md", "tox.ini")
# What runs besides the tests of a module and of its package, in this order.
LIFECYCLE = ("tests/lifecycle", "tests/registry/test_services.py", "tests/plugins/test_hostile_plugins.py")
ALSO = {
    "loading": (*LIFECYCLE, "tests/entries", "tests/registry"),
    "execution": (*LIFECYCLE, "tests/entries/test_events.py", "tests/loading", "tests/plugins/test_fault_table.py"),
    "lifecycle": (
        "tests/entries/test_events.py",
        "tests/execution",
        "tests/loading",
        *LIFECYCLE[1:],
        "tests/registry",
        "tests/plugins/test_fault_table.py",
    ),
    "dependencies": ("tests/lifecycle", "tests/property/test_ordering.py", "tests/registry"),
    "discovery": ("tests/entries", "tests/registry"),
    "configuration/schema": ("tests/configuration/redaction", "tests/configuration/test_secrets.py"),
    "reporting": (),
    "configuration/redaction": ("tests/configuration/test_secrets.py", "tests/execution/test_background_errors.py"),
}
# Seconds; what hangs is noticed.
LIMIT = 240.0  # for the tests of one change
LIMIT_OF_TEST = 20
# What is said of a change that no test notices, and that is refused before it runs.
TYPES = "refused by the type checker alone"


class Place:
    """A copy of the project, and an interpreter that imports it before all others and runs its tests."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.project.mkdir(parents=True)
        for name in COPIED:
            copying = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copying(ROOT / name, self.project / name)
        venv.create(directory / "venv", symlinks=True)
        python = directory / "venv" / "bin" / "python"
        [packages] = (directory / "venv").glob("lib/python*/site-packages")
        sites = [path for path in sys.path if path.endswith("site-packages")]
        lines = [str(self.project), *(f"import site; site.addsitedir({site!r})" for site in sites)]
        (packages / "mutation.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._server = subprocess.Popen(
            [str(python), str(self.project / "tests/mutation/serve.py")],
            cwd=self.project, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._writes = 0

    def close(self) -> None:
        """End the server."""
        self._server.communicate()

    def run(self, paths: list[str], **options: Any) -> tuple[int, str]:
        """The exit status of the tests and their output."""
        assert self._server.stdin
        assert self._server.stdout
        request = {"first": [], "skipped": [], "alone": False, "record": "", "limit": LIMIT, "each": LIMIT_OF_TEST}
        self._server.stdin.write(json.dumps(request | {"paths": paths} | options) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        if answer["status"] == BROKEN:
            raise RuntimeError(answer["output"])
        return answer["status"], answer["output"]

    def notices(self, mutant: Mutant, known: Known) -> str:
        """What the tests say to a change, "" if all of them pass."""
        path = self.project / "floe_plugins" / f"{mutant.module}.py"
        original = path.read_text(encoding="utf-8")
        self._write(path, mutant.text)
        try:
            return self._run_in_steps(mutant, known)
        finally:
            self._write(path, original)

    def _run_in_steps(self, mutant: Mutant, known: Known) -> str:
        # First those that are known to run the line, which notice most. Others may notice, too: they start
        # interpreters that run it, or get what it left in a cache.
        near = [test for test in known.tests_of(mutant) if _package_of(test) == mutant.module.rpartition("/")[0]]
        if near:
            paths = sorted({test.partition("::")[0] for test in near})
            status, output = self._run_again_if_slow(paths, first=near, alone=True)
            if status:
                return _said(status, output)
        paths = tests_of(mutant.module)
        status, output = self._run_again_if_slow(paths, first=known.tests_of(mutant), skipped=near)
        return _said(status, output) if status else ""

    def _run_again_if_slow(self, paths: list[str], **options: Any) -> tuple[int, str]:
        """Run tests; where they do not end in time on a busy machine, again with more time: it may be slow alone."""
        status, output = self.run(paths, **options)
        is_overdue = status < 0 or (status > 0 and "Timeout" in output)
        if is_overdue and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
            return self.run(paths, **options, limit=3 * LIMIT, each=3 * LIMIT_OF_TEST)
        return status, output

    def breaks_types(self, mutant: Mutant) -> bool:
        """Whether the type checker refuses a change."""
        path = self.project / "floe_plugins" / f"{mutant.module}.py"
        original = path.read_text(encoding="utf-8")
        try:
            before, after = (self._type_errors(path, text) for text in (mutant.before, mutant.text))
        finally:
            self._write(path, original)
        return bool(after - before)

    def _type_errors(self, path: Path, text: str) -> Counter[str]:
        """The type checker's messages about a text; without its comments it has some that it had not."""
        self._write(path, text)
        command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", str(path)]
        done = subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)
        return Counter(line.partition(" error: ")[2] for line in done.stdout.splitlines() if " error: " in line)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        # Python takes compiled code for that of a file with the same time, in seconds, and the same length.
        self._writes += 1
        os.utime(path, (10**9 + self._writes,) * 2)


def _said(status: int, output: str) -> str:
    lines = output.splitlines()
    found = [line for line in lines if line.startswith(("FAILED", "ERROR", "INTERNALERROR"))] or lines[-1:]
    return found[0] if found else f"no end after {LIMIT:g} s" if status < 0 else "it crashed"


class Known:
    """What a run without a change tells: how long each test takes, and the lines that it runs."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._tests: dict[tuple[str, int], list[str]] = defaultdict(list)

    def record(self, place: Place, paths: list[str]) -> str:
        """Run tests without a change; return the names of those that fail."""
        file = place.project / "record.json"
        _, output = place.run(paths, record=str(file), limit=1800, each=120)
        if not file.is_file():
            return output or "no test ran"
        found = json.loads(file.read_text(encoding="utf-8"))
        self._seconds |= found["seconds"]
        for test, modules in found["lines"].items():
            for module, lines in modules.items():
                for line in lines:
                    self._tests[module, line].append(test)
        return "\n".join(line for line in output.splitlines() if line.startswith(("FAILED", "ERROR")))

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that run a line of the change: first the module's own, then its package's, the fastest first."""
        package, _, name = mutant.module.rpartition("/")
        found = {test for line in range(mutant.line, mutant.last + 1) for test in self._tests[mutant.module, line]}
        mirror = f"tests/{package}/test_{name}.py"

        def key(test: str) -> tuple[bool, bool, float]:
            return not test.startswith(mirror), _package_of(test) != package, self._seconds[test]

        return sorted(found, key=key)


def _package_of(test: str) -> str:
    return test.partition("::")[0].rpartition("/")[0].removeprefix("tests/")


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
    modules = [module for module in [*modules, *MODULES] if module.startswith(given.only)]
    texts = {module: (source / f"{module}.py").read_text(encoding="utf-8") for module in modules}
    if stale := [code for module, text in texts.items() for code in gone(module, ast.unparse(ast.parse(text)))]:
        sys.exit("harmless.py lists code that is gone: " + "; ".join(stale))
    every = [make for module, text in texts.items() for make in mutants(module, text)]
    picked = random.Random(seed).sample(every, min(given.count, len(every)))  # noqa: S311 no secret hangs on it
    print(f"{len(picked)} of {len(every)} changes, seed {seed}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        places = [Place(Path(directory) / str(number)) for number in range(given.jobs)]
        try:
            known = _record(places, modules)
            judged = _judge(places, picked, known, begun + given.seconds)
        finally:
            for place in places:
                place.close()
    return _report(*judged, given.fail_under)


def _record(places: list[Place], modules: list[str]) -> Known:
    known = Known()
    needed = sorted({path for module in modules for path in tests_of(module)})
    files = {file for path in needed for file in ([path] if path.endswith(".py") else _files(path))}
    shares = [sorted(files)[number :: len(places)] for number in range(len(places))]
    with ThreadPoolExecutor(len(places)) as pool:
        failed = [said for said in pool.map(known.record, places, shares) if said]
    if failed:
        sys.exit("tests fail without a change:\n" + "\n".join(failed))
    return known


def _files(directory: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in (ROOT / directory).rglob("test_*.py")]


def _judge(
    places: list[Place], picked: list[Callable[[], Mutant]], known: Known, end: float
) -> tuple[Counter[str], Counter[str], Counter[str], list[Mutant]]:
    """How many changes of each module the tests notice, how many the type checker alone, how many are harmless, and
    those that nobody notices.
    """
    free: SimpleQueue[Place] = SimpleQueue()
    for place in places:
        free.put(place)
    lock, survivors = threading.Lock(), list[Mutant]()
    noticed, refused, harmless = Counter[str](), Counter[str](), Counter[str]()

    def judge(make: Callable[[], Mutant]) -> None:
        if time.monotonic() > end:
            return
        mutant = make()
        if reason := why_harmless(mutant):
            with lock:
                print(f"{mutant.module}:{mutant.line} breaks no promise: {reason}\n{mutant.diff}", flush=True)
                harmless[mutant.module] += 1
            return
        place, start = free.get(), time.monotonic()
        try:
            said = place.notices(mutant, known)
            if not said and place.breaks_types(mutant):
                said = TYPES
        finally:
            free.put(place)
        with lock:
            how = f"SURVIVED\n{mutant.diff}" if not said else f"{said}\n{mutant.diff}" if said == TYPES else said[:150]
            print(f"{mutant.module}:{mutant.line} ({time.monotonic() - start:.1f} s) {how}", flush=True)
            (refused if said == TYPES else noticed)[mutant.module] += bool(said)
            if not said:
                survivors.append(mutant)

    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(judge, picked))
    return noticed, refused, harmless, sorted(survivors)


def _report(
    noticed: Counter[str], refused: Counter[str], harmless: Counter[str], survivors: list[Mutant], least: float
) -> int:
    unnoticed = Counter(each.module for each in survivors)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for what, counts in (("tests", noticed), ("types", refused), ("harmless", harmless), ("nobody", unnoticed)):
        for module, count in counts.items():
            for row in (module.rpartition("/")[0], "all"):
                rows[row][what] += count
    rows["all"] = rows.pop("all", Counter())
    print("\npackage | changes | noticed by tests | by the type checker alone | break no promise | noticed by nobody")
    print("---|---|---|---|---|---")
    for row, counts in rows.items():
        columns = (row, counts.total(), counts["tests"], counts["types"], counts["harmless"], counts["nobody"])
        print(*columns, sep=" | ")
    counts = rows["all"]
    seen, that_count = counts["tests"] + counts["types"], counts.total() - counts["harmless"]
    print(f"\nnoticed: {100 * seen / max(counts.total(), 1):.1f} % of all", end=", ")
    print(f"{100 * seen / max(that_count, 1):.1f} % of those that may break a promise")
    print("\nnoticed by nobody:")
    for each in survivors:
        print(f"{each.module}:{each.line}\n{each.diff}")
    return int(100 * seen < least * that_count)


if __name__ == "__main__":
    sys.exit(main())
