"""Break one promise of a reference plugin at a time, and count what its conformance suite alone notices.

    python tests/mutation/plugins.py --each 16 --seed 1 [--only storage-local] [--fail-under 90]

``tox run -m mutation-plugins`` calls it, in an environment with all reference plugins.
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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from contract_changes import KINDS, OF_ERRORS, OF_HOOKS
from mutants import Mutant, mutants
from promises import Promises
from serve import BROKEN
from unpromised import forgotten_code, is_unpromised

import floe_plugins
from floe_plugins import PluginType

HERE = Path(__file__).parent
REFERENCE = HERE.parents[1] / "testplugins" / "reference"
SUITE = "tests/test_conformance.py"
# What each fork would import anew, and takes long.
ENGINES = ("duckdb", "pyarrow", "nanoarrow", "boto3", "moto.server", "jsonschema", "cryptography.fernet", "jwt", "yaml")
ENGINES_OF = {
    "catalog-iceberg": ("pyiceberg.catalog.sql", "pyiceberg.io.fsspec"),
    "compute-datafusion": ("datafusion",),
    # Not dbt's commands: a rule watches what their import does to the root logger, of which the plugin takes care.
    "dbt-core": ("jinja2", "agate", "mashumaro", "click", "sqlparse"),
    "ingestion-dlt": ("dlt", "dlt.destinations"),
    "orchestrator-dagster": ("dagster",),
    "semantic-layer-bsl": ("ibis", "ibis.backends.duckdb", "boring_semantic_layer"),
    "telemetry-otel": ("opentelemetry.sdk.trace", "opentelemetry.sdk.metrics"),
    "lineage-openlineage": ("openlineage.client",),
}
# Seconds. What takes this much longer than ten times of what it takes without the change hangs.
PATIENCE = 25.0
PRINTING = threading.Lock()
WATCHES_IMPORTS = "::test_hooks_leave_what_all_code_shares"


class Judged(NamedTuple):
    """A change, and what the suite says to it: nothing if it does not notice."""

    plugin: str
    kind: str
    change: Mutant
    said: str
    is_run: bool


class Plugin:
    """A copy of a reference plugin's project, and a server that runs its conformance suite."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        category = next(each for each in PluginType if name.startswith(each.slug.partition("_")[0]))
        self._category: type[Any] = getattr(floe_plugins, category.spec_name[1])
        self.project = directory / name
        shutil.copytree(REFERENCE / name, self.project, ignore=shutil.ignore_patterns("__pycache__"))
        self.source = self.project / "src"
        path = os.pathsep.join(filter(None, [str(self.source), os.environ.get("PYTHONPATH")]))
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "serve.py"), "src", *ENGINES, *ENGINES_OF.get(name, ())],
            cwd=self.project, env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.seconds: dict[str, float] = {}
        self._rules: dict[tuple[str, int], set[str]] = defaultdict(set)

    def close(self) -> None:
        """End the server."""
        self._server.communicate()

    def run(self, **options: Any) -> tuple[int, str]:
        """The exit status of the suite and its output."""
        assert self._server.stdin
        assert self._server.stdout
        request = {
            "first": [],
            "skipped": [],
            "alone": True,
            "verbose": True,
            "record": "",
            "limit": 1800,
            "each": 300,
            "paths": [SUITE],
        }
        self._server.stdin.write(json.dumps(request | options) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        if answer["status"] == BROKEN:
            raise RuntimeError(answer["output"])
        return answer["status"], answer["output"]

    def record(self) -> None:
        """Run the suite without a change, and note which lines each of its rules runs."""
        file = self.project / "record.json"
        status, output = self.run(record=str(file), verbose=False)
        if status:  # a busy machine, which should not end what others are at
            status, output = self.run(record=str(file), verbose=False)
        if status or not file.is_file():
            sys.exit(f"{self.name} does not keep its contract without a change:\n{output}")
        found = json.loads(file.read_text(encoding="utf-8"))
        self.seconds = found["seconds"]
        for rule, modules in found["lines"].items():
            for module, lines in modules.items():
                for line in lines:
                    self._rules[module, line].add(rule)

    def changes(self) -> dict[str, list[Callable[[], Mutant]]]:
        """Every change by its kind that breaks a promise, in the functions that run when the suite calls the hooks."""
        found: dict[str, list[Callable[[], Mutant]]] = {kind: [] for kind in KINDS}
        paths = sorted(self.source.rglob("*.py"))
        texts = {str(path.relative_to(self.source).with_suffix("")): path.read_text(encoding="utf-8") for path in paths}
        promises = Promises(self._category, texts)
        if gone := forgotten_code(self.name, [ast.unparse(ast.parse(text)) for text in texts.values()]):
            sys.exit(f"unpromised.py names code that {self.name} does not have: {', '.join(gone)}")
        for module, text in texts.items():
            for kind, changes in KINDS.items():
                for make in mutants(module, text, changes):
                    if self._is_promised(kind, make(), promises):
                        found[kind].append(make)
        return found

    def _is_promised(self, kind: str, change: Mutant, promises: Promises) -> bool:
        """Whether a change is of code that runs when the suite calls the hooks, and of what a contract promises."""
        function = promises.around(change)
        if function is None or change.text == change.before:
            return False
        if not any((change.module, line) in self._rules for line in function.lines[1:]):
            return False
        if not promises.promise(kind, change, function) or is_unpromised(self.name, function.name, kind, change.diff):
            return False
        return kind in OF_HOOKS | OF_ERRORS or any(
            (change.module, line) in self._rules for line in range(change.line, change.last + 1)
        )

    def judge(self, kind: str, change: Mutant) -> Judged:
        """Run the rules that run what is changed, the fastest first, until one notices."""
        lines = range(change.line, change.last + 1)
        rules = {rule for line in lines for rule in self._rules[change.module, line]}
        # First the rule that watches what is imported: not until then is it.
        left = sorted(rules, key=lambda rule: (not rule.endswith(WATCHES_IMPORTS), self.seconds[rule]))
        while left:
            rule, said = self._failure(change, left)
            if not rule:
                break
            if self._is_noticed(change, rule):
                return Judged(self.name, kind, change, said, is_run=True)
            left = left[left.index(rule) + 1 :]
        return Judged(self.name, kind, change, "", is_run=bool(rules))

    def _failure(self, change: Mutant, rules: list[str]) -> tuple[str, str]:
        """The first of some rules that fails or does not end while a change is there, and what it says; or nothing."""
        limit = PATIENCE + 10 * max(self.seconds[rule] for rule in rules)
        with self._changed(change):
            status, output = self.run(first=rules, each=limit, limit=limit + 5 * sum(self.seconds[r] for r in rules))
        if not status:
            return "", ""
        # What is logged may begin with "ERROR", too.
        failed = [line for line in output.splitlines() if line.startswith((f"FAILED {SUITE}", f"ERROR {SUITE}"))]
        # Each line of a verbose run begins with the rule that it is about, and is written when the rule begins.
        begun = [line.partition(" ")[0] for line in output.splitlines()]
        rule = failed[0].split()[1] if failed else next((each for each in reversed(begun) if each in rules), rules[0])
        return rule, failed[0] if failed else f"{rule} hangs or crashes ({status})"

    def _is_noticed(self, change: Mutant, rule: str) -> bool:
        """Whether a rule alone passes without a change, and fails again with it: or it was the machine, which is busy.

        A rule hangs if it takes far longer than it has just taken without the change.
        """
        begun = time.monotonic()
        if self.run(first=[rule])[0]:
            return False
        limit = PATIENCE + 10 * (time.monotonic() - begun)
        with self._changed(change):
            return bool(self.run(first=[rule], each=limit, limit=limit + PATIENCE)[0])

    @contextmanager
    def _changed(self, change: Mutant) -> Iterator[None]:
        path = self.source / f"{change.module}.py"
        original = path.read_text(encoding="utf-8")
        path.write_text(change.text, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(original, encoding="utf-8")


def picked(changes: dict[str, list[Callable[[], Mutant]]], count: int, seed: int) -> Iterator[tuple[str, Mutant]]:
    """Some changes of a plugin, of all kinds in turn."""
    chance = random.Random(seed)  # noqa: S311 no secret hangs on it
    left = {kind: chance.sample(each, len(each)) for kind, each in changes.items()}
    while count > 0 and any(left.values()):
        for kind, each in left.items():
            if each and count > 0:
                count -= 1
                yield kind, each.pop()()


def work(name: str, directory: Path, given: argparse.Namespace, end: float) -> list[Judged]:
    """What the suite says to changes of one plugin."""
    plugin = Plugin(name, directory)
    found: list[Judged] = []
    try:
        plugin.record()
        changes = plugin.changes()
        with PRINTING:
            total = sum(map(len, changes.values()))
            print(
                f"{name}: {total} changes, {len(plugin.seconds)} rules in {sum(plugin.seconds.values()):.0f} s",
                flush=True,
            )
        for kind, change in picked(changes, given.each, given.seed):
            if time.monotonic() > end:
                break
            begun = time.monotonic()
            judged = plugin.judge(kind, change)
            found.append(judged)
            with PRINTING:
                said = judged.said[:160] or f"SURVIVED{'' if judged.is_run else ', not run'}\n{change.diff}"
                took = time.monotonic() - begun
                print(
                    f"{name} {change.module.rpartition('/')[2]}:{change.line} {kind} ({took:.1f} s) {said}", flush=True
                )
    finally:
        plugin.close()
    return found


def report(found: list[Judged], least: float) -> int:
    """Print the counts by plugin and by kind, and return whether too few were noticed."""
    for title, key in (("plugin", 0), ("kind", 1)):
        total, noticed = Counter(each[key] for each in found), Counter(each[key] for each in found if each.said)
        print(f"\n{title} | changes | noticed by the suite\n---|---|---")
        for name, count in sorted(total.items()):
            print(f"{name} | {count} | {noticed[name]} ({100 * noticed[name] / count:.0f} %)")
    noticed_by_suite = sum(bool(each.said) for each in found)
    share = 100 * noticed_by_suite / max(len(found), 1)
    print(f"all | {len(found)} | {noticed_by_suite} ({share:.1f} %)")
    print("\nnoticed by no rule:")
    for each in sorted(each for each in found if not each.said):
        print(f"{each.plugin} {each.change.module}:{each.change.line} {each.kind}{'' if each.is_run else ', not run'}")
        print(each.change.diff)
    return int(share < least)


def main() -> int:
    names = sorted(path.parents[1].name for path in REFERENCE.glob(f"*/{SUITE}"))
    parser = argparse.ArgumentParser(description="Count the broken promises that the conformance suite notices.")
    parser.add_argument("--each", type=int, default=16, help="how many changes of each plugin; 16 by default")
    parser.add_argument("--seed", type=int, default=1, help="which changes")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=names, choices=names, metavar="PLUGIN", help="some plugins")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no change after that time")
    parser.add_argument("--fail-under", type=float, default=0.0, help="the least percentage that has to be noticed")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(given.jobs) as pool:
        parts = [pool.submit(work, name, Path(directory), given, end) for name in dict.fromkeys(given.only)]
        return report([judged for part in parts for judged in part.result()], given.fail_under)


if __name__ == "__main__":
    sys.exit(main())
