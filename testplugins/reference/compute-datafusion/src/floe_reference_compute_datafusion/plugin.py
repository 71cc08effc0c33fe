"""SQL by Apache DataFusion."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ByteSize, Field

from floe_plugins import ComputePlugin, HealthState, HealthStatus, StoragePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.compute import ComputeCapabilities
from floe_plugins.hookspecs.running import InThread
from floe_reference_compute_datafusion._database import Database
from floe_reference_compute_datafusion._dbapi import Connection
from floe_reference_compute_datafusion._query import DataFusionQuery
from floe_reference_compute_datafusion._sources import FORMATS, Sources
from floe_reference_compute_datafusion._writing import TARGETS, check_target, write

if TYPE_CHECKING:
    from datafusion import SessionContext

    from floe_plugins.hookspecs.compute import Files, Query, TargetMode, WriteReport
    from floe_plugins.hookspecs.protocols import ArrowStream
    from floe_reference_compute_datafusion._files import Files as Versions


class DataFusionConfig(BaseModel):
    """The location of the tables and the resources for queries."""

    path: str | None = Field(
        default=None, min_length=1, description="Folder of the storage that keeps the tables; in memory only if not set"
    )
    storage: str | None = Field(default=None, description="Name of the storage plugin, if there are several")
    threads: int | None = Field(default=None, ge=1, description="Threads of a query; all processors if not set")
    memory_limit: ByteSize | None = Field(
        default=None, gt=0, description="Memory that a query may take, such as 4GiB; all there is if not set"
    )


class DataFusionCompute(ComputePlugin):
    """SQL in DataFusion's dialect, with placeholders ``$1`` and ``$name``.

    Definitions (``CREATE TABLE t AS ...``) take no parameters: DataFusion refuses them.

    Tables are in memory while the plugin runs. A transaction sees them as they were
    when it began; of two that change the same table, the one that commits later
    fails with ``ConcurrentChangeError``. With a ``path`` each commit is kept in
    the storage, as Parquet files. A query that was submitted reads the tables as they
    were then, whatever becomes of them, so ``release`` does not wait for it.
    """

    name = "datafusion"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "SQL by Apache DataFusion, over tables and files"
    dependencies = ("storage",)
    config_schema = DataFusionConfig
    config: DataFusionConfig

    def __init__(self) -> None:
        self._database = Database(self._context, self._files)
        self._sources: Sources | None = None
        self._queries: weakref.WeakSet[DataFusionQuery] = weakref.WeakSet()

    def startup(self) -> None:
        self._database.open()

    def shutdown(self) -> None:
        for query in [*self._queries]:
            query.cancel()
        # A statement that was not submitted cannot be interrupted: it goes on, and commits nothing.
        self._database.close()
        self._sources = None

    def health_check(self) -> HealthStatus:
        # Not opened for this: another process may be working on tables that were released.
        if not self._database.is_open:
            return HealthStatus(HealthState.HEALTHY, "the tables are released and are read at their next use")
        import datafusion

        details = {"tables": self.config.path or "in memory", "engine": datafusion.__version__}
        try:
            self._database.execute("SELECT 1", None)
        except Exception as error:  # noqa: BLE001 DataFusion's own errors have no class of their own
            return HealthStatus(HealthState.UNHEALTHY, f"DataFusion does not answer: {error}", details)
        return HealthStatus(HealthState.HEALTHY, "DataFusion answers", details)

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> ArrowStream:
        table: ArrowStream = self._database.execute(sql, parameters)
        return table

    def register_table(self, name: str, data: ArrowStream) -> None:
        import pyarrow as pa

        self._database.register(name, pa.RecordBatchReader.from_stream(data).read_all())

    @contextlib.contextmanager
    def connect(self) -> Generator[Connection]:
        with self._database.used():
            connection = Connection(self._database)
            try:
                yield connection
                # A block that raised does not come here, and what it did is forgotten.
                connection.finish()
            finally:
                connection.close()

    def dbt_profile(self, target: str) -> Mapping[str, Any]:
        message = "dbt has no adapter for DataFusion"
        raise UnsupportedOperationError(message, hint="Choose another compute plugin for dbt, such as compute:duckdb")

    def release(self) -> None:
        self._database.release()

    def submit(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Query:
        frame = self._database.plan(sql, parameters)
        if frame is None:
            # It changes something, which is done as a whole, or says what is wrong with it.
            return InThread(lambda: self.execute(sql, parameters), "a query of compute:datafusion", timeout=timeout)
        query = DataFusionQuery(frame, timeout)
        self._queries.add(query)
        return query

    def attach(self, name: str, source: Files) -> None:
        self._database.attach(name, lambda context: self._reached.table(context, source))

    def write(self, sql: str, target: Files, mode: TargetMode = "error") -> WriteReport:
        check_target(target, mode)
        frame = self._database.plan(sql, None)
        if frame is None:
            # Raises what is wrong with an invalid one.
            self.execute(f"EXPLAIN {sql}")
            raise ValueError("the statement changes something: expected one query")
        query = DataFusionQuery(frame, None)
        self._queries.add(query)
        try:
            return write(query.result(), target, mode, self._storage)
        finally:
            query.cancel()

    def capabilities(self) -> ComputeCapabilities:
        return ComputeCapabilities(
            dialect="datafusion",
            placeholders=("$1", "$name"),
            transactions=True,
            cancel=True,
            streams=True,
            distributed=False,
            formats=FORMATS,
            targets=TARGETS,
        )

    @property
    def _storage(self) -> StoragePlugin:
        name = self.config.storage
        return self.registry.one(StoragePlugin) if name is None else self.registry.get(StoragePlugin, name)

    @property
    def _reached(self) -> Sources:
        if self._sources is None:
            self._sources = Sources(self._storage)
        return self._sources

    def _context(self) -> SessionContext:
        from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

        settings = SessionConfig(
            {
                "datafusion.catalog.information_schema": "true",
                # Not all who read Arrow know string views, which DataFusion likes best.
                "datafusion.optimizer.expand_views_at_output": "true",
            }
        )
        if self.config.threads is not None:
            settings = settings.with_target_partitions(self.config.threads)
        runtime = RuntimeEnvBuilder()
        if self.config.memory_limit is not None:
            runtime = runtime.with_fair_spill_pool(self.config.memory_limit)
        context = SessionContext(settings, runtime).enable_url_table()
        self._reached.let_in(context)
        return context

    def _files(self) -> Versions | None:
        if self.config.path is None:
            return None
        from floe_reference_compute_datafusion._files import Files

        return Files(self._storage, self.config.path)
