"""The steps of the pipeline. Any process can run one of them, by its name."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from issuer import Issuer
from memory import forget_peak, peak
from observing import Observer
from showing import draw, line, repeat, rows_of

import floe_plugins as floe
from floe_plugins.hookspecs.compute import Files
from floe_plugins.hookspecs.orchestrator import RunReport, Step, StepCall
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
_HERE: list["Pipeline"] = []


def run(name: str, config: str, home: str, times: int) -> None:
    """Run a step with the plugins that this process has started, or with its own."""
    if _HERE:
        _HERE[0].step(name)
        return
    with opened(config, Path(home), times) as (pipeline, _):
        pipeline.step(name)
        pipeline.note(name, told=pipeline.observer.close(deadline=5))


@contextmanager
def plugins_of_this_process(pipeline: "Pipeline") -> Iterator[None]:
    """Within the block, steps that run in this process use its plugins."""
    _HERE.append(pipeline)
    try:
        yield
    finally:
        _HERE.clear()


@contextmanager
def opened(config: str, home: Path, times: int) -> Iterator[tuple["Pipeline", floe.LifecycleReport]]:
    """The pipeline on plugins that are started for the block, and how they started."""
    registry = floe.PluginRegistry(config)
    try:
        started = registry.startup()
        started.raise_for_failures()
        yield Pipeline(registry, config, home, times), started
    finally:
        registry.shutdown()


class Pipeline:
    """The steps, each a method that returns what there is to say of it."""

    def __init__(self, registry: floe.PluginRegistry, config: str, home: Path, times: int) -> None:
        self.registry, self.config, self.home, self.times = registry, config, home, times
        self.observer = Observer(registry)
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
        sql = "SELECT * FROM days"
        with self.using(floe.ComputePlugin) as compute:
            distributed = compute.capabilities().distributed
            if "transform" not in self.names:
                named = {name: self.named(compute, name) for name in SOURCES}
                sql = (HERE / "days.sql").read_text(encoding="utf-8").format(**named)
            days = compute.execute(f"{sql} LIMIT 0" if distributed else sql)
        with self.using(floe.CatalogPlugin) as catalog:
            catalog.ensure_namespace("daylight")
            table = catalog.ensure_table("daylight.days", days).identifier
            if not distributed:
                return f"snapshot {catalog.replace(table, days)} of the table {table}"
        return self.publish_files(sql, table, days)

    def publish_files(self, sql: str, table: str, no_days: Any) -> str:
        """Publish what the engine's machines write: only the names of the files come here."""
        folder = f"{STEPS['publish']}/{os.urandom(8).hex()}"
        with self.using(floe.ComputePlugin) as compute:
            compute.write(sql, Files(self.uri(folder), "parquet"))
        with self.using(floe.StoragePlugin) as storage:
            files = [info.path for info in storage.list(f"{folder}/") if info.path.endswith(".parquet")]
        with self.using(floe.CatalogPlugin) as catalog:
            # Who reads the table between the two commits finds it empty.
            catalog.replace(table, no_days)
            snapshot = catalog.commit_files(table, [self.uri(file) for file in files])
            rows = catalog.load_table(table).rows
        self.note("publish", folder=folder)
        return f"snapshot {snapshot} of the table {table}, {rows} rows in {len(files)} files"

    def named(self, compute: floe.ComputePlugin, name: str) -> str:
        """What SQL calls a file of the landing: a table, or where the engine attaches none, its path."""
        uri = self.uri(f"landing/{name}.csv")
        try:
            # Others look at the first line themselves.
            header = {"header": "true"} if compute.capabilities().dialect == "spark" else {}
            compute.attach(name, Files(uri, "csv", header))
        except floe.UnsupportedOperationError:
            return "'{}'".format(uri.removeprefix("file://").replace("'", "''"))
        return name

    def answer(self) -> str:
        with self.using(floe.IdentityPlugin) as identity:
            asker = identity.verify(Issuer(self.home).token())
            if "analyst" not in identity.roles(asker):
                raise PermissionError(f"{asker.subject} may not ask: expected the role analyst")
        folder = self.record("publish").get("folder")
        with self.using(floe.CatalogPlugin) as catalog, self.using(floe.ComputePlugin) as compute:
            if folder is None:
                compute.register_table("published_days", catalog.read("daylight.days"))
            else:
                compute.attach("published_days", Files(self.uri(folder), "parquet"))
        with self.using(floe.SemanticLayerPlugin) as semantic:
            [(cities,)] = rows_of(semantic.query(CITIES))
            rows = rows_of(semantic.query(YEAR))
            drawn = rows_of(semantic.query(MONTHS if cities <= MOST else ZONES))
        picture = draw(drawn)
        with self.using(floe.StoragePlugin) as storage, storage.open(STEPS["answer"], "wb") as file:
            file.write(picture)
        self.note("answer", cities=cities, rows=rows)
        return f"{asker.subject} asked about {cities} cities, and got {len(rows) + len(drawn)} rows"

    def run(self) -> RunReport:
        for name in self.names:
            self._file(name).unlink(missing_ok=True)
        given = {"config": self.config, "home": str(self.home), "times": self.times}
        steps = [
            Step(name, StepCall("steps:run", {"name": name, **given}), self.names[:number][-1:])
            for number, name in enumerate(self.names)
        ]
        with self.using(floe.OrchestratorPlugin) as orchestrator:
            return orchestrator.run(orchestrator.build(steps))

    def step(self, name: str) -> None:
        number = self.names.index(name)
        before = self.names[:number][-1:]
        line(f"[{number + 1}/{len(self.names)}] {name} ... ", end="")
        forget_peak()
        with self.observer.running(name, [self.places[each] for each in before], [self.places[name]]):
            line(getattr(self, name)())
        work = {str(ref): seconds for ref, seconds in self.observer.seconds.items()}
        self.note(name, peak=peak(), process=os.getpid(), work=work)

    def note(self, name: str, **facts: Any) -> None:
        """Keep facts about a step for the process that began the run."""
        file = self._file(name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({**self.record(name), **facts}), encoding="utf-8")

    def record(self, name: str) -> dict[str, Any]:
        """The facts about a step of this run."""
        file = self._file(name)
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def work(self) -> Counter[str]:
        """The seconds that each plugin has worked in this process and in those of steps."""
        total = Counter({str(ref): seconds for ref, seconds in self.observer.seconds.items()})
        for record in map(self.record, self.names):
            if record.get("process") != os.getpid():
                total.update(record.get("work", {}))
        return total

    def _file(self, name: str) -> Path:
        return self.home / "steps" / f"{name}.json"
