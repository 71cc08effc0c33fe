"""Completing imports neither plugins nor what takes long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from floe_plugins.cli import completing


@pytest.mark.parametrize("end", ["", "show ", "graph --format ", "list --category ", "list --disable ", "-"])
def test_completing_imports_no_plugin_registry_attrs_or_pydantic(environment: Any, end: str) -> None:
    done = environment("compute-duckdb", "storage-local").run(
        """
        import atexit, json, sys
        atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))
        sys.argv = ["floe-plugins"]
        from floe_plugins.__main__ import main
        main()
        """,
        env={"_FLOE_PLUGINS_COMPLETE": "bash_complete", "COMP_WORDS": f"floe-plugins {end}"},
    )
    modules = set(json.loads(done.stderr))
    assert done.stdout
    assert not {name for name in modules if name.startswith(("floe_compute", "floe_storage"))}
    assert not modules & {"attrs", "pydantic", "pluggy", "logging", "floe_plugins.registry.facade"}


def test_files_are_left_to_the_shell() -> None:
    [item] = completing.files(None, None, "fl")
    assert (item.type, item.value) == ("file", "fl")


def test_categories_are_completed_by_their_beginning() -> None:
    assert [item.value for item in completing.categories(None, None, "se")] == ["semantic_layer", "secrets"]
