"""Checking in the host."""

from __future__ import annotations

import json
from typing import Any


def test_only_the_plugins_of_a_category_are_loaded(floe: Any, reference: tuple[str, ...]) -> None:
    done = floe(reference, "check", "--json", "--category", "storage")
    assert json.loads(done.stdout)["loaded"] == 1
