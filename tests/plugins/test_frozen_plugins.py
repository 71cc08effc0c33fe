"""Plugins as written for older API versions run on this platform, unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from floe_plugins import FLOE_API_VERSION, PluginType

FROZEN = sorted(path.parent for path in (Path(__file__).parents[2] / "testplugins" / "frozen").glob("*/pyproject.toml"))

RUN = """
    import json
    from floe_plugins import PluginRegistry, PluginType, SecretsPlugin
    from floe_plugins.hookspecs.orchestrator import Step
    from floe_plugins.hookspecs.semantic_layer import SemanticQuery
    registry = PluginRegistry({"plugins": {"secrets": {"frozen": {"greeting": "hi"}}}}, autoload="all")
    said = {"versions": {str(info.ref): info.floe_api_version for info in registry.infos()}}
    said["started"] = [[str(o.ref), str(o.state)] for o in registry.startup().outcomes]
    said["health"] = {str(ref): str(status.state) for ref, status in registry.health().statuses.items()}
    hook = lambda slug: registry.manager(PluginType.parse(slug)).hook
    said["calls"] = [
        hook("secrets").get_secret(key="greeting").get_secret_value(),
        hook("storage").uri(path="x"),
        hook("compute").execute(sql="SELECT 1"),
        hook("orchestrator").run(plan=hook("orchestrator").build(steps=[Step("one", print)])).ok,
        hook("catalog").list_tables(),
        hook("telemetry_backend").flush(deadline=1.0),
        hook("lineage_backend").namespace(dataset="file:/a"),
        hook("dbt").build(project=".").ok,
        hook("semantic_layer").compile(query=SemanticQuery(measures=["a"])),
        hook("ingestion").run(source=[1], table="t").rows,
        sorted(hook("identity").roles(principal=hook("identity").verify(token="good"))),
    ]
    said["stopped"] = registry.shutdown().ok
    said["problems"] = [str(problem) for problem in registry.problems]
    import sys
    print(json.dumps(said), file=sys.stderr)
"""


@pytest.mark.parametrize("project", FROZEN, ids=lambda path: path.name)
def test_plugins_of_an_older_api_run_unchanged(environment: Any, project: Path) -> None:
    said = json.loads(environment(project).run(RUN).stderr)
    refs = {f"{member.slug}:frozen" for member in PluginType}
    assert said["versions"] == dict.fromkeys(refs, project.name.removeprefix("api-"))
    assert {ref for ref, state in said["started"] if state == "succeeded"} == refs
    order = [ref for ref, _ in said["started"]]
    assert order.index("secrets:frozen") < order.index("storage:frozen") < order.index("compute:frozen")
    assert said["health"] == {**dict.fromkeys(refs, "healthy"), "storage:frozen": "degraded"}
    assert said["calls"] == [
        "hi",
        "memory://x",
        [[1]],
        True,
        [],
        [True],
        "file",
        True,
        "SELECT a",
        {"t": 1},
        ["reader"],
    ]
    assert said["stopped"]
    assert said["problems"] == []


def test_every_api_version_but_the_present_one_has_its_plugins() -> None:
    older = {path.stem for path in (Path(__file__).parents[1] / "api").glob("*.json")} - {FLOE_API_VERSION}
    assert {f"api-{version}" for version in older} <= {path.name for path in FROZEN}
