"""What dbt's artifacts tell, as OpenLineage run events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_plugins.hookspecs.lineage_backend import ParentRun

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/main/integration/dbt"
_DATASETS = ("model", "seed", "snapshot", "source")
_DONE = ("success", "pass", "warn", "partial success")
# Nodes that did not run, so that nothing can be said of a run.
_NOT_RUN = ("skipped", "no-op")


def run_events(artifacts: Mapping[str, Path], namespace: str, parent: ParentRun | None) -> list[dict[str, Any]]:
    """A start and an end of each node that ran.

    Args:
        artifacts: at least ``manifest`` and ``run_results``; ``catalog`` has the types of columns.
        namespace: of jobs and datasets.
        parent: what the nodes are part of.

    Raises:
        ValueError: an artifact is missing, or is not what dbt writes.
    """
    try:
        manifest, results = _read(artifacts, "manifest"), _read(artifacts, "run_results")
        types = _types(_read(artifacts, "catalog")) if "catalog" in artifacts else {}
        nodes = {**manifest["nodes"], **manifest["sources"], **manifest.get("unit_tests", {})}
        project = Project(nodes, types, namespace)
        invocation = uuid.UUID(results["metadata"]["invocation_id"])
        generated = results["metadata"]["generated_at"]
        ran = [each for each in results["results"] if each["status"] not in _NOT_RUN]
        return [event for each in ran for event in _events(project, each, invocation, generated, parent)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"dbt's artifacts are not understood: {type(error).__name__}: {error}") from error


class Project:
    """The nodes of a project as datasets."""

    def __init__(self, nodes: Mapping[str, Any], types: Mapping[str, Mapping[str, str]], namespace: str) -> None:
        self.nodes = nodes
        self.namespace = namespace
        self._types = types

    def dataset(self, unique_id: str) -> dict[str, Any] | None:
        """The table or view that a node is; None if it is none."""
        node = self.nodes[unique_id]
        if node["resource_type"] not in _DATASETS or _is_ephemeral(node):
            return None
        parts = (node["database"], node["schema"], node.get("alias") or node.get("identifier") or node["name"])
        facets: dict[str, Any] = {"schema": _facet("1-1-1/SchemaDatasetFacet.json", fields=self._columns(unique_id))}
        if node.get("description"):
            facets["documentation"] = _facet("1-0-1/DocumentationDatasetFacet.json", description=node["description"])
        name = ".".join(str(part) for part in parts if part)
        return {"namespace": self.namespace, "name": name, "facets": facets}

    def inputs(self, unique_id: str) -> list[dict[str, Any]]:
        """The tables and views that a node is made from, also by way of those that are none themselves."""
        found: dict[str, dict[str, Any]] = {}
        waiting, seen = [*self._needs(unique_id)], {unique_id}
        while waiting:
            each = waiting.pop(0)
            if each in seen or each not in self.nodes:
                continue
            seen.add(each)
            dataset = self.dataset(each)
            if dataset is None:
                waiting += self._needs(each)
            else:
                found[each] = dataset
        return [*found.values()]

    def _needs(self, unique_id: str) -> list[str]:
        return list(self.nodes[unique_id].get("depends_on", {}).get("nodes", ()))

    def _columns(self, unique_id: str) -> list[dict[str, str]]:
        described = self.nodes[unique_id].get("columns", {})
        types = self._types.get(unique_id, {})
        # The catalog has all of them in order, the manifest those that the project describes.
        names = {name.lower(): name for name in described} | {name.lower(): name for name in types}
        fields = []
        for key in dict.fromkeys([*map(str.lower, types), *map(str.lower, described)]):
            told: Mapping[str, str] = next((value for name, value in described.items() if name.lower() == key), {})
            field = {"name": names[key], "type": types.get(names[key]) or told.get("data_type") or ""}
            field |= {"description": told.get("description") or ""}
            fields.append({name: value for name, value in field.items() if value})
        return fields


def _events(
    project: Project, result: Mapping[str, Any], invocation: uuid.UUID, generated: str, parent: ParentRun | None
) -> Iterator[dict[str, Any]]:
    unique_id = result["unique_id"]
    times = {each["name"]: each for each in result.get("timing", ())}
    begun = next((times[name]["started_at"] for name in ("compile", "execute") if name in times), generated)
    ended = next((times[name]["completed_at"] for name in ("execute", "compile") if name in times), generated)
    run_facets: dict[str, Any] = {}
    if parent is not None:
        run = {"runId": parent.run_id}
        job = {"namespace": parent.namespace, "name": parent.job}
        run_facets["parent"] = _facet("1-0-1/ParentRunFacet.json", run=run, job=job)
    node = project.nodes[unique_id]
    sql = result.get("compiled_code") or node.get("compiled_code")
    job_facets = {"sql": _facet("1-0-1/SQLJobFacet.json", query=sql)} if sql else {}
    made = project.dataset(unique_id)
    # The same each time, so that who tells of a command twice tells of the same runs.
    run_id = str(uuid.uuid5(invocation, unique_id))
    event = {
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": run_id, "facets": run_facets},
        "job": {"namespace": project.namespace, "name": unique_id, "facets": job_facets},
        "inputs": project.inputs(unique_id),
        "outputs": [] if made is None else [made],
    }
    yield {**event, "eventType": "START", "eventTime": begun or generated}
    good = result["status"] in _DONE
    if not good:
        message = str(result.get("message") or result["status"])
        facet = _facet("1-0-1/ErrorMessageRunFacet.json", message=message, programmingLanguage="SQL")
        event["run"] = {"runId": run_id, "facets": {**run_facets, "errorMessage": facet}}
    yield {**event, "eventType": "COMPLETE" if good else "FAIL", "eventTime": ended or generated}


def _read(artifacts: Mapping[str, Path], name: str) -> Any:
    if name not in artifacts:
        raise ValueError(f"dbt's artifact {name!r} is missing: expected what DBTPlugin.artifacts gives after a command")
    try:
        return json.loads(artifacts[name].read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"dbt's artifact {name!r} cannot be read: {error}") from error


def _types(catalog: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found = {**catalog["nodes"], **catalog["sources"]}
    return {
        unique_id: {column["name"]: str(column["type"]) for column in node["columns"].values()}
        for unique_id, node in found.items()
    }


def _is_ephemeral(node: Mapping[str, Any]) -> bool:
    return bool(node.get("config", {}).get("materialized") == "ephemeral")


def _facet(schema: str, **content: Any) -> dict[str, Any]:
    name = schema.rpartition("/")[2].removesuffix(".json")
    url = f"{_SPEC}/facets/{schema}#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}
