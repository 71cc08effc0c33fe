"""What is known of a plugin without importing it, and after."""

from __future__ import annotations

from typing import Any

FACTS = """
    import json
    from floe_plugins import PluginRegistry, PluginType
    registry = PluginRegistry()
    before = {str(info.ref): info.to_dict() for info in registry.infos()}
    registry.list()
    after = {str(info.ref): info.to_dict() for info in registry.infos()}
    print(json.dumps([before, after]))
"""


def test_what_the_source_says_is_what_the_loaded_plugin_says(environment: Any) -> None:
    before, after = environment("storage-local", "compute-duckdb").json(FACTS)
    for ref, known in before.items():
        for fact in ("version", "floe_api_version", "description", "dependencies", "optional_dependencies"):
            assert known[fact] == after[ref][fact]
    assert {known["state"] for known in before.values()} == {"discovered"}
    assert {known["state"] for known in after.values()} == {"loaded"}


def test_what_only_the_loaded_plugin_knows_is_none_before(environment: Any) -> None:
    before, after = environment("unhashable").json(FACTS)
    assert before["secrets:unhashable"]["version"] is None
    assert after["secrets:unhashable"]["version"] == "0.1.0"


def test_an_incompatible_plugin_says_so_before_it_is_imported(environment: Any) -> None:
    before, _ = environment("newer-api", "newer-requires").json(FACTS)
    for known in before.values():
        [problem] = known["problems"]
        assert problem["stage"] == "load"
        assert problem["distribution"].startswith("floe-faulty-newer")
        assert problem["hint"]
