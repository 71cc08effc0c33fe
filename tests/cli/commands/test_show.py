"""``show``: what is known about one plugin."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_show_tells_what_is_known_without_importing(floe: Any) -> None:
    done = floe(("compute-duckdb", "storage-local"), "show", "compute:duckdb")
    assert done.returncode == 0
    for words in ("compute:duckdb", "discovered", "floe-compute-duckdb", "storage:local", "1.0"):
        assert words in done.stdout
    plugin = json.loads(floe(("compute-duckdb",), "show", "compute:duckdb", "--json").stdout)["plugin"]
    assert plugin["dependencies"] == ["storage:local"]
    assert plugin["distribution"]["name"] == "floe-compute-duckdb"


@pytest.mark.parametrize(("ref", "message"), [("compute:dukdb", "Did you mean compute:duckdb"), ("dukdb", "not a ref")])
def test_show_of_an_unknown_ref_names_the_closest(floe: Any, ref: str, message: str) -> None:
    done = floe(("compute-duckdb",), "show", ref)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_show_of_a_duplicate_says_that_it_failed_and_why(floe: Any) -> None:
    done = floe(("same-ref-a", "same-ref-b"), "show", "secrets:same-ref")
    assert done.returncode == 0
    for words in ("failed", "several distributions provide it", "same-ref-a 1.0.0", "same-ref-b 2.0.0", "pin one"):
        assert words in done.stdout
    assert floe(("same-ref-a", "same-ref-b"), "list").stdout.count("several distributions provide it") == 1
