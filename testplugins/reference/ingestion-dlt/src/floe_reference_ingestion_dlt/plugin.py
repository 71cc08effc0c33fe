"""Loads by dlt into the compute plugin's DuckDB."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field

from floe_plugins import (
    ComputePlugin,
    HealthState,
    HealthStatus,
    IngestionPlugin,
    PluginError,
)
from floe_plugins.hookspecs.ingestion import (
    Connector,
    ConnectorSource,
    IngestReport,
    Issue,
    SchemaChange,
    Severity,
    SourceStream,
    WriteMode,
)
from floe_reference_ingestion_dlt import _connectors, _database, _loading, _sources

_NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"


class DltConfig(BaseModel):
    """The target of loads and their working directory."""

    compute: str | None = Field(default=None, description="Name of the compute plugin; the only one if not set")
    dataset: str = Field(default="raw", pattern=f"^{_NAME}$", description="Schema of the tables in the database")
    state: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Field(
        default=Path("floe-dlt"),
        validate_default=True,
        description="Directory of loads under way and of failed ones; relative to the working directory",
    )
    keys: dict[str, list[str]] = Field(
        default_factory=dict, description="Columns by which a table's rows are merged, for each table"
    )
    schema_changes: Literal["evolve", "freeze"] = Field(
        default="evolve", description="Whether a source may add columns to a table that is there, or is refused"
    )
    connectors: dict[str, Annotated[str, Field(pattern=r"^\w+(\.\w+)*:\w+$")]] = Field(
        default_factory=dict, description="Functions that return a source of dlt, such as module:function, by names"
    )


class DltIngestion(IngestionPlugin):
    """Sources into tables of a DuckDB file that a compute plugin has.

    Sources are read side by side, the database is written by one load at a time.
    The compute plugin is asked to release its database for that. Once the plugin is
    being stopped no load begins, and those that still read their source end.
    """

    name = "dlt"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Loads by dlt into the compute plugin's DuckDB"
    dependencies = ("compute",)
    config_schema = DltConfig
    config: DltConfig

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._stopping = False
        self._tables: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def startup(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        self._stopping = False

    def shutdown(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.wait_for(lambda: not self._running)

    def health_check(self) -> HealthStatus:
        try:
            engine = importlib.metadata.version("dlt")
            database = _database.location_of(self._compute())
            waiting = sum(map(_loading.pending, self._directories()))
        except (PluginError, importlib.metadata.PackageNotFoundError, OSError) as error:
            return HealthStatus(HealthState.UNHEALTHY, f"nothing can be loaded: {error}")
        if self._home.exists() and not os.access(self._home, os.W_OK | os.X_OK):
            return HealthStatus(HealthState.UNHEALTHY, f"nothing can be loaded: {self._home} cannot be written")
        running = self._running
        details = {"engine": engine, "database": database, "running": running, "pending": waiting}
        # Of loads under way, too, something may lie there.
        if waiting > running:
            return HealthStatus(
                HealthState.DEGRADED,
                "failed loads are pending: resume_pending() completes them, discard_pending() drops them",
                details,
            )
        return HealthStatus(HealthState.HEALTHY, f"{running} loads are running", details)

    def validate(self, source: Any) -> tuple[Issue, ...]:
        _loading.silence()
        try:
            return _sources.issues_of(self._chosen(source))
        except ValueError as error:
            return (Issue(Severity.ERROR, str(error)),)

    def connectors(self) -> tuple[Connector, ...]:
        _loading.silence()
        return _connectors.described(self._connectors)

    def discover(self, source: Any) -> tuple[SourceStream, ...]:
        _loading.silence()
        if isinstance(source, ConnectorSource):
            return _connectors.streams_of(_connectors.opened(source, self._connectors))
        if isinstance(source, (str, Path)) or _sources.is_native(source):
            return _connectors.streams_of(str(source) if isinstance(source, Path) else source)
        message = f"a {type(source).__name__} does not tell what it consists of before it is loaded"
        raise ValueError(message)

    def run(self, source: Any, table: str, mode: WriteMode = "append") -> IngestReport:
        _loading.silence()
        source = self._chosen(source)
        self._check(source, table, mode)
        began = time.perf_counter()
        with self._counted(), self._tables[table]:
            directory = self._home / f"{self.config.dataset}_{table}"
            if _loading.pending(directory):
                message = f"an earlier load of table {table!r} failed and is pending in {directory}"
                raise PluginError(message, hint="Call resume_pending() to complete it, or discard_pending() to drop it")
            try:
                rows, load_id, changes = self._load(source, table, mode, directory)
            finally:
                if not _loading.pending(directory):
                    shutil.rmtree(directory, ignore_errors=True)
        return IngestReport(load_id, dict(rows), changes, time.perf_counter() - began)

    def discard_pending(self) -> int:
        discarded = 0
        for directory in self._directories():
            # What belongs to a load that is under way was not left behind.
            with self._tables[directory.name.removeprefix(f"{self.config.dataset}_")]:
                discarded += _loading.pending(directory)
                shutil.rmtree(directory, ignore_errors=True)
        return discarded

    def resume_pending(self) -> tuple[IngestReport, ...]:
        _loading.silence()
        reports = []
        for directory in self._directories():
            table = directory.name.removeprefix(f"{self.config.dataset}_")
            with self._counted(), self._tables[table]:
                if _loading.pending(directory):
                    reports.append(self._resume(table, directory))
        return tuple(reports)

    def _resume(self, table: str, directory: Path) -> IngestReport:
        began = time.perf_counter()
        compute = self._compute()
        target = _loading.Target(_database.location_of(compute), self.config.dataset, table, directory)
        with target.pipeline(anew=False) as pipeline:
            rows, load_id, changes = _database.exclusively(compute, lambda: _loading.resume(pipeline, table))
        shutil.rmtree(directory, ignore_errors=True)
        return IngestReport(load_id, rows, changes, time.perf_counter() - began)

    @property
    def _connectors(self) -> Mapping[str, str]:
        return {**_connectors.BUILT_IN, **self.config.connectors}

    def _chosen(self, source: Any) -> Any:
        return _connectors.chosen(source, self._connectors) if isinstance(source, ConnectorSource) else source

    def _check(self, source: Any, table: str, mode: str) -> None:
        if not re.fullmatch(_NAME, table):
            message = f"{table!r} cannot name a table: expected small letters, digits and single '_', a letter first"
            raise ValueError(message)
        if mode not in get_args(WriteMode):
            message = f"mode {mode!r} is not known: expected {', '.join(get_args(WriteMode))}"
            raise ValueError(message)
        errors = [issue for issue in self.validate(source) if issue.severity is Severity.ERROR]
        if errors:
            raise ValueError(errors[0].message)

    def _load(
        self, source: Any, table: str, mode: WriteMode, directory: Path
    ) -> tuple[Mapping[str, int], str, tuple[SchemaChange, ...]]:
        compute = self._compute()
        target = _loading.Target(_database.location_of(compute), self.config.dataset, table, directory)
        with target.pipeline() as pipeline:
            try:
                _database.exclusively(compute, pipeline.sync_destination)
                known = _loading.columns_of(pipeline, table)
                resource = _sources.resource_of(source, table, known, self._go_on)
                resource = _loading.keyed(resource, mode, self.config.keys.get(table, ()))
                freeze = self.config.schema_changes == "freeze"
                rows = _loading.extract(pipeline, resource, table, mode, freeze=freeze)
                self._go_on()
            except BaseException:
                # It may be pending in dlt's eyes, but nothing of it has reached the database.
                shutil.rmtree(directory, ignore_errors=True)
                raise
            load_id, changes = _database.exclusively(compute, lambda: _loading.load(pipeline, table, known))
        return rows, load_id, changes

    def _compute(self) -> ComputePlugin:
        if self.config.compute is None:
            return self.registry.one(ComputePlugin)
        return self.registry.get(ComputePlugin, self.config.compute)

    @property
    def _home(self) -> Path:
        return self.config.state / self.config.dataset

    def _directories(self) -> list[Path]:
        # The next load makes what is missing.
        return sorted(place for place in self._home.iterdir() if place.is_dir()) if self._home.exists() else []

    def _go_on(self) -> bool:
        if self._stopping:
            raise PluginError("nothing is loaded any more: the plugin is being stopped")
        return True

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._go_on()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
