"""The guide to the failure drills says which there are, and what is seen while they run."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
# What breaks, the test's file and name, what the caller gets, and the health meanwhile.
ROWS = [
    (title, file, test, told, health)
    for title, file, test, told, health in re.findall(
        r"^\| (.+?) \| `([\w.]+)::(\w+)` \| .+? \| (.+?) \| (.+?) \| .+? \| .+? \|$", GUIDE, re.MULTILINE
    )
]
# Those whose engines are light run here.
LIGHT = ["compute-duckdb", "storage-local"]


def marked(file: Path) -> dict[str, tuple[str, ast.FunctionDef]]:
    """The drills of a file: what each breaks, by the test's name."""
    return {
        node.name: (ast.literal_eval(decorator.args[0]), node)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.drill"
    }


FILES = {file.name: marked(file) for file in (ROOT / "testplugins" / "reference").glob("*/tests/test_*.py")}


def states(health: str) -> dict[str, str]:
    """The plugins that a cell of the table calls other than healthy, with the first state that it gives."""
    return dict(re.findall(r"`(\w+:\w+)` (degraded|unhealthy)", health))


def test_the_guide_names_every_drill_and_its_test() -> None:
    found = {(title, file, test) for file, tests in FILES.items() for test, (title, _) in tests.items()}
    assert {row[:3] for row in ROWS} == found
    assert len(ROWS) == len(found)


@pytest.mark.parametrize(("title", "file", "test", "told", "health"), ROWS, ids=[row[0] for row in ROWS])
def test_a_drill_asks_for_what_the_guide_says_of_it(title: str, file: str, test: str, told: str, health: str) -> None:
    _, function = FILES[file][test]
    source = ast.unparse(function)
    called = {
        getattr(node.func, "attr", getattr(node.func, "id", ""))
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
    }
    assert "health" in called, title
    assert called & {"shutdown", "stopped"}, title
    for error in re.findall(r"`(\w+Error)`", told):
        assert re.search(rf"raises\({error}\b", source), error
    for ref, state in states(health).items():
        assert ref in source
        assert state in source.lower()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Filled by the first test that needs it: building the environment takes a fixture of each test."""
    return {"place": str(tmp_path_factory.mktemp("drills"))}


def drilled(environment: Any, account: dict[str, str]) -> dict[str, str]:
    """What the drills of the light plugins print, by what each breaks."""
    if len(account) == 1:
        plugins = environment(*LIGHT)
        done = plugins.run(
            [str(ROOT / "testplugins" / "test.py"), "--drills", *LIGHT],
            env={"PYTEST_DEBUG_TEMPROOT": account["place"]},
        )
        parts = re.split(r"^-+ (.+?) -+\n", done.stdout, flags=re.MULTILINE)[1:]
        account |= dict(zip(parts[::2], parts[1::2], strict=True))
    return account


@pytest.mark.parametrize(
    ("title", "health"),
    [(row[0], row[4]) for row in ROWS if row[1] in {"test_duckdb_compute.py", "test_local_storage.py"}],
)
def test_a_drill_shows_the_health_that_the_guide_says(
    title: str, health: str, environment: Any, account: dict[str, str]
) -> None:
    told = drilled(environment, account)[title]

    first = re.search(r"^health .*\n((?: .*\n)+)", told, re.MULTILINE)
    assert first
    shown = dict(re.findall(r"^ +(\w+:\w+) +(healthy|degraded|unhealthy)\b", first[1], re.MULTILINE))
    assert {ref: state for ref, state in shown.items() if state != "healthy"} == states(health)
    assert len(shown) > len(states(health))
    assert re.search(r"^stop .* succeeded, then .* succeeded$", told, re.MULTILINE)
    assert re.search(r"^passed in ", told, re.MULTILINE)


def test_the_account_in_the_guide_is_what_is_printed(environment: Any, account: dict[str, str]) -> None:
    shown = re.search(r"<!-- account -->\n```text\n(.*?)```", GUIDE, re.DOTALL)
    assert shown

    told = drilled(environment, account)[ROWS[0][0]]

    assert told.startswith(f"{shown[1]}passed in ")
