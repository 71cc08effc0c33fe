# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "floe-plugins[cli,yaml]",
#   "floe-reference-catalog-iceberg",
#   "floe-reference-compute-datafusion",
#   "floe-reference-compute-duckdb",
#   "floe-reference-dbt-core",
#   "floe-reference-identity-oidc",
#   "floe-reference-ingestion-dlt",
#   "floe-reference-lineage-backend-openlineage",
#   "floe-reference-orchestrator-dagster",
#   "floe-reference-secrets-env",
#   "floe-reference-semantic-layer-bsl",
#   "floe-reference-storage-local",
#   "floe-reference-telemetry-backend-otel",
#   "matplotlib>=3.8",
# ]
#
# [tool.uv.sources]
# floe-plugins = { path = "../..", editable = true }
# floe-reference-catalog-iceberg = { path = "../../testplugins/reference/catalog-iceberg", editable = true }
# floe-reference-compute-datafusion = { path = "../../testplugins/reference/compute-datafusion", editable = true }
# floe-reference-compute-duckdb = { path = "../../testplugins/reference/compute-duckdb", editable = true }
# floe-reference-dbt-core = { path = "../../testplugins/reference/dbt-core", editable = true }
# floe-reference-identity-oidc = { path = "../../testplugins/reference/identity-oidc", editable = true }
# floe-reference-ingestion-dlt = { path = "../../testplugins/reference/ingestion-dlt", editable = true }
# floe-reference-lineage-backend-openlineage = {path="../../testplugins/reference/lineage-openlineage", editable=true}
# floe-reference-orchestrator-dagster = { path = "../../testplugins/reference/orchestrator-dagster", editable = true }
# floe-reference-secrets-env = { path = "../../testplugins/reference/secrets-env", editable = true }
# floe-reference-semantic-layer-bsl = { path = "../../testplugins/reference/semantic-layer-bsl", editable = true }
# floe-reference-storage-local = { path = "../../testplugins/reference/storage-local", editable = true }
# floe-reference-telemetry-backend-otel = { path = "../../testplugins/reference/telemetry-otel", editable = true }
# ///
"""How long is the day, all year round, in twelve cities? A little data platform, made of plugins, finds out.

    uv run examples/pipeline/run.py [CONFIGURATION [DIRECTORY]]

The script says what is to be done, the configured plugins do it; where dbt and ingestion are not, plain SQL does.
"""

import logging
import os
import sys
from functools import partial
from pathlib import Path

from issuer import issue
from observing import Observer
from showing import draw, line, rows_of, show_times, table

import floe_plugins as floe
from floe_plugins.hookspecs.orchestrator import RunReport, Step
from floe_plugins.hookspecs.semantic_layer import SemanticQuery

HERE = Path(__file__).resolve().parent
SOURCES = ("cities", "daylight")
# Each step, and the place in the storage that it writes; it reads what the step before it wrote.
STEPS = {"ingest": "landing", "transform": "warehouse.duckdb", "publish": "daylight/days", "answer": "daylight.png"}
CITY, NORTH, MONTH = "days.city", "days.latitude", "days.month"
YEAR = SemanticQuery(("days.shortest", "days.longest", "days.mean", "days.dark"), (CITY, NORTH), order_by=[f"-{NORTH}"])
MONTHS = SemanticQuery(("days.mean",), (CITY, NORTH, MONTH), order_by=[f"-{NORTH}", MONTH])


