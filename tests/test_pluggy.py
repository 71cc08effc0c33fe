"""The table of docs/pluggy.md has all expected failures of pluggy's own tests, and tests that exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "pluggy.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| ")][1:]


def expected_differences() -> dict[str, str]:
    path = TESTS / "pluggy_suite" / "differences.py"
    spec = importlib.util.spec_from_file_location("differences", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.DIFFERENCES
    return found


def test_the_table_has_each_expected_difference_with_its_reason() -> None:
    assert len(ROWS) >= 10
    documented = {test: why.strip() for _, why, theirs, _ in ROWS for test in re.findall(r"`([^`]+)`", theirs)}
    assert documented == expected_differences()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_each_row_has_a_reason_and_a_test_that_holds_it(row: list[str]) -> None:
    _, why, _, ours = row
    assert why.strip()
    path, name = ours.strip(" `").split("::")
    assert f"\ndef {name}(" in (TESTS / path).read_text(encoding="utf-8")
