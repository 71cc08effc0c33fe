"""SQL by DuckDB."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from floe_plugins import (
    ComputePlugin,
    HealthState,
    HealthStatus,
    PluginError,
    PluginUnavailableError,
    StoragePlugin,
    UnsupportedOperationError,
)
from floe_plugins.hookspecs.compute import ComputeCapabilities
from floe_reference_compute_duckdb._database import Database
from floe_reference_compute_duckdb._dbapi import Connection
from floe_reference_compute_duckdb._files import READERS, check_target, copy, reader, to_local
from floe_reference_compute_duckdb._query import begin

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from floe_plugins.hookspecs.compute import Files, Query, TargetMode, WriteReport
    from floe_plugins.hookspecs.protocols import ArrowStream
    from floe_reference_compute_duckdb._storage import StorageFiles

IN_MEMORY = ":memory:"


class DuckDBConfig(BaseModel):
    """The database and its resources."""

    path: str = Field(
        default=IN_MEMORY, min_length=1, description="Database file, relative to the storage's root; :memory: for none"
    )
    storage: str | None = Field(default=None, description="Name of the storage plugin, if there are several")
    read_only: bool = Field(default=False, description="Open the database without the right to change it")
    threads: int | None = Field(default=None, ge=1, description="Threads of a query; all processors if not set")
    memory_limit: str | None = Field(
        default=None,
        pattern=r"^\d+(\.\d+)? ?([KMGT]i?B|%)$",
        description="Memory that queries may take, such as 4GB; 80% of the machine's if not set",
    )
    schemas: dict[str, str] = Field(
        default_factory=dict, description="Schema that dbt builds into, for each target; main where none is set"
    )


class DuckDBCompute(ComputePlugin):
    """SQL in DuckDB's dialect, with placeholders ``?`` and ``$name``.

    Files of the storage can be queried by the URI that ``StoragePlugin.uri``
    gives, and those of a local one by their path in it: ``FROM read_csv('sales/2026.csv')``.
    A result of more than some megabytes lies in a file without a name, beside the database.
    A database that another process holds is a service that is unavailable; one that
    cannot be opened for another reason is a ``PluginError``, and is left as it is.
    """

    name = "duckdb"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "SQL by DuckDB, over tables and the storage's files"
    dependencies = ("storage",)
    config_schema = DuckDBConfig
    config: DuckDBConfig

    def __init__(self) -> None:
        self._database = Database(self._connect, self._settings)
        self._refused = False
        self._files: StorageFiles | None = None

    def startup(self) -> None:
        with self._database.cursor():
            pass

    def shutdown(self) -> None:
        self._database.close(interrupt=True)

    def health_check(self) -> HealthStatus:
        # Not opened for this: another tool may be working on a database that was released.
        # But somebody wanted it back if that was refused, and whether it still is has to be known.
        if not self._database.is_open and not self._refused:
            return HealthStatus(HealthState.HEALTHY, "the database is released and opens at its next use")
        import duckdb

        details = {"database": self._location, "engine": duckdb.__version__}
        try:
            with self._database.cursor() as cursor:
                cursor.execute("SELECT 1").fetchone()
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, error.message, details)
        except duckdb.Error as error:
            return HealthStatus(HealthState.UNHEALTHY, f"DuckDB does not answer: {error}", details)
        return HealthStatus(HealthState.HEALTHY, "DuckDB answers", details)

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> ArrowStream:
        with self._database.cursor() as cursor:
            return _run(cursor, sql, parameters, self._directory)

    def register_table(self, name: str, data: ArrowStream) -> None:
        from floe_reference_compute_duckdb._results import pages

        # In pages, and not as it is: some versions of DuckDB read a stream twice.
        self._database.register(name, pages(data))

    @contextlib.contextmanager
    def connect(self) -> Generator[Connection, None, None]:
        with self._database.cursor() as cursor:
            connection = Connection(cursor)
            yield connection
            # A block that raised does not come here: closing the cursor rolls back.
            connection.finish()

    def dbt_profile(self, target: str) -> Mapping[str, Any]:
        if self.config.path == IN_MEMORY:
            message = "an in-memory database cannot be reached by dbt"
            raise UnsupportedOperationError(message, hint="Set plugins.compute.duckdb.path")
        output: dict[str, Any] = {
            "type": "duckdb",
            "path": self._location,
            "schema": self.config.schemas.get(target, "main"),
            "settings": self._settings(),
        }
        return output if self.config.threads is None else output | {"threads": self.config.threads}

    def release(self) -> None:
        if self.config.path == IN_MEMORY:
            # There is no file to let go of, and closing it would lose committed data.
            self._database.forget_tables()
        else:
            self._database.close()

    def submit(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Query:
        self._database.refuse_leaseholder()
        return begin(self._database, lambda cursor: _run(cursor, sql, parameters, self._directory), timeout)

    def attach(self, name: str, source: Files) -> None:
        import duckdb

        call = reader(source)
        try:
            self._database.attach(name, call)
        except (duckdb.Error, OSError) as error:
            raise ValueError(f"{source.uri} cannot be read as {source.format}: {error}") from error

    def write(self, sql: str, target: Files, mode: TargetMode = "error") -> WriteReport:
        check_target(target, mode)
        with self._database.cursor() as cursor:
            if target.uri.startswith("file://"):
                return to_local(target, mode, lambda place: copy(cursor, sql, target, place))
            if self._files is None:
                message = f"{target.uri} is not on this machine, as storage:{self._storage.name} is"
                raise UnsupportedOperationError(message, hint="Write to what StoragePlugin.uri gives")
            with self._files.whole(target.uri, mode) as place:
                return copy(cursor, sql, target, place)

    @contextlib.contextmanager
    def lease(self) -> Generator[None, None, None]:
        if self.config.path == IN_MEMORY:
            message = "an in-memory database cannot be opened by another tool"
            raise UnsupportedOperationError(message, hint="Set plugins.compute.duckdb.path")
        with self._database.leased():
            yield

    def capabilities(self) -> ComputeCapabilities:
        return ComputeCapabilities(
            dialect="duckdb",
            placeholders=("?", "$name"),
            transactions=True,
            cancel=True,
            streams=False,
            distributed=False,
            formats=tuple(READERS),
            targets=tuple(READERS),
        )

    @property
    def _storage(self) -> StoragePlugin:
        name = self.config.storage
        return self.registry.one(StoragePlugin) if name is None else self.registry.get(StoragePlugin, name)

    @property
    def _location(self) -> str:
        path = self.config.path
        if path == IN_MEMORY or Path(path).is_absolute():
            return path
        uri = self._storage.uri(path)
        if not uri.startswith("file://"):
            message = f"a database cannot lie in {uri}, where single blocks of a file cannot be changed"
            raise PluginError(message, hint="Set plugins.compute.duckdb.path to an absolute path, or to :memory:")
        return uri.removeprefix("file://")

    @property
    def _directory(self) -> Path | None:
        return None if self.config.path == IN_MEMORY else Path(self._location).parent

    @property
    def _is_local(self) -> bool:
        return self._storage.uri("any").startswith("file://")

    def _settings(self) -> dict[str, str]:
        # Others are reached through their plugin: DuckDB's own way is an extension that it would download.
        return dict(self._storage.properties("duckdb")) if self._is_local else {}

    def _connect(self) -> DuckDBPyConnection:
        import duckdb

        location = self._location
        if location != IN_MEMORY:
            Path(location).parent.mkdir(parents=True, exist_ok=True)
        # By default DuckDB takes an unknown table's name for a Python variable of whoever calls it.
        settings: dict[str, str | bool | int | float | list[str]] = {"python_enable_replacements": False}
        if self.config.threads is not None:
            settings["threads"] = self.config.threads
        if self.config.memory_limit is not None:
            settings["memory_limit"] = self.config.memory_limit
        self._refused = True
        try:
            connection = duckdb.connect(location, read_only=self.config.read_only, config=settings)
        except duckdb.Error as error:
            raise _explained(location, error) from error
        self._refused = False
        if not self._is_local:
            from floe_reference_compute_duckdb._storage import StorageFiles

            self._files = StorageFiles(self._storage)
            connection.register_filesystem(self._files)
        return connection


def _run(cursor: DuckDBPyConnection, sql: str, parameters: Any, directory: Path | None) -> ArrowStream:
    from floe_reference_compute_duckdb._results import kept

    result = cursor.sql(sql, params=parameters)
    # DuckDB 1 gives None for a statement that is no query; the type is DuckDB 2's.
    if result is None:  # pyright: ignore[reportUnnecessaryComparison]
        result = cursor.sql('SELECT 0::BIGINT AS "Count" WHERE false')
    return kept(result, directory)


def _explained(location: str, error: Exception) -> PluginError:
    # The words are looked for as a whole: "lock" alone is also in "block", and may be in the file's name.
    if any(words in str(error) for words in ("Could not set lock", "used by another process")):
        return PluginUnavailableError(f"{location} is held by another process", hint="Close the database there")
    hint = "If it is damaged, put a backup in its place; nothing was written to it"
    return PluginError(f"{location} cannot be opened: {error}", hint=hint)
