"""Plugins of all categories as an author wrote them for API 1.0."""

from __future__ import annotations

import contextlib
import io
import sqlite3
from pathlib import Path

from pydantic import BaseModel, SecretStr

from floe_plugins import (
    CatalogPlugin,
    ComputePlugin,
    DBTPlugin,
    HealthState,
    HealthStatus,
    IdentityPlugin,
    IngestionPlugin,
    LineageBackendPlugin,
    OrchestratorPlugin,
    SecretsPlugin,
    SemanticLayerPlugin,
    StoragePlugin,
    TelemetryBackendPlugin,
    UnsupportedOperationError,
    hookimpl,
)
from floe_plugins.hookspecs.catalog import TableRef
from floe_plugins.hookspecs.dbt import DbtManifest, DbtReport
from floe_plugins.hookspecs.identity import InvalidTokenError, Principal, TokenFault
from floe_plugins.hookspecs.ingestion import IngestReport, Issue, Severity
from floe_plugins.hookspecs.orchestrator import Plan, RunReport, StepResult, StepState
from floe_plugins.hookspecs.semantic_layer import FieldKind, SemanticField, SemanticModel
from floe_plugins.hookspecs.storage import ObjectInfo


class Config(BaseModel):
    greeting: str = "hello"
    token: SecretStr = SecretStr("none")


class Secrets(SecretsPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"
    description = "Secrets in memory"
    config_schema = Config
    config: Config

    def startup(self):
        self.kept = {"greeting": SecretStr(self.config.greeting)}

    def health_check(self):
        return HealthStatus(HealthState.HEALTHY, "fine", {"kept": len(self.kept)})

    @hookimpl(tryfirst=True)
    def get_secret(self, key):
        return self.kept.get(key)

    def secret_names(self, prefix=""):
        return tuple(sorted(name for name in self.kept if name.startswith(prefix)))

    def put_secret(self, key, value):
        self.kept[key] = value


class Storage(StoragePlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"
    dependencies = ("secrets:frozen>=1.0,<2",)
    optional_dependencies = ["secrets:absent"]
    timeouts = {"startup": 10}

    async def startup(self):
        self.files = {"a": b"1"}

    async def shutdown(self):
        self.files.clear()

    async def health_check(self):
        return HealthStatus(HealthState.DEGRADED, "in memory")

    def uri(self, path):
        return f"memory://{path}"

    def open(self, path, mode="rb"):
        return io.BytesIO(self.files[path])

    def list(self, prefix=""):
        return tuple(
            ObjectInfo(path, len(data)) for path, data in sorted(self.files.items()) if path.startswith(prefix)
        )

    def delete(self, path):
        return self.files.pop(path, None) is not None

    def filesystem(self):
        raise UnsupportedOperationError("there is no file system in memory")

    def properties(self, consumer):
        raise UnsupportedOperationError(f"{consumer} cannot reach memory")


class Compute(ComputePlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"
    dependencies = ["storage"]
    caller_thread = True

    def startup(self):
        self.storage = self.registry.get(StoragePlugin, "frozen")

    def execute(self, sql, parameters=None):
        return sqlite3.connect(":memory:").execute(sql, parameters or ()).fetchall()

    def register_table(self, name, data):
        raise UnsupportedOperationError("there are no tables")

    def connect(self):
        return contextlib.closing(sqlite3.connect(":memory:"))

    def dbt_profile(self, target):
        return {"type": "sqlite", "target": target}

    def release(self):
        return None


class Orchestrator(OrchestratorPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def build(self, steps):
        return Plan(tuple(steps))

    def run(self, plan, select=()):
        results = {}
        for step in plan.steps:
            step.run()
            results[step.name] = StepResult(step.name, StepState.SUCCEEDED)
        return RunReport(results, 0.0)

    def export(self, plan, directory, schedules=()):
        return Path(directory)


class Catalog(CatalogPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def ensure_namespace(self, namespace):
        return True

    def ensure_table(self, identifier, schema):
        return TableRef(identifier, "memory://")

    def append(self, identifier, data):
        return 1

    def replace(self, identifier, data):
        return 2

    def read(self, identifier, columns=None, limit=None):
        raise LookupError(identifier)

    def list_tables(self, namespace=None):
        return ()

    def drop_table(self, identifier, purge=False):
        return False


class Telemetry(TelemetryBackendPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def span_exporters(self):
        return []

    def metric_readers(self):
        return []

    def flush(self, deadline):
        return True


class Lineage(LineageBackendPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def emit(self, event):
        if "run" not in event:
            raise ValueError("run")

    def flush(self, deadline):
        return True

    def namespace(self, dataset):
        return dataset.partition(":")[0]


class Dbt(DBTPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def parse(self, project):
        return DbtManifest((), (), (), {})

    def build(self, project, select=(), exclude=(), full_refresh=False):
        return DbtReport(True, (), 0.0)

    def test(self, project, select=()):
        return DbtReport(True, (), 0.0)

    def artifacts(self, project):
        return {}


class SemanticLayer(SemanticLayerPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def describe(self):
        return SemanticModel((SemanticField("orders.amount", FieldKind.MEASURE, "number"),))

    def query(self, query):
        raise ValueError("no such field")

    def compile(self, query):
        return f"SELECT {', '.join(query.measures)}"


class Ingestion(IngestionPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def validate(self, source):
        return (Issue(Severity.ERROR, "no source"),) if source is None else ()

    def run(self, source, table, mode="append"):
        return IngestReport("1", {table: len(list(source))})

    def discard_pending(self):
        return 0


class Identity(IdentityPlugin):
    name = "frozen"
    version = "1.0.0"
    floe_api_version = "1.0"

    def verify(self, token, audience=None):
        if token != "good":  # noqa: S105 an example
            raise InvalidTokenError("not ours", reason=TokenFault.MALFORMED)
        return Principal("somebody", "frozen")

    def roles(self, principal):
        return frozenset({"reader"})

    def keys(self, refresh=False):
        return {"keys": []}
