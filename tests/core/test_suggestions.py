"""Suggestions: known words close to a misspelt one."""

from __future__ import annotations

import subprocess
import sys

from floe_plugins import PluginRef
from floe_plugins.core.suggestions import closest

KNOWN = ("compute", "computes", "catalog", "secrets")


def test_the_closest_word_comes_first_and_is_the_only_one_by_default() -> None:
    assert closest("computess", KNOWN) == ["computes"]
    assert closest("computess", KNOWN, 3) == ["computes", "compute"]


def test_nothing_is_suggested_if_nothing_is_close() -> None:
    assert closest("xyz", KNOWN) == closest("compute", ()) == []


def test_a_word_may_be_any_object_that_converts_to_text() -> None:
    assert closest(PluginRef.parse("compute:duckdb"), iter(["compute:duckdb2"])) == ["compute:duckdb2"]
    assert closest(1, KNOWN) == []


def test_difflib_is_imported_only_when_a_suggestion_is_made() -> None:
    code = "import sys; from floe_plugins.core import suggestions; print('difflib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_words_that_are_less_alike_than_asked_for_are_left_out() -> None:
    assert closest("computer", ["compute", "commute"], 2, likeness=0.9) == ["compute"]