class Pipeline:
    """The steps, each a method that returns what there is to say of it."""

    def __init__(self, registry: floe.PluginRegistry, token: str) -> None:
        self.registry, self.token, self.observer = registry, token, Observer(registry)
        self.answers: list[list[tuple[object, ...]]] = []
        self.using, self.uri = self.observer.using, registry.one(floe.StoragePlugin).uri
        self.names = [name for name in STEPS if name != "transform" or registry.list(floe.DBTPlugin)]
        self.places = {name: self.uri(STEPS[name]) for name in self.names}

    def ingest(self) -> str:
        for name in SOURCES:
            with self.using(floe.StoragePlugin) as storage, storage.open(f"landing/{name}.csv", "wb") as file:
                file.write((HERE / "data" / f"{name}.csv").read_bytes())
        if not self.registry.list(floe.IngestionPlugin):
            return "the files are queried where they lie"
        with self.using(floe.IngestionPlugin) as ingestion:
            loads = [ingestion.run(self.uri(f"landing/{name}.csv"), name, "replace") for name in SOURCES]
        return f"{sum(sum(load.rows.values()) for load in loads)} rows are in the warehouse"

    def transform(self) -> str:
        with self.using(floe.DBTPlugin) as dbt:
            report = dbt.build(HERE / "transform")
        if not report.ok:
            raise RuntimeError("; ".join(node.message for node in report.results if node.message))
        return f"{len(report.results)} models and tests succeeded"

    def publish(self) -> str:
        sql = "SELECT * FROM days" if "transform" in self.names else (HERE / "days.sql").read_text(encoding="utf-8")
        landing = self.uri("landing").removeprefix("file://").replace("'", "''")
        with self.using(floe.ComputePlugin) as compute:
            days = compute.execute(sql.format(landing=landing))
        with self.using(floe.CatalogPlugin) as catalog:
            catalog.ensure_namespace("daylight")
            made = catalog.ensure_table("daylight.days", days)
            return f"snapshot {catalog.replace(made.identifier, days)} of the table {made.identifier}"

    def answer(self) -> str:
        with self.using(floe.IdentityPlugin) as identity:
            asker = identity.verify(self.token)
            if "analyst" not in identity.roles(asker):
                raise PermissionError(f"{asker.subject} may not ask: expected the role analyst")
        with self.using(floe.CatalogPlugin) as catalog, self.using(floe.ComputePlugin) as compute:
            compute.register_table("published_days", catalog.read("daylight.days"))
        with self.using(floe.SemanticLayerPlugin) as semantic:
            self.answers = [rows_of(semantic.query(query)) for query in (YEAR, MONTHS)]
        picture = draw(self.answers[1])
        with self.using(floe.StoragePlugin) as storage, storage.open(STEPS["answer"], "wb") as file:
            file.write(picture)
        return f"{asker.subject} asked, and got {sum(map(len, self.answers))} rows"

    def run(self) -> RunReport:
        steps = [Step(name, partial(self.step, i), self.names[:i][-1:]) for i, name in enumerate(self.names)]
        with self.using(floe.OrchestratorPlugin) as orchestrator:
            return orchestrator.run(orchestrator.build(steps))

    def step(self, number: int) -> None:
        name, *before = reversed(self.names[: number + 1])
        line(f"[{number + 1}/{len(self.names)}] {name} ... ", end="")
        with self.observer.running(name, [self.places[step] for step in before[:1]], [self.places[name]]):
            line(getattr(self, name)())


def main(config: str = str(HERE / "floe.yaml"), directory: str = "floe-data/pipeline") -> int:
    """Run the pipeline; 1 if a step failed."""
    home = Path(directory).absolute()
    # What the configuration, the secrets plugin and matplotlib read.
    os.environ |= {"PIPELINE_CODE": str(HERE), "PIPELINE_DATA": str(home), "MPLCONFIGDIR": str(home / "matplotlib")}
    os.environ["FLOE_SECRET_CATALOG_URI"] = f"sqlite:///{home}/catalog.db"
    token = issue(home / "jwks.json", "ada", ["analyst"])
    logging.basicConfig(filename=home / "log.txt")
    registry = floe.PluginRegistry(config)
    try:
        started = registry.startup()
        started.raise_for_failures()
        line(f"{len(started.outcomes)} plugins started in {started.seconds:.1f} s")
        pipeline = Pipeline(registry, token)
        report, told = pipeline.run(), pipeline.observer.close(deadline=5)
    finally:
        registry.shutdown()
    for rows in pipeline.answers[:1]:
        table("city;north;shortest day, h;longest;mean;days without sun", rows)
    show_times(report, pipeline.places, started, pipeline.observer.seconds)
    line(f"\nEvents of lineage, spans and metrics lie in {home}/observed{'' if told else ', but not all were sent'}.")
    return 0 if report.ok and told else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
