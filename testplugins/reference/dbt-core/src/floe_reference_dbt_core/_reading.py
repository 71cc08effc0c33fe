"""dbt's objects as floe's records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins.hookspecs.dbt import DbtManifest, DbtNodeResult, DbtReport

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult
    from dbt.contracts.graph.manifest import Manifest


def manifest_of(manifest: Manifest) -> DbtManifest:
    """The nodes of the project."""
    parents = {**manifest.parent_map} if manifest.parent_map else {}
    parents |= {test.unique_id: test.depends_on.nodes for test in manifest.unit_tests.values()}
    return DbtManifest(
        models=_of_kind(manifest, "model"),
        tests=tuple(sorted((*_of_kind(manifest, "test"), *manifest.unit_tests))),
        sources=tuple(sorted(manifest.sources)),
        depends_on={unique_id: tuple(parents[unique_id]) for unique_id in sorted(parents)},
    )


def _of_kind(manifest: Manifest, kind: str) -> tuple[str, ...]:
    return tuple(sorted(node.unique_id for node in manifest.nodes.values() if node.resource_type == kind))


def report_of(results: list[NodeResult], *, ok: bool, seconds: float) -> DbtReport:
    """The result of a command."""
    return DbtReport(ok=ok, results=tuple(_result(result) for result in results), seconds=seconds)


def _result(result: NodeResult) -> DbtNodeResult:
    affected = result.adapter_response.get("rows_affected")
    return DbtNodeResult(
        unique_id=result.node.unique_id,
        status=str(result.status),
        seconds=result.execution_time,
        message=result.message or "",
        rows=result.failures if affected is None else int(affected),
    )
