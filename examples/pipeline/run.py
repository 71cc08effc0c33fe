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

    uv run examples/pipeline/run.py [CONFIGURATION [DIRECTORY [TIMES]]]

The script says what is to be done, the configured plugins do it; where dbt and ingestion are not, plain SQL does.
With TIMES there are so many times as many cities, and so much data.
"""

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from holding import held
from issuer import Issuer
from memory import forget_peak, peak
from observing import Observer
from showing import draw, line, repeat, rows_of, show_times, table

import floe_plugins as floe
from floe_plugins.hookspecs.orchestrator import RunReport, Step
from floe_plugins.hookspecs.semantic_layer import SemanticQuery

HERE = Path(__file__).resolve().parent
SOURCES = ("cities", "daylight")
# Each step, and the place in the storage that it writes; it reads what the step before it wrote.
STEPS = {"ingest": "landing", "transform": "warehouse.duckdb", "publish": "daylight/days", "answer": "daylight.png"}
CITY, NORTH, ZONE, MONTH, MOST = "days.city", "days.latitude", "days.zone", "days.month", 12
CITIES = SemanticQuery(("days.cities",))
YEAR = SemanticQuery(
    ("days.shortest", "days.longest", "days.mean", "days.dark"), (CITY, NORTH), order_by=[f"-{NORTH}", CITY], limit=MOST
)
MONTHS = SemanticQuery(("days.mean",), (CITY, NORTH, MONTH), order_by=[f"-{NORTH}", CITY, MONTH])
ZONES = SemanticQuery(("days.mean", "days.cities"), (ZONE, MONTH), order_by=[f"-{ZONE}", MONTH])


class Pipeline:
    """The steps, each a method that returns what there is to say of it."""

    def __init__(self, registry: floe.PluginRegistry, token: Callable[[], str], times: int) -> None:
        self.registry, self.token, self.times, self.observer = registry, token, times, Observer(registry)
        self.answer_rows: list[tuple[object, ...]] = []
        self.cities, self.peaks = 0, dict[str, int | str]()
        self.using, self.uri = self.observer.using, registry.one(floe.StoragePlugin).uri
        self.names = [name for name in STEPS if name != "transform" or registry.list(floe.DBTPlugin)]
        self.places = {name: self.uri(STEPS[name]) for name in self.names}

    def ingest(self) -> str:
        for name in SOURCES:
            with self.using(floe.StoragePlugin) as storage, storage.open(f"landing/{name}.csv", "wb") as file:
                repeat(HERE / "data" / f"{name}.csv", file, self.times)
        if not self.registry.list(floe.IngestionPlugin):
            return "the files are queried where they lie"
        with self.using(floe.IngestionPlugin) as ingestion:
            ingestion.discard_pending()  # of a run that was killed: the files have it all
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
            asker = identity.verify(self.token())
            if "analyst" not in identity.roles(asker):
                raise PermissionError(f"{asker.subject} may not ask: expected the role analyst")
        with self.using(floe.CatalogPlugin) as catalog, self.using(floe.ComputePlugin) as compute:
            compute.register_table("published_days", catalog.read("daylight.days"))
        with self.using(floe.SemanticLayerPlugin) as semantic:
            [(self.cities,)] = rows_of(semantic.query(CITIES))
            self.answer_rows = rows_of(semantic.query(YEAR))
            drawn = rows_of(semantic.query(MONTHS if self.cities <= MOST else ZONES))
        picture = draw(drawn)
        with self.using(floe.StoragePlugin) as storage, storage.open(STEPS["answer"], "wb") as file:
            file.write(picture)
        return f"{asker.subject} asked about {self.cities} cities, and got {len(self.answer_rows) + len(drawn)} rows"

    def run(self) -> RunReport:
        steps = [Step(name, partial(self.step, i), self.names[:i][-1:]) for i, name in enumerate(self.names)]
        with self.using(floe.OrchestratorPlugin) as orchestrator:
            return orchestrator.run(orchestrator.build(steps))

    def step(self, number: int) -> None:
        name, *before = reversed(self.names[: number + 1])
        line(f"[{number + 1}/{len(self.names)}] {name} ... ", end="")
        forget_peak()
        with self.observer.running(name, [self.places[step] for step in before[:1]], [self.places[name]]):
            line(getattr(self, name)())
        self.peaks[name] = peak()


def main(config: str = str(HERE / "floe.yaml"), directory: str = "floe-data/pipeline", times: str = "1") -> int:
    """Run the pipeline; 1 if a step failed."""
    home = Path(directory).absolute()
    # What the configuration, the secrets plugin and matplotlib read.
    os.environ |= {"PIPELINE_CODE": str(HERE), "PIPELINE_DATA": str(home), "MPLCONFIGDIR": str(home / "matplotlib")}
    os.environ["FLOE_SECRET_CATALOG_URI"] = f"sqlite:///{home}/catalog.db"
    with held(home):
        logging.basicConfig(filename=home / "log.txt")
        issuer, registry = Issuer(home / "jwks.json", "ada", ["analyst"]), floe.PluginRegistry(config)
        try:
            started = registry.startup()
            started.raise_for_failures()
            line(f"{len(started.outcomes)} plugins started in {started.seconds:.1f} s")
            pipeline = Pipeline(registry, issuer.token, int(times))
            report, told = pipeline.run(), pipeline.observer.close(deadline=5)
        finally:
            registry.shutdown()
    if pipeline.answer_rows:
        table("city;north;shortest day, h;longest;mean;days without sun", pipeline.answer_rows)
        if pipeline.cities > MOST:
            line(f"\nand {pipeline.cities - MOST} cities further south")
    show_times(report, pipeline.places, pipeline.peaks, started, pipeline.observer.seconds)
    line(f"\nEvents of lineage, spans and metrics lie in {home}/observed{'' if told else ', but not all were sent'}.")
    return 0 if report.ok and told else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
