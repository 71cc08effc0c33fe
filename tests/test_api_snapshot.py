"""What was promised for an API version holds until the next major version."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from floe_plugins import FLOE_API_VERSION

HERE = Path(__file__).parent / "api"
SNAPSHOTS = sorted(HERE.glob("*.json"))

_spec = importlib.util.spec_from_file_location("api_snapshot", HERE / "snapshot.py")
assert _spec
assert _spec.loader
snapshot = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(snapshot)


def major(version: str) -> str:
    return version.partition(".")[0]


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_nothing_that_was_promised_is_broken_within_a_major_version(path: Path) -> None:
    old, new = json.loads(path.read_text(encoding="utf-8")), snapshot.surface()
    assert old["version"] == path.stem
    if major(old["version"]) == major(FLOE_API_VERSION):
        assert list(snapshot.breaks({**old, "version": ""}, {**new, "version": ""})) == []


def test_the_present_surface_is_in_the_repository() -> None:
    path = HERE / f"{FLOE_API_VERSION}.json"
    assert json.loads(path.read_text(encoding="utf-8")) == snapshot.surface(), (
        f"the public surface has grown: raise FLOE_API_VERSION, and run python tests/api/snapshot.py > {path.name}"
    )


def changed(*path: Any, value: Any = None) -> dict[str, Any]:
    surface: dict[str, Any] = copy.deepcopy(snapshot.surface())
    place: Any = surface
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return surface


REQUIRED = {"name": "extra", "kind": "POSITIONAL_OR_KEYWORD", "required": True}
EXECUTE = ("hooks", "compute", "execute")
BREAKS = {
    "a name is gone": changed("names", "PluginRef"),
    "a method is gone": changed("names", "PluginRegistry", "methods", "get"),
    "a field is gone": changed("names", "Outcome", "fields", 0),
    "a member is gone": changed("names", "PluginType", "members", "DBT"),
    "a member's value changed": changed("names", "PluginType", "members", "DBT", value="floe.dbts"),
    "a hook is gone": changed(*EXECUTE),
    "a parameter is gone": changed(*EXECUTE, "parameters", 1),
    "a parameter was renamed": changed(*EXECUTE, "parameters", 1, "name", value="query"),
    "a parameter became required": changed(*EXECUTE, "parameters", 2, "required", value=True),
    "a new parameter is required": changed(
        *EXECUTE, "parameters", value=[*snapshot.surface()["hooks"]["compute"]["execute"]["parameters"], REQUIRED]
    ),
    "one answer became many": changed(*EXECUTE, "one_answer", value="no"),
    "a new hook must be implemented": changed(
        "hooks", "compute", "explain", value={"parameters": [], "one_answer": True, "abstract": True}
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_kind_of_break_is_noticed(name: str) -> None:
    assert list(snapshot.breaks(snapshot.surface(), BREAKS[name]))


def test_additions_that_harm_nobody_are_no_break() -> None:
    surface = snapshot.surface()
    grown = changed("names", "Brandnew", value={"methods": {}})
    grown["hooks"]["compute"]["explain"] = {"parameters": [], "one_answer": True, "abstract": False}
    grown["hooks"]["compute"]["execute"]["parameters"].append({**REQUIRED, "required": False})
    assert list(snapshot.breaks(surface, grown)) == []
