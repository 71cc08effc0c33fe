"""``check``: loading plugins and reporting problems."""

from __future__ import annotations

from typing import Any


def test_check_loads_all_and_exits_1_if_there_are_problems(floe: Any) -> None:
    done = floe(("storage-local", "import-error"), "check")
    assert done.returncode == 1
    assert "1 plugin loaded" in done.stdout
    assert "libengine" in done.stdout
    assert floe(("storage-local",), "check").returncode == 0
